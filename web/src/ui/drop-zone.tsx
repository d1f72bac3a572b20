import { useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { useApp } from "./app-context.ts";
import { UploadIcon } from "./icons.tsx";

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
      app.queue.add(files);
      app.router.go("/add");
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
