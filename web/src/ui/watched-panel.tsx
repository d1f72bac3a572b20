import { useSignal } from "@preact/signals";
import type { WatchedFolder } from "../api/watched.ts";
import { useApp } from "./app-context.ts";
import { formatAgo, formatCount } from "./format.ts";
import { WarningIcon } from "./icons.tsx";
import { usePoll } from "./use-poll.ts";

const lookEveryMs = 10_000;

/** How the watched folder is; nothing where none is watched. */
export function WatchedPanel() {
  const { api } = useApp();
  const folder = useSignal<WatchedFolder | null>(null);
  usePoll(
    async (signal) => {
      folder.value = await api.getWatchedFolder(signal);
    },
    () => lookEveryMs,
    "watched",
  );
  if (folder.value === null) return null;
  return (
    <section class="panel prose watched" aria-labelledby="watched">
      <h2 id="watched">Watched folder</h2>
      <p class="any-length">
        <code>{folder.value.dir}</code>
      </p>
      <p>{watchedLine(folder.value, Date.now())}</p>
      {folder.value.warnings.map((warning) => (
        <p key={warning} class="watched-warning">
          <WarningIcon />
          <span class="any-length">{warning}</span>
        </p>
      ))}
      <p class="hint">
        Films that appear there are added by themselves. What is deleted there stays in the library.
      </p>
    </section>
  );
}

/** How many films there are, and what becomes of them. */
export function watchedLine(folder: WatchedFolder, now: number): string {
  if (folder.scanned === "") return "It is being looked through for the first time.";
  const films = formatCount(folder.films, "film");
  const waiting =
    folder.waiting === 0
      ? "none waits"
      : `${folder.waiting} wait${folder.waiting === 1 ? "s" : ""} to be added`;
  return `${films}, ${waiting}. Looked through ${formatAgo(Date.parse(folder.scanned), now)}.`;
}
