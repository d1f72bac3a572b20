import { expect, test } from "vitest";
import { eachPlace, keyOf, runsOf } from "../../../src/swarm/places.ts";
import { bytesIn, RangeSet, subtract } from "../../../src/swarm/ranges.ts";
import { randomFrom } from "./sim/random.ts";

const seed = Number(process.env.SWARM_SEED ?? Date.now() % 100_000);

test("a set of ranges says what a plain array of bytes says", () => {
  const random = randomFrom(seed);
  const size = 200;
  for (let round = 0; round < 50; round++) {
    const set = new RangeSet();
    const plain = new Uint8Array(size);
    for (let i = 0; i < 15; i++) {
      const start = Math.floor(random() * size);
      const end = Math.min(size, start + Math.floor(random() * 40));
      const fresh = plain.subarray(start, end).filter((here) => here === 0).length;
      expect(set.add(start, end), `seed ${seed}`).toBe(fresh);
      plain.fill(1, start, end);
      expect(set.bytes, `seed ${seed}`).toBe(plain.reduce((sum, here) => sum + here, 0));
      const [from, to] = [Math.floor(random() * 100), 100 + Math.floor(random() * 100)];
      const part = plain.subarray(from, to);
      expect(bytesIn(set.within(from, to)), `seed ${seed}`).toBe(part.reduce((sum, here) => sum + here, 0));
      expect(bytesIn(set.gaps(from, to)) + bytesIn(set.within(from, to))).toBe(to - from);
      expect(set.covers(from, to)).toBe(part.every((here) => here === 1));
    }
  }
});

test("ranges that touch become one", () => {
  const set = new RangeSet();
  set.add(0, 10);
  set.add(20, 30);
  set.add(10, 20);
  expect(set.ranges).toEqual([{ start: 0, end: 30 }]);
});

test("what is taken away may lie anywhere", () => {
  const left = subtract(
    [{ start: 0, end: 100 }],
    [
      { start: 90, end: 120 },
      { start: 10, end: 20 },
      { start: 15, end: 30 },
    ],
  );
  expect(left).toEqual([
    { start: 0, end: 10 },
    { start: 30, end: 90 },
  ]);
});

test("places become few runs, and the same places again", () => {
  const places = [7, 3, 4, 5, 9, 4].map((ordinal) => ({ rendition: "v0", ordinal }));
  const runs = runsOf([...places, { rendition: "a0", ordinal: 6 }]);
  expect(runs).toEqual([
    { rendition: "a0", first: 6, count: 1 },
    { rendition: "v0", first: 3, count: 3 },
    { rendition: "v0", first: 7, count: 1 },
    { rendition: "v0", first: 9, count: 1 },
  ]);
  const keys: string[] = [];
  eachPlace(runs, (place) => keys.push(keyOf(place)));
  expect(keys).toEqual(["a0/6", "v0/3", "v0/4", "v0/5", "v0/7", "v0/9"]);
});

test("no run is longer than a message takes", () => {
  const places = Array.from({ length: 2500 }, (_, ordinal) => ({ rendition: "v0", ordinal }));
  expect(runsOf(places).map(({ count }) => count)).toEqual([1024, 1024, 452]);
});
