import { formatBytes, formatCount } from "../format.ts";
import { WarningIcon } from "../icons.tsx";
import type { NetworkView } from "./network.ts";
import { videosWatched } from "./viewers-panel.tsx";
import { answers, copiesFact, type Fact, machinesFact } from "./words.ts";

/** The whole in a few numbers. */
export function Facts({ view }: { view: NetworkView }) {
  const { library, cluster, repair, viewers } = view.status;
  const free = view.nodes.filter(answers).reduce((sum, node) => sum + node.free, 0);
  const copies = copiesFact(cluster, repair, view.nodes);
  return (
    <ul class="facts">
      <FactTile
        title={formatCount(library.videos, "video")}
        text={`${formatBytes(library.bytes)} in the library`}
        fine
      />
      <FactTile {...machinesFact(cluster, free)} />
      {copies !== null && <FactTile {...copies} />}
      <FactTile
        title={formatCount(viewers.length, "viewer")}
        text={watchedWords(videosWatched(viewers).length)}
        fine
      />
    </ul>
  );
}

function FactTile({ title, text, fine }: Fact) {
  return (
    <li class={fine ? undefined : "fact-bad"}>
      <strong>
        {!fine && <WarningIcon />}
        {title}
      </strong>
      <span class="any-length">{text}</span>
    </li>
  );
}

function watchedWords(videos: number): string {
  return videos > 1 ? `watching ${formatCount(videos, "video")}` : "watching now";
}
