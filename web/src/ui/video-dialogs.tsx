import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";
import { messageOf } from "../api/request.ts";
import type { Video } from "../api/video.ts";
import { useApp } from "./app-context.ts";
import { Dialog } from "./dialog.tsx";
import { SharePanel } from "./share-panel.tsx";

export interface VideoDialogProps {
  readonly video: Video;
  readonly onClose: () => void;
}

/** Gives a video another title. onRenamed gets the video as it is then. */
export function RenameDialog(props: VideoDialogProps & { onRenamed: (video: Video) => void }) {
  const app = useApp();
  const title = useSignal(props.video.title);
  const problem = useSignal("");
  const fieldId = useId();
  const save = async (event: Event) => {
    event.preventDefault();
    try {
      const renamed = await app.api.renameVideo(props.video.id, title.value.trim());
      app.library.replace(renamed);
      props.onRenamed(renamed);
      props.onClose();
    } catch (error) {
      problem.value = messageOf(error);
    }
  };
  return (
    <Dialog title="Rename" onClose={props.onClose}>
      <form onSubmit={(event) => void save(event)}>
        <label for={fieldId}>Title</label>
        <input
          id={fieldId}
          class="field"
          value={title.value}
          maxLength={200}
          required
          autocomplete="off"
          onInput={(event) => {
            title.value = event.currentTarget.value;
          }}
        />
        <p class="problem" role="alert">
          {problem.value}
        </p>
        <div class="dialog-actions">
          <button type="button" class="button" onClick={props.onClose}>
            Cancel
          </button>
          <button type="submit" class="button primary" disabled={title.value.trim() === ""}>
            Save
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** Deletes a video for good, once the admin has said so. */
export function PurgeDialog(props: VideoDialogProps & { onPurge: () => Promise<void> }) {
  const app = useApp();
  const problem = useSignal("");
  const busy = useSignal(false);
  const purge = async () => {
    busy.value = true;
    try {
      await props.onPurge();
      app.notices.good(`“${props.video.title}” is deleted.`);
      props.onClose();
    } catch (error) {
      problem.value = messageOf(error);
      busy.value = false;
    }
  };
  return (
    <Dialog title="Delete for good?" onClose={props.onClose}>
      <p>
        <strong class="any-length">{props.video.title}</strong> cannot come back after this.
      </p>
      <p class="problem" role="alert">
        {problem.value}
      </p>
      <div class="dialog-actions">
        <button type="button" class="button" onClick={props.onClose}>
          Keep it
        </button>
        <button type="button" class="button danger" disabled={busy.value} onClick={() => void purge()}>
          Delete for good
        </button>
      </div>
    </Dialog>
  );
}

/** Passes on the address of a video. */
export function ShareDialog(props: VideoDialogProps) {
  return (
    <Dialog title="Share this video" onClose={props.onClose}>
      <SharePanel url={`${location.origin}/watch/${encodeURIComponent(props.video.id)}`} />
    </Dialog>
  );
}
