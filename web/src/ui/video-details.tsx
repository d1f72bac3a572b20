import type { Signal } from "@preact/signals";
import { hasWholeQuality, isAway, isBusy, type Video } from "../api/video.ts";
import { formatDuration } from "../player/duration.ts";
import { qualityName } from "../player/tracks.ts";
import { workLine } from "./add-steps.ts";
import { useApp } from "./app-context.ts";
import { CopiesFact } from "./copies-fact.tsx";
import { formatAgo, formatBytes } from "./format.ts";
import { ShareIcon } from "./icons.tsx";
import { awayLine, Where } from "./preparer.tsx";
import { ShareDialog } from "./video-dialogs.tsx";
import { VideoMenu } from "./video-menu.tsx";

/** What is told of a video below its picture. */
export function VideoDetails(props: {
  video: Signal<Video | null>;
  sharing: Signal<boolean>;
  onSubtitles: () => void;
  onStopped: () => void;
}) {
  const { session, router } = useApp();
  const { sharing } = props;
  const video = props.video.value;
  if (video === null) return null;
  return (
    <div class="details">
      <div class="details-head">
        <h1 class="details-title" tabIndex={-1}>
          {video.title}
        </h1>
        <div class="details-actions">
          <button
            type="button"
            class="button"
            onClick={() => {
              sharing.value = true;
            }}
          >
            <ShareIcon /> Share
          </button>
          {session.mayChange.value && (
            <VideoMenu
              video={video}
              onChanged={(changed) => {
                props.video.value = changed;
              }}
              onStopped={props.onStopped}
              onDeleted={() => router.go("/")}
              onSubtitles={props.onSubtitles}
            />
          )}
        </div>
      </div>
      <ul class="details-facts">
        {factsOf(video).map((fact) => (
          <li key={fact}>{fact}</li>
        ))}
        <CopiesFact video={video} />
      </ul>
      {video.playable && isAway(video) && <p class="strip calm any-length">{awayLine(video)}</p>}
      {video.playable && isBusy(video) && !isAway(video) && <StillPreparing video={video} />}
      {sharing.value && (
        <ShareDialog
          video={video}
          onClose={() => {
            sharing.value = false;
          }}
        />
      )}
    </div>
  );
}

function StillPreparing({ video }: { video: Video }) {
  const whole =
    video.duration > 0 && !hasWholeQuality(video) ? `. It is ${formatDuration(video.duration)} long.` : "";
  return (
    <p class="strip calm">
      {workLine(video)}
      {whole}
      <Where video={video} />
    </p>
  );
}

function factsOf(video: Video): string[] {
  const pictures = video.renditions.filter((rendition) => rendition.kind === "video" && rendition.height > 0);
  const best = pictures.toSorted((a, b) => b.height - a.height)[0];
  const facts = [];
  if (video.duration > 0) facts.push(formatDuration(video.duration));
  if (best !== undefined) facts.push(qualityName(best.width, best.height));
  if (video.size > 0) facts.push(formatBytes(video.size));
  const added = formatAgo(Date.parse(video.created), Date.now());
  if (added !== "") facts.push(`Added ${added}`);
  return facts;
}
