import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { messageOf } from "../api/request.ts";
import { type App, useApp } from "./app-context.ts";
import { UploadIcon } from "./icons.tsx";
import { tellOfLeft } from "./left-subtitles.ts";
import { isSubtitles } from "./subtitle-files.ts";

/** Takes files that are dropped anywhere on any page. */
export function DropZone() {
  const app = useApp();
  const over = useSignal(false);
  useEffect(() => {
    const listeners = new AbortController();
    const { signal } = listeners;
    const onDrop = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      over.value = false;
      const { files, folders } = droppedIn(event);
      if (!app.session.mayAdd.value) {
        app.notices.bad(
          "Only the admin of this box can add videos. Open the admin link on this device first.",
        );
        return;
      }
      if (folders > 0)
        app.notices.bad("Folders cannot be dropped. Open the folder and drop the files in it.");
      if (files.length === 0) return;
      const route = app.router.route.value;
      if (route.page === "watch" && files.every(({ name }) => isSubtitles(name))) {
        void addToVideo(app, route.id, files);
        return;
      }
      tellOfLeft(app.notices, app.queue.add(files));
      if (!files.every(({ name }) => isSubtitles(name))) app.router.go("/add");
    };
    const onOver = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      over.value = app.session.mayAdd.value;
    };
    const onLeave = (event: DragEvent) => {
      if (event.relatedTarget === null) over.value = false;
    };
    window.addEventListener("dragover", onOver, { signal });
    window.addEventListener("dragleave", onLeave, { signal });
    window.addEventListener("drop", onDrop, { signal });
    return () => listeners.abort();
  }, []);
  if (!over.value) return null;
  return (
    <div class="drop-zone" aria-hidden="true">
      <div class="drop-zone-frame">
        <UploadIcon />
        <p>Drop to add</p>
      </div>
    </div>
  );
}

/** Gives the subtitles to the video whose page is open. */
async function addToVideo(app: App, id: string, files: readonly File[]): Promise<void> {
  try {
    for (const file of files) await app.api.addSubtitles(id, file);
    app.subtitlesChanged.value += 1;
    app.notices.good(
      files.length === 1 ? "The subtitles are added." : `${files.length} subtitles are added.`,
    );
  } catch (error) {
    app.notices.bad(messageOf(error));
  }
}

function hasFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes("Files") ?? false;
}

/** The files of a drop, and how many folders came with them. */
function droppedIn(event: DragEvent): { files: File[]; folders: number } {
  const items = [...(event.dataTransfer?.items ?? [])].filter((item) => item.kind === "file");
  const isFolder = (item: DataTransferItem) => item.webkitGetAsEntry?.()?.isDirectory ?? false;
  const files = items.filter((item) => !isFolder(item)).flatMap((item) => item.getAsFile() ?? []);
  return { files, folders: items.filter(isFolder).length };
}
