import { useSignal } from "@preact/signals";
import type { Video } from "../api/video.ts";
import { hasWholeQuality, isAway, isBusy, isSoundOnly } from "../api/video.ts";
import { formatDuration } from "../player/duration.ts";
import type { ResumePoint } from "../player/resume-store.ts";
import { CardPreview } from "./card-preview.tsx";
import { formatAgo, formatPercent } from "./format.ts";
import { LogoMark } from "./logo.tsx";
import { VideoMenu } from "./video-menu.tsx";

export interface VideoCardProps {
  readonly video: Video;
  readonly resume: ResumePoint | null;
  /** Whether to offer what only an admin may do. */
  readonly mayChange: boolean;
}

/** One video in the library: a link to it, and beside that a menu. */
export function VideoCard(props: VideoCardProps) {
  const { video, resume } = props;
  const previewed = useSignal(false);
  const preview = (wanted: boolean) => {
    previewed.value = wanted && !matchMedia("(prefers-reduced-motion: reduce)").matches;
  };
  return (
    <article class="card">
      <a
        class="card-link"
        href={`/watch/${encodeURIComponent(video.id)}`}
        // A finger that scrolls touches cards too.
        onPointerEnter={(event) => preview(event.pointerType === "mouse")}
        onPointerLeave={() => preview(false)}
        onFocus={(event) => preview(event.currentTarget.matches(":focus-visible"))}
        onBlur={() => preview(false)}
      >
        <div class="card-poster">
          <Poster video={video} />
          {previewed.value && video.storyboard !== null && <CardPreview storyboard={video.storyboard} />}
          <Badge video={video} />
          {video.duration > 0 && <span class="card-duration">{formatDuration(video.duration)}</span>}
          {resume !== null && <Watched resume={resume} />}
        </div>
        <h3 class="card-title" title={video.title}>
          {video.title}
        </h3>
      </a>
      <div class="card-foot">
        <p class="card-meta">{formatAgo(Date.parse(video.created), Date.now())}</p>
        {props.mayChange && <VideoMenu video={video} />}
      </div>
    </article>
  );
}

function Poster({ video }: { video: Video }) {
  if (video.poster !== null) {
    return <img src={video.poster} alt="" loading="lazy" decoding="async" />;
  }
  return (
    <div class="card-blank">
      <LogoMark />
      {isSoundOnly(video) && <span>Sound only</span>}
    </div>
  );
}

function Badge({ video }: { video: Video }) {
  if (video.state === "failed") return <span class="badge bad">Failed</span>;
  if (isAway(video)) return <span class="badge">Not there just now</span>;
  if (!isBusy(video) || hasWholeQuality(video)) return null;
  const word = video.state === "receiving" ? "Arriving" : "Preparing";
  return (
    <span class="badge">
      {word} {formatPercent(video.progress)}
    </span>
  );
}

function Watched({ resume }: { resume: ResumePoint }) {
  const part = Math.min(1, resume.position / resume.duration);
  return (
    <span class="card-watched">
      <span class="card-watched-bar" style={{ inlineSize: `${part * 100}%` }} />
      <span class="visually-hidden">{formatPercent(part)} watched</span>
    </span>
  );
}
