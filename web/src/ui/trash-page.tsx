import { useSignal } from "@preact/signals";
import { messageOf } from "../api/request.ts";
import type { Video } from "../api/video.ts";
import { formatDuration } from "../player/duration.ts";
import { useApp } from "./app-context.ts";
import { formatBytes, formatCount } from "./format.ts";
import { TrashIcon, WarningIcon } from "./icons.tsx";
import { LogoMark } from "./logo.tsx";
import { SignInForm } from "./sign-in-form.tsx";
import { StatePanel } from "./state-panel.tsx";
import { TrashStore } from "./trash-store.ts";
import { usePoll } from "./use-poll.ts";
import { useTitle } from "./use-title.ts";
import { PurgeDialog } from "./video-dialogs.tsx";

const lookEveryMs = 10_000;

/** What was deleted and can still come back. */
export function TrashPage() {
  const { session } = useApp();
  useTitle("Trash");
  return (
    <>
      <div class="page-head">
        <h1 tabIndex={-1}>Trash</h1>
      </div>
      {session.current.value !== null && (session.mayChange.value ? <Content /> : <WhoMay />)}
    </>
  );
}

function WhoMay() {
  return (
    <section class="panel prose">
      <h2>Only the admin of this box can look into the trash</h2>
      <p>
        Are you the admin? Run <code>shoal link</code> on the box, and open the link that it prints on this
        device.
      </p>
      <SignInForm />
    </section>
  );
}

function Content() {
  const { api } = useApp();
  const trash = useSignal(new TrashStore(api)).value;
  usePoll(
    (signal) => trash.refresh(signal),
    () => lookEveryMs,
    "",
  );
  const videos = trash.videos.value;
  const error = trash.error.value;
  if (videos === null) {
    return error === null ? (
      <p role="status">Loading the trash…</p>
    ) : (
      <Unreachable trash={trash} error={error} />
    );
  }
  return (
    <>
      <div role="status">{error !== null && <p class="strip">{error} Trying again…</p>}</div>
      {videos.length === 0 ? <Empty /> : <List trash={trash} videos={videos} />}
    </>
  );
}

function Empty() {
  return (
    <StatePanel
      icon={<TrashIcon />}
      title="The trash is empty"
      action={
        <a class="button" href="/">
          To the library
        </a>
      }
    >
      <p>What you delete from the library comes here first.</p>
    </StatePanel>
  );
}

function Unreachable({ trash, error }: { trash: TrashStore; error: string }) {
  return (
    <StatePanel
      icon={<WarningIcon />}
      title="The trash cannot be shown"
      action={
        <button type="button" class="button primary" onClick={() => void trash.refresh().catch(() => {})}>
          Try again
        </button>
      }
    >
      <p>{error}</p>
    </StatePanel>
  );
}

function List({ trash, videos }: { trash: TrashStore; videos: readonly Video[] }) {
  const bytes = videos.reduce((sum, video) => sum + video.size, 0);
  return (
    <>
      <p class="hint">
        {formatCount(videos.length, "video")}
        {trash.more.value ? " and more" : ""}, {formatBytes(bytes)}. What is here cannot be watched, and still
        takes room on the disk.
      </p>
      <ul class="trash">
        {videos.map((video) => (
          <li key={video.id}>
            <Row trash={trash} video={video} />
          </li>
        ))}
      </ul>
    </>
  );
}

function Row({ trash, video }: { trash: TrashStore; video: Video }) {
  const { notices, library } = useApp();
  const asking = useSignal(false);
  const restore = async () => {
    try {
      await trash.restore(video.id);
      notices.good(`“${video.title}” is back in the library.`);
      await library.refresh();
    } catch (error) {
      notices.bad(messageOf(error));
    }
  };
  const facts = [video.duration > 0 ? formatDuration(video.duration) : "", formatBytes(video.size)];
  return (
    <article class="trash-item">
      <div class="trash-poster">
        {video.poster !== null ? <img src={video.poster} alt="" loading="lazy" /> : <LogoMark />}
      </div>
      <div class="trash-text">
        <h2 class="trash-title" title={video.title}>
          {video.title}
        </h2>
        <p class="hint">{facts.filter((fact) => fact !== "").join(" · ")}</p>
      </div>
      <div class="trash-actions">
        <button
          type="button"
          class="button"
          aria-label={`Restore: ${video.title}`}
          onClick={() => void restore()}
        >
          Restore
        </button>
        <button
          type="button"
          class="button quiet"
          aria-label={`Delete for good: ${video.title}`}
          onClick={() => {
            asking.value = true;
          }}
        >
          Delete for good
        </button>
      </div>
      {asking.value && (
        <PurgeDialog
          video={video}
          onPurge={() => trash.purge(video.id)}
          onClose={() => {
            asking.value = false;
          }}
        />
      )}
    </article>
  );
}
