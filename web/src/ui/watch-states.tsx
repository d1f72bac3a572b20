import { useSignal } from "@preact/signals";
import { messageOf } from "../api/request.ts";
import { isAway, type Video } from "../api/video.ts";
import { useApp } from "./app-context.ts";
import { formatPercent } from "./format.ts";
import { LibraryIcon, TrashIcon, WarningIcon } from "./icons.tsx";
import { awayLine, Where } from "./preparer.tsx";
import { StatePanel } from "./state-panel.tsx";

const toLibrary = (
  <a class="button primary" href="/">
    To the library
  </a>
);

export function NotFound() {
  return (
    <StatePanel level={1} icon={<LibraryIcon />} title="This video is not here" action={toLibrary}>
      <p>It was deleted, or the link is not complete.</p>
    </StatePanel>
  );
}

/** For a video in the trash; an admin can take it out, and then it plays. */
export function Trashed(props: { video: Video; onRestored: (video: Video) => void }) {
  const { api, session, notices } = useApp();
  const restore = async () => {
    try {
      props.onRestored(await api.restoreVideo(props.video.id));
    } catch (error) {
      notices.bad(messageOf(error));
    }
  };
  const action = session.mayChange.value ? (
    <button type="button" class="button primary" onClick={() => void restore()}>
      Restore it
    </button>
  ) : (
    toLibrary
  );
  return (
    <StatePanel icon={<TrashIcon />} title="This video is in the trash" action={action}>
      <p>
        {session.mayChange.value ? "Nobody can watch it there." : "The admin of this box moved it there."}
      </p>
    </StatePanel>
  );
}

export function Unreachable(props: { message: string; onRetry: () => void }) {
  return (
    <StatePanel
      level={1}
      icon={<WarningIcon />}
      title="The video cannot be shown"
      action={
        <button type="button" class="button primary" onClick={props.onRetry}>
          Try again
        </button>
      }
    >
      <p>{props.message}</p>
      <p>This page tries again by itself.</p>
    </StatePanel>
  );
}

/** For a video that failed; an admin can have the box try again while it has the file. */
export function Failed(props: { video: Video; onRetried: (video: Video) => void }) {
  const { api, session, notices } = useApp();
  const { video } = props;
  const busy = useSignal(false);
  const retry = async () => {
    busy.value = true;
    try {
      props.onRetried(await api.retryVideo(video.id));
    } catch (error) {
      notices.bad(messageOf(error));
    }
    busy.value = false;
  };
  const mayRetry = session.mayChange.value && video.canRetry;
  const action = mayRetry ? (
    <button type="button" class="button primary" disabled={busy.value} onClick={() => void retry()}>
      Try again
    </button>
  ) : (
    toLibrary
  );
  return (
    <StatePanel icon={<WarningIcon />} title={failedTitle(video)} action={action}>
      <p class="any-length">{video.error?.message ?? "The box does not say why."}</p>
      <p>{failedAdvice(session.mayChange.value, mayRetry)}</p>
      {video.error !== null && <p class="hint">Code: {video.error.code}</p>}
    </StatePanel>
  );
}

function failedTitle({ error }: Video): string {
  return error?.code === "stopped" ? "Preparing was stopped" : "This file could not be prepared";
}

function failedAdvice(mayChange: boolean, mayRetry: boolean): string {
  if (mayRetry) return "The box keeps the file for a few days. You can move this entry to the trash.";
  return mayChange
    ? "Check the file on your own machine, then add it again. You can move this entry to the trash."
    : "Ask the admin of this box to add the video again.";
}

export function Preparing({ video }: { video: Video }) {
  const percent = Math.round(video.progress * 100);
  return (
    <div class="stage stage-preparing">
      <div class="stage-message">
        <p class="stage-title">Still being prepared: {formatPercent(video.progress)}</p>
        <div
          class="meter"
          role="progressbar"
          aria-label="Prepared"
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={percent}
        >
          <span class="meter-fill" style={{ inlineSize: `${video.progress * 100}%` }} />
        </div>
        {isAway(video) ? (
          <p class="any-length">{awayLine(video)}</p>
        ) : (
          <p>
            It starts by itself as soon as the first part is ready.
            <Where video={video} />
          </p>
        )}
      </div>
    </div>
  );
}
