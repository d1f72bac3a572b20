/** What a key asks the player, or the page around it, to do. */
export type KeyAction =
  | { readonly kind: "toggle-play" }
  | { readonly kind: "seek-by"; readonly seconds: number }
  | { readonly kind: "seek-to"; readonly fraction: number }
  | { readonly kind: "frame-step"; readonly direction: 1 | -1 }
  | { readonly kind: "chapter-step"; readonly direction: 1 | -1 }
  | { readonly kind: "volume-by"; readonly amount: number }
  | { readonly kind: "toggle-mute" }
  | { readonly kind: "toggle-fullscreen" }
  | { readonly kind: "toggle-theatre" }
  | { readonly kind: "toggle-pip" }
  | { readonly kind: "toggle-captions" }
  | { readonly kind: "next-sound" }
  | { readonly kind: "toggle-stats" }
  | { readonly kind: "share" }
  | { readonly kind: "toggle-sources" }
  | { readonly kind: "speed-step"; readonly direction: 1 | -1 };

/**
 * The part of a keyboard event that decides. Code names the place of a key. Key is what it types; it counts
 * where that is a Latin letter or sign, so that the keys are those with the names in the list of keys.
 */
export interface KeyPress {
  readonly code: string;
  readonly key?: string;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
  readonly metaKey: boolean;
}

/** What has the keyboard's focus: a text field or list, a slider, something that can be pressed, or nothing such. */
export type FocusKind = "text" | "slider" | "button" | "none";

const actions: ReadonlyMap<string, KeyAction> = new Map<string, KeyAction>([
  ["Space", { kind: "toggle-play" }],
  ["KeyK", { kind: "toggle-play" }],
  ["KeyJ", { kind: "seek-by", seconds: -10 }],
  ["KeyL", { kind: "seek-by", seconds: 10 }],
  ["ArrowLeft", { kind: "seek-by", seconds: -5 }],
  ["ArrowRight", { kind: "seek-by", seconds: 5 }],
  ["ArrowUp", { kind: "volume-by", amount: 0.05 }],
  ["ArrowDown", { kind: "volume-by", amount: -0.05 }],
  ["Home", { kind: "seek-to", fraction: 0 }],
  ["End", { kind: "seek-to", fraction: 1 }],
  ["PageUp", { kind: "chapter-step", direction: -1 }],
  ["PageDown", { kind: "chapter-step", direction: 1 }],
  ["Comma", { kind: "frame-step", direction: -1 }],
  ["Period", { kind: "frame-step", direction: 1 }],
  ["Shift+Comma", { kind: "speed-step", direction: -1 }],
  ["Shift+Period", { kind: "speed-step", direction: 1 }],
  ["KeyM", { kind: "toggle-mute" }],
  ["KeyF", { kind: "toggle-fullscreen" }],
  ["KeyT", { kind: "toggle-theatre" }],
  ["KeyP", { kind: "toggle-pip" }],
  ["KeyC", { kind: "toggle-captions" }],
  ["KeyA", { kind: "next-sound" }],
  ["KeyI", { kind: "toggle-stats" }],
  ["KeyS", { kind: "share" }],
  ["KeyB", { kind: "toggle-sources" }],
]);

const sliderKeys = /^(Arrow|Home|End|Page)/;
const pressKeys = /^(Space|Enter)$/;

/** What a key press means to the player, or null when it is not for it. */
export function actionFor(press: KeyPress, focus: FocusKind): KeyAction | null {
  const chord = chordOf(press, focus);
  const digit = /^(?:Digit|Numpad)([0-9])$/.exec(chord)?.[1];
  if (digit !== undefined) return { kind: "seek-to", fraction: Number(digit) / 10 };
  return actions.get(chord) ?? null;
}

/** What a key press means on every page: to search, or to show the keys. Null when it is not for the page. */
export function pageActionFor(press: KeyPress, focus: FocusKind): "search" | "keys" | null {
  const chord = chordOf(press, focus);
  if (chord === "Slash") return "search";
  return chord === "Shift+Slash" ? "keys" : null;
}

/** The name of a key with Shift, as on a US keyboard; "" for a press that belongs to the browser or to a field. */
function chordOf(press: KeyPress, focus: FocusKind): string {
  if (press.ctrlKey || press.altKey || press.metaKey || focus === "text") return "";
  if (focus === "slider" && sliderKeys.test(press.code)) return "";
  if (focus === "button" && pressKeys.test(press.code)) return "";
  return placeOf(press);
}

/** Where a US keyboard has these signs; elsewhere they are on other keys, some without Shift. */
const signs: ReadonlyMap<string, string> = new Map([
  [",", "Comma"],
  [".", "Period"],
  ["/", "Slash"],
  ["<", "Shift+Comma"],
  [">", "Shift+Period"],
  ["?", "Shift+Slash"],
]);

function placeOf(press: KeyPress): string {
  const { key = "", code } = press;
  const sign = signs.get(key);
  if (sign !== undefined) return sign;
  const shift = press.shiftKey ? "Shift+" : "";
  if (/^[a-z]$/i.test(key)) return `${shift}Key${key.toUpperCase()}`;
  // A German keyboard types - where a US one types /.
  if (/^[!-~]$/.test(key) && [...signs.values()].includes(code)) return "";
  return shift + code;
}

/** What kind of thing an element is to the keyboard. */
export function focusKindOf(element: Element | null): FocusKind {
  if (element === null) return "none";
  if (element.matches("input[type=range], [role=slider]")) return "slider";
  if (element.matches("input, textarea, select, [contenteditable]:not([contenteditable=false])"))
    return "text";
  if (element.matches("button, a[href], summary, [role=button], [role=menuitem], [role=switch]"))
    return "button";
  return "none";
}
