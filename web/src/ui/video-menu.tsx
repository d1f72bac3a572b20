import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import { messageOf } from "../api/request.ts";
import type { Video } from "../api/video.ts";
import { useApp } from "./app-context.ts";
import { MoreIcon } from "./icons.tsx";
import { moveToTrash } from "./move-to-trash.ts";
import { SubtitlesDialog } from "./subtitles-dialog.tsx";
import { useMenuKeys } from "./use-menu-keys.ts";
import { RenameDialog } from "./video-dialogs.tsx";

export interface VideoMenuProps {
  readonly video: Video;
  /** It has another title, or is in another state. */
  readonly onChanged?: (video: Video) => void;
  /** It is to be looked at again. */
  readonly onStopped?: () => void;
  readonly onDeleted?: () => void;
  /** The video has other subtitles. */
  readonly onSubtitles?: () => void;
}

/** What an admin can do with a video. */
export function VideoMenu(props: VideoMenuProps) {
  const app = useApp();
  const open = useSignal(false);
  /** What is open above the page. */
  const dialog = useSignal<"rename" | "subtitles" | null>(null);
  const root = useRef<HTMLDivElement>(null);
  const close = () => {
    dialog.value = null;
    root.current?.querySelector("button")?.focus();
  };
  const show = (next: "rename" | "subtitles") => {
    open.value = false;
    dialog.value = next;
  };
  const stop = async () => {
    open.value = false;
    try {
      await app.api.stopVideo(props.video.id);
      props.onStopped?.();
      void app.library.refresh().catch(() => {});
    } catch (error) {
      app.notices.bad(messageOf(error));
    }
  };
  const retry = async () => {
    open.value = false;
    try {
      const taken = await app.api.retryVideo(props.video.id);
      app.library.replace(taken);
      props.onChanged?.(taken);
    } catch (error) {
      app.notices.bad(messageOf(error));
    }
  };
  const remove = async () => {
    open.value = false;
    if (await moveToTrash(app, props.video)) props.onDeleted?.();
  };
  useMenuKeys(root, open.value, () => {
    open.value = false;
  });
  return (
    <div class="menu" ref={root}>
      <button
        type="button"
        class="icon-button"
        aria-label={`More for ${props.video.title}`}
        aria-haspopup="menu"
        aria-expanded={open.value}
        onClick={() => {
          open.value = !open.value;
        }}
      >
        <MoreIcon />
      </button>
      {open.value && (
        <div class="menu-list" role="menu">
          <button type="button" role="menuitem" onClick={() => show("rename")}>
            Rename
          </button>
          {mayHaveSubtitles(props.video) && (
            <button type="button" role="menuitem" onClick={() => show("subtitles")}>
              Subtitles
            </button>
          )}
          {props.video.state === "processing" && (
            <button type="button" role="menuitem" onClick={() => void stop()}>
              Stop preparing
            </button>
          )}
          {props.video.canRetry && (
            <button type="button" role="menuitem" onClick={() => void retry()}>
              Try again
            </button>
          )}
          <button type="button" role="menuitem" onClick={() => void remove()}>
            Move to trash
          </button>
        </div>
      )}
      {dialog.value === "rename" && (
        <RenameDialog video={props.video} onClose={close} onRenamed={(video) => props.onChanged?.(video)} />
      )}
      {dialog.value === "subtitles" && (
        <SubtitlesDialog video={props.video} onClose={close} onChanged={() => props.onSubtitles?.()} />
      )}
    </div>
  );
}

function mayHaveSubtitles({ state }: Video): boolean {
  return state === "ready" || state === "processing";
}
