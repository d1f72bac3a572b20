import { messageOf } from "../api/request.ts";
import type { Video } from "../api/video.ts";
import type { App } from "./app-context.ts";

/** Moves a video to the trash, with a notice that takes it back. Returns whether it is there. */
export async function moveToTrash(app: App, video: Video): Promise<boolean> {
  const { api, library, notices, resume } = app;
  const stopped = resume.get(video.id);
  const undo = async () => {
    try {
      await api.restoreVideo(video.id);
      if (stopped !== null) resume.save(video.id, stopped.position, stopped.duration);
      notices.good(`“${video.title}” is back.`);
      await library.refresh();
    } catch (error) {
      notices.bad(messageOf(error));
    }
  };
  try {
    await api.deleteVideo(video.id);
  } catch (error) {
    notices.bad(messageOf(error));
    return false;
  }
  library.remove(video.id);
  resume.forget(video.id);
  notices.good(`“${video.title}” is in the trash.`, { label: "Undo", run: () => void undo() });
  // Its card had the focus.
  document.querySelector<HTMLElement>("main h1")?.focus({ preventScroll: true });
  return true;
}
