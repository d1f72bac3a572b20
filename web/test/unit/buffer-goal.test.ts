import { expect, test } from "vitest";
import { bufferGoal } from "../../src/player/buffer-goal.ts";

test("the player holds little where it shares, and as much as it likes where it does not", () => {
  expect(bufferGoal("lan", false, 1000)).toEqual({ least: 20, most: 20 });
  expect(bufferGoal("off", false, 1000)).toEqual({ least: 20, most: 600 });
});

test("in the background it holds more than a minute, once it has played long enough for browsers to hold it back", () => {
  expect(bufferGoal("all", true, 10)).toEqual({ least: 20, most: 20 });
  expect(bufferGoal("all", true, 300)).toEqual({ least: 90, most: 90 });
  expect(bufferGoal("off", true, 300)).toEqual({ least: 90, most: 600 });
});
