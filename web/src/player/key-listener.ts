import type { Signal } from "@preact/signals";
import type { RefObject } from "preact";
import type { Echo } from "./key-echo.tsx";
import { actionFor, focusKindOf, type KeyAction } from "./keys.ts";
import type { Player } from "./player.ts";

/**
 * Lets the keyboard of the whole page control a player, and shows what each key did.
 * Returns how to stop that.
 */
export function listenToKeys(
  player: Player,
  frame: () => HTMLElement | null,
  media: RefObject<HTMLVideoElement | null>,
  echo: Signal<Echo | null>,
): () => void {
  const onKey = (event: KeyboardEvent) => {
    if (event.defaultPrevented || document.querySelector("dialog[open]") !== null) return;
    const target = event.composedPath()[0];
    const action = actionFor(event, focusKindOf(target instanceof Element ? target : null));
    if (action === null) return;
    event.preventDefault();
    if (action.kind === "toggle-fullscreen") toggleFullscreen(frame());
    else player.act(action);
    if (media.current) echo.value = { id: (echo.value?.id ?? 0) + 1, text: wordsFor(action, media.current) };
  };
  document.addEventListener("keydown", onKey);
  return () => document.removeEventListener("keydown", onKey);
}

function toggleFullscreen(frame: HTMLElement | null): void {
  const inside = document.fullscreenElement !== null;
  const type = inside ? "mediaexitfullscreenrequest" : "mediaenterfullscreenrequest";
  frame?.dispatchEvent(new CustomEvent(type, { bubbles: true, composed: true }));
}

function wordsFor(action: KeyAction, media: HTMLVideoElement): string {
  switch (action.kind) {
    case "toggle-play":
      return media.paused ? "Paused" : "Playing";
    case "seek-by":
      return `${action.seconds > 0 ? "+" : "−"}${Math.abs(action.seconds)} s`;
    case "seek-to":
      return `${Math.round(action.fraction * 100)} %`;
    case "volume-by":
      return `Volume ${Math.round(media.volume * 100)} %`;
    case "toggle-mute":
      return media.muted ? "Sound off" : "Sound on";
    case "toggle-fullscreen":
      return "Full screen";
    case "speed-step":
      return `${media.playbackRate}×`;
  }
}
