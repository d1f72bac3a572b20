import { useSignal } from "@preact/signals";
import { useRef } from "preact/hooks";
import type { Video } from "../api/video.ts";
import { useApp } from "./app-context.ts";
import { loadCopies } from "./network/load-network.ts";
import { useLoaded } from "./use-loaded.ts";

/** Tells an admin of a ready video that has fewer copies than wanted; a press tells where they are. */
export function CopiesFact({ video }: { video: Video }) {
  const { session } = useApp();
  const open = useSignal(false);
  const button = useRef<HTMLButtonElement>(null);
  const dialog = useLoaded(loadCopies, open.value);
  const { have, want } = video.copies;
  if (!session.mayChange.value || video.state !== "ready" || !have || have >= want) return null;
  const close = () => {
    open.value = false;
    button.current?.focus();
  };
  return (
    <li>
      <button
        ref={button}
        type="button"
        class="fact-button"
        onClick={() => {
          open.value = true;
        }}
      >
        {have} of {want} copies
      </button>
      {open.value && dialog.value === "failed" && <span role="alert"> This could not be loaded.</span>}
      {open.value && typeof dialog.value === "object" && dialog.value !== null && (
        <dialog.value.part video={video} onClose={close} />
      )}
    </li>
  );
}
