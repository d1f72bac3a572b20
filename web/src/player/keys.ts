/** What a key asks the player to do. */
export type KeyAction =
  | { readonly kind: "toggle-play" }
  | { readonly kind: "seek-by"; readonly seconds: number }
  | { readonly kind: "seek-to"; readonly fraction: number }
  | { readonly kind: "volume-by"; readonly amount: number }
  | { readonly kind: "toggle-mute" }
  | { readonly kind: "toggle-fullscreen" }
  | { readonly kind: "speed-step"; readonly direction: 1 | -1 };

/** The part of a keyboard event that decides. Code names the place of a key, whatever is printed on it. */
export interface KeyPress {
  readonly code: string;
  readonly shiftKey: boolean;
  readonly ctrlKey: boolean;
  readonly altKey: boolean;
  readonly metaKey: boolean;
}

/** What has the keyboard's focus: a text field or list, a slider, something that can be pressed, or nothing such. */
export type FocusKind = "text" | "slider" | "button" | "none";

const plainKeys: ReadonlyMap<string, KeyAction> = new Map<string, KeyAction>([
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
  ["KeyM", { kind: "toggle-mute" }],
  ["KeyF", { kind: "toggle-fullscreen" }],
]);

const shiftedKeys: ReadonlyMap<string, KeyAction> = new Map<string, KeyAction>([
  ["Comma", { kind: "speed-step", direction: -1 }],
  ["Period", { kind: "speed-step", direction: 1 }],
]);

const sliderKeys = /^(Arrow|Home|End|Page)/;
const pressKeys = /^(Space|Enter)$/;

/** What a key press means to the player, or null when it is not for it. */
export function actionFor(press: KeyPress, focus: FocusKind): KeyAction | null {
  if (press.ctrlKey || press.altKey || press.metaKey || focus === "text") return null;
  if (focus === "slider" && sliderKeys.test(press.code)) return null;
  if (focus === "button" && pressKeys.test(press.code)) return null;
  if (press.shiftKey) return shiftedKeys.get(press.code) ?? null;
  const digit = /^(?:Digit|Numpad)([0-9])$/.exec(press.code)?.[1];
  if (digit !== undefined) return { kind: "seek-to", fraction: Number(digit) / 10 };
  return plainKeys.get(press.code) ?? null;
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
