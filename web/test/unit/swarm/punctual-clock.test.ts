import { beforeEach, expect, test } from "vitest";
import { PunctualClock } from "../../../src/swarm/punctual-clock.ts";
import { FakeClock } from "./fake-clock.ts";

let base: FakeClock;
let clock: PunctualClock;
let ran: string[];

beforeEach(() => {
  base = new FakeClock();
  ran = [];
  clock = new PunctualClock(base, () => ran.push("stood still"));
});

function set(ms: number, name: string): () => void {
  return clock.after(ms, () => ran.push(name));
}

test("timers run in time and in order, once each", () => {
  set(20, "b");
  set(10, "a");
  const stop = set(15, "never");
  stop();
  base.advance(30);
  clock.catchUp();
  expect(ran).toEqual(["a", "b"]);
  expect(base.waiting).toBe(0);
});

test("what is due runs when something happens, though the browser holds timers back", () => {
  set(100, "a");
  set(400, "b");
  set(2000, "c");
  base.stop(1000);
  clock.catchUp();
  expect(ran).toEqual(["a", "b"]);
  base.advance(5000);
  expect(ran).toEqual(["a", "b", "c"]);
});

test("a page that stood still is told so before anything else runs", () => {
  set(100, "a");
  set(5000, "b");
  base.sleep(60_000);
  expect(ran).toEqual(["stood still", "a", "b"]);
});

test("a timer that the browser runs a trifle early is run", () => {
  const early = new PunctualClock(
    { now: () => base.now() - 0.2, after: (ms, run) => base.after(ms, run) },
    () => {},
  );
  early.after(100, () => ran.push("a"));
  base.advance(100);
  expect(ran).toEqual(["a"]);
});

test("a timer that another takes back does not run", () => {
  let stop = () => {};
  clock.after(10, () => stop());
  stop = set(20, "never");
  base.sleep(1000);
  expect(ran).toEqual([]);
});
