import { expect, test } from "vitest";
import type { SegmentFacts } from "../../src/swarm/facts.ts";
import { type Column, columnCount, columnsOf, maxColumns, runsOf } from "../../src/ui/sources/columns.ts";

function segment(index: number, changes: Partial<SegmentFacts> = {}): SegmentFacts {
  return {
    kind: "video",
    rendition: "v0",
    index,
    start: index * 4,
    duration: 4,
    source: "origin",
    from: [],
    bytes: 1000,
    tookMs: 50,
    here: true,
    failedCheck: false,
    ...changes,
  };
}

const nobodyFar = new Set<string>();

function statesOf(segments: readonly SegmentFacts[], duration: number, count: number): string[] {
  return columnsOf(segments, { duration, count }, nobodyFar).map(({ state }) => state);
}

test("a short film has a column for each segment, a long one at most 240", () => {
  const segments = [segment(0), segment(1), segment(2)];
  expect(columnCount(24, segments)).toBe(6);
  expect(columnCount(7200, segments)).toBe(maxColumns);
  expect(columnCount(0.5, segments)).toBe(1);
  expect(columnCount(40, [])).toBe(10);
});

test.each([
  ["origin", [], "box"],
  ["cache", [], "device"],
  ["peer", ["Ben"], "near"],
  ["peer", ["Ben", "Zoe"], "far"],
  ["mixed", ["Ben"], "mixed"],
  [null, [], "fetching"],
] as const)("a segment whose source is %s from %j is shown as %s", (source, from, state) => {
  const columns = columnsOf([segment(0, { source, from })], { duration: 4, count: 1 }, new Set(["Zoe"]));
  expect(columns[0]?.state).toBe(state);
});

test("what nobody has fetched has no state, and a segment on its way does not hide what came", () => {
  const segments = [segment(0, { source: null }), segment(1), segment(3, { source: null })];
  expect(statesOf(segments, 24, 3)).toEqual(["box", "fetching", "none"]);
});

test("a column of many segments has the source of three quarters of its bytes, or several", () => {
  const peers = [0, 1, 2].map((index) => segment(index, { source: "peer", from: ["Ben"] }));
  expect(statesOf([...peers, segment(3)], 16, 1)).toEqual(["near"]);
  expect(statesOf([...peers.slice(1), segment(3)], 16, 1)).toEqual(["mixed"]);
  expect(statesOf([segment(0, { bytes: 0 })], 4, 1)).toEqual(["box"]);
});

test("segments that begin a little beside their column belong to it alone", () => {
  const shifted = [0, 1, 2].map((i) => segment(i, { start: i * 4 + 1, source: i === 1 ? "peer" : "origin" }));
  const columns = columnsOf(shifted, { duration: 12, count: 3 }, nobodyFar);
  expect(columns.map(({ state }) => state)).toEqual(["box", "near", "box"]);
  expect(columns[0]?.filledFrom).toBe(1);
  expect(columns[0]?.filledTo).toBe(4);
});

test("a segment longer than its column fills all columns that it covers", () => {
  expect(statesOf([segment(0, { duration: 12 })], 12, 4)).toEqual(["box", "box", "box", "box"]);
});

test("a film that ends before its last segment does keeps that segment in the last column", () => {
  const columns = columnsOf([segment(5)], { duration: 22, count: 5 }, nobodyFar);
  expect(columns.at(-1)).toMatchObject({ state: "box", filledFrom: 20, filledTo: 22 });
});

test("a failed check is remembered beside the source", () => {
  const columns = columnsOf(
    [segment(0, { failedCheck: true }), segment(1)],
    { duration: 8, count: 2 },
    nobodyFar,
  );
  expect(columns.map(({ failed }) => failed)).toEqual([true, false]);
});

test("two hours are brought into columns without losing or counting a segment twice", () => {
  const all = Array.from({ length: 1800 }, (_, i) => segment(i));
  const columns = columnsOf(all, { duration: 7200, count: columnCount(7200, all) }, nobodyFar);
  expect(columns).toHaveLength(maxColumns);
  const told = columns.flatMap(({ segments }) => segments.map(({ index }) => index));
  expect(new Set(told).size).toBe(1800);
});

test("equal columns side by side become one run; gaps and what is unknown divide them", () => {
  const column = (i: number, state: Column["state"], filledFrom = i, filledTo = i + 1): Column => {
    return { from: i, to: i + 1, state, filledFrom, filledTo, failed: false, segments: [] };
  };
  const runs = runsOf([
    column(0, "box"),
    column(1, "box", 1, 1.5),
    column(2, "box"),
    column(3, "none"),
    column(4, "near"),
  ]);
  expect(runs).toEqual([
    { first: 0, last: 1, state: "box", filledFrom: 0, filledTo: 1.5 },
    { first: 2, last: 2, state: "box", filledFrom: 2, filledTo: 3 },
    { first: 4, last: 4, state: "near", filledFrom: 4, filledTo: 5 },
  ]);
});
