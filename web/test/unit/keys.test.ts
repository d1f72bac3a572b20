import { expect, test } from "vitest";
import { actionFor, type FocusKind, type KeyPress, pageActionFor } from "../../src/player/keys.ts";

function press(code: string, held: Partial<KeyPress> = {}): KeyPress {
  return { code, shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, ...held };
}

test.each([
  ["Space", { kind: "toggle-play" }],
  ["KeyK", { kind: "toggle-play" }],
  ["KeyJ", { kind: "seek-by", seconds: -10 }],
  ["KeyL", { kind: "seek-by", seconds: 10 }],
  ["ArrowLeft", { kind: "seek-by", seconds: -5 }],
  ["ArrowRight", { kind: "seek-by", seconds: 5 }],
  ["ArrowUp", { kind: "volume-by", amount: 0.05 }],
  ["ArrowDown", { kind: "volume-by", amount: -0.05 }],
  ["KeyM", { kind: "toggle-mute" }],
  ["KeyF", { kind: "toggle-fullscreen" }],
  ["Digit0", { kind: "seek-to", fraction: 0 }],
  ["Digit7", { kind: "seek-to", fraction: 0.7 }],
  ["Numpad4", { kind: "seek-to", fraction: 0.4 }],
  ["Home", { kind: "seek-to", fraction: 0 }],
  ["End", { kind: "seek-to", fraction: 1 }],
  ["PageDown", { kind: "chapter-step", direction: 1 }],
  ["Comma", { kind: "frame-step", direction: -1 }],
  ["KeyT", { kind: "toggle-theatre" }],
  ["KeyP", { kind: "toggle-pip" }],
  ["KeyC", { kind: "toggle-captions" }],
  ["KeyA", { kind: "next-sound" }],
  ["KeyI", { kind: "toggle-stats" }],
  ["KeyS", { kind: "share" }],
])("%s does what it does everywhere", (code, action) => {
  expect(actionFor(press(code), "none")).toEqual(action);
});

test("speed needs the shift key", () => {
  expect(actionFor(press("Period", { shiftKey: true }), "none")).toEqual({
    kind: "speed-step",
    direction: 1,
  });
  expect(actionFor(press("Comma", { shiftKey: true }), "none")).toEqual({
    kind: "speed-step",
    direction: -1,
  });
  expect(actionFor(press("Period"), "none")).toEqual({ kind: "frame-step", direction: 1 });
});

test.each(["KeyZ", "Tab", "Escape", "NumpadAdd", "constructor"])("%s is not for the player", (code) => {
  expect(actionFor(press(code), "none")).toBeNull();
});

test.each(["ctrlKey", "altKey", "metaKey"] as const)("with %s a key belongs to the browser", (key) => {
  expect(actionFor(press("KeyF", { [key]: true }), "none")).toBeNull();
});

const focused: readonly (readonly [FocusKind, string, boolean])[] = [
  ["text", "KeyK", false],
  ["text", "Space", false],
  ["text", "Digit5", false],
  ["button", "Space", false],
  ["button", "KeyK", true],
  ["button", "ArrowLeft", true],
  ["slider", "ArrowLeft", false],
  ["slider", "Home", false],
  ["slider", "Space", true],
];

test.each(focused)("with the focus on %s, %s reaches the player: %s", (focus, code, reaches) => {
  expect(actionFor(press(code), focus) !== null).toBe(reaches);
});

test.each([
  ["a Russian k by its place", { code: "KeyK", key: "л" }, { kind: "toggle-play" }],
  ["a French , by its sign", { code: "KeyM", key: "," }, { kind: "frame-step", direction: -1 }],
  ["a French a by its letter", { code: "KeyQ", key: "a" }, { kind: "next-sound" }],
  ["a French digit by its place", { code: "Digit5", key: "(" }, { kind: "seek-to", fraction: 0.5 }],
  ["a German < without Shift", { code: "IntlBackslash", key: "<" }, { kind: "speed-step", direction: -1 }],
  ["a letter with Caps Lock", { code: "KeyK", key: "K" }, { kind: "toggle-play" }],
  ["the space bar", { code: "Space", key: " " }, { kind: "toggle-play" }],
] as const)("%s is understood", (_, { code, key }, action) => {
  expect(actionFor(press(code, { key }), "none")).toEqual(action);
});

test.each([
  ["/ searches", { code: "Slash", key: "/" }, "search"],
  ["a German / searches", { code: "Digit7", key: "/", shiftKey: true }, "search"],
  ["a German - does not", { code: "Slash", key: "-" }, null],
  ["? shows the keys", { code: "Slash", key: "?", shiftKey: true }, "keys"],
  ["a German ? shows the keys", { code: "Minus", key: "?", shiftKey: true }, "keys"],
] as const)("%s", (_, held, action) => {
  expect(pageActionFor(press(held.code, held), "none")).toBe(action);
  expect(pageActionFor(press(held.code, held), "text")).toBeNull();
  expect(pageActionFor(press(held.code, { ...held, ctrlKey: true }), "none")).toBeNull();
});
