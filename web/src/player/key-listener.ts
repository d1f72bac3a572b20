import type { Signal } from "@preact/signals";
import type { Chapter } from "./chapters.ts";
import { chapterAt } from "./chapters.ts";
import type { Echo } from "./key-echo.tsx";
import { actionFor, focusKindOf, type KeyAction } from "./keys.ts";
import type { Player } from "./player.ts";
import { noText } from "./tracks.ts";

/** What the page around a player is asked for by a key. */
export type PageWish = "toggle-theatre" | "toggle-sources" | "share";

/** The parts that keys control. */
export interface KeyTargets {
  readonly player: Player;
  readonly media: HTMLVideoElement;
  /** The element that takes media-chrome's requests; null in browsers without its controls. */
  readonly frame: () => HTMLElement | null;
  readonly chapters: () => readonly Chapter[];
  readonly echo: Signal<Echo | null>;
  readonly statsOpen: Signal<boolean>;
  /** Does what the page is asked for, and returns what to say of it. */
  readonly onWish: (wish: PageWish) => string;
}

/**
 * Lets the keyboard of the whole page control a player, and shows what each key did.
 * Returns how to stop that.
 */
export function listenToKeys(targets: KeyTargets): () => void {
  const { echo } = targets;
  const onKey = (event: KeyboardEvent) => {
    if (event.defaultPrevented || document.querySelector("dialog[open]") !== null) return;
    const target = event.composedPath()[0];
    const action = actionFor(event, focusKindOf(target instanceof Element ? target : null));
    if (action === null) return;
    const said = perform(action, targets);
    if (said === null) return;
    event.preventDefault();
    if (said !== "") echo.value = { id: (echo.value?.id ?? 0) + 1, text: said };
  };
  document.addEventListener("keydown", onKey);
  return () => document.removeEventListener("keydown", onKey);
}

/** Returns what to say of it; null when the key means nothing now and is left to the browser. */
function perform(action: KeyAction, targets: KeyTargets): string | null {
  switch (action.kind) {
    case "toggle-theatre":
    case "toggle-sources":
    case "share":
      return targets.onWish(action.kind);
    case "toggle-stats":
      targets.statsOpen.value = !targets.statsOpen.value;
      return targets.statsOpen.value ? "Statistics on" : "Statistics off";
    case "toggle-fullscreen":
      return request(targets, document.fullscreenElement !== null, "fullscreen", "Full screen");
    case "toggle-pip":
      return request(targets, document.pictureInPictureElement !== null, "pip", "Picture in picture");
    case "chapter-step":
      return stepChapter(action.direction, targets);
    case "frame-step":
      if (!targets.media.paused) return null;
  }
  targets.player.act(action);
  return wordsFor(action, targets);
}

/** Asks media-chrome to enter or exit something. */
function request({ frame }: KeyTargets, inside: boolean, what: string, name: string): string {
  const type = `media${inside ? "exit" : "enter"}${what}request`;
  frame()?.dispatchEvent(new CustomEvent(type, { bubbles: true, composed: true }));
  return name;
}

/** Going back leads to the start of the present chapter, from its first seconds to the one before. */
function stepChapter(direction: 1 | -1, { player, media, chapters }: KeyTargets): string | null {
  const list = chapters();
  const from = direction < 0 ? media.currentTime - 3 : media.currentTime;
  const index = chapterAt(list, from) + (direction > 0 ? 1 : 0);
  const chapter = list[Math.max(0, index)];
  if (chapter === undefined) return null;
  player.seekTo(chapter.start);
  return chapter.title;
}

function wordsFor(action: KeyAction, { player, media }: KeyTargets): string {
  const settings = player.settings.value;
  switch (action.kind) {
    case "toggle-play":
      return media.paused ? "Paused" : "Playing";
    case "seek-by":
      return `${action.seconds > 0 ? "+" : "−"}${Math.abs(action.seconds)} s`;
    case "seek-to":
      return `${Math.round(action.fraction * 100)} %`;
    case "frame-step":
      return action.direction > 0 ? "+1 picture" : "−1 picture";
    case "volume-by":
      return `Volume ${Math.round(media.volume * 100)} %`;
    case "toggle-mute":
      return media.muted ? "Sound off" : "Sound on";
    case "toggle-captions":
      return textWords(settings.texts, settings.text);
    case "next-sound":
      return settings.sounds.find(({ id }) => id === settings.sound)?.label ?? "No other sound";
    case "speed-step":
      return `${media.playbackRate}×`;
    default:
      return "";
  }
}

function textWords(texts: readonly { id: number; label: string }[], chosen: number): string {
  if (texts.length === 0) return "No subtitles here";
  if (chosen === noText) return "Subtitles off";
  return `Subtitles: ${texts.find(({ id }) => id === chosen)?.label ?? "on"}`;
}
