import { expect, test } from "vitest";
import { positionOf } from "../../src/player/stream-sharing.ts";

const played = (length: number): TimeRanges => ({ length, start: () => 0, end: () => 0 });

test("a film that goes on in the middle is there before the element has jumped", () => {
  expect(positionOf({ currentTime: 0, played: played(0) }, 17.2)).toBe(17.2);
  expect(positionOf({ currentTime: 17.2, played: played(0) }, 17.2)).toBe(17.2);
});

test("who jumps back to the beginning is at the beginning", () => {
  expect(positionOf({ currentTime: 0, played: played(1) }, 17.2)).toBe(0);
});
