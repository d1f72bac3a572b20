import { expect, test } from "vitest";
import { bufferedAhead, maxSegments, PlaybackStats } from "../../src/player/playback-stats.ts";
import { type PlaybackEvent, StallCounter } from "../../src/player/stall-counter.ts";

type Step = readonly [number, PlaybackEvent];

function stallsAfter(steps: readonly Step[], now: number): [number, number] {
  const counter = new StallCounter();
  for (const [at, event] of steps) counter.note(event, at);
  return [counter.count, counter.totalMs(now)];
}

const cases: readonly (readonly [string, readonly Step[], number, [number, number]])[] = [
  [
    "waiting for the first data is none",
    [
      [0, "waiting"],
      [900, "playing"],
    ],
    2000,
    [0, 0],
  ],
  [
    "waiting while playing is one",
    [
      [0, "playing"],
      [500, "waiting"],
      [800, "playing"],
    ],
    2000,
    [1, 300],
  ],
  [
    "one that lasts is counted so far",
    [
      [0, "playing"],
      [500, "waiting"],
    ],
    2000,
    [1, 1500],
  ],
  [
    "a second waiting within one is the same",
    [
      [0, "playing"],
      [5, "waiting"],
      [9, "waiting"],
      [15, "playing"],
    ],
    20,
    [1, 10],
  ],
  [
    "two are two",
    [
      [0, "playing"],
      [10, "waiting"],
      [20, "playing"],
      [30, "waiting"],
      [50, "playing"],
    ],
    99,
    [2, 30],
  ],
  [
    "waiting after a seek is none",
    [
      [0, "playing"],
      [10, "seeking"],
      [11, "waiting"],
      [700, "playing"],
    ],
    999,
    [0, 0],
  ],
  [
    "waiting once a seek is over is one",
    [
      [0, "playing"],
      [10, "seeking"],
      [20, "advance"],
      [30, "waiting"],
      [40, "playing"],
    ],
    99,
    [1, 10],
  ],
  [
    "a seek ends one",
    [
      [0, "playing"],
      [10, "waiting"],
      [30, "seeking"],
      [60, "playing"],
    ],
    99,
    [1, 20],
  ],
  [
    "a pause ends one, and going on is a start",
    [
      [0, "playing"],
      [10, "waiting"],
      [30, "pause"],
      [50, "waiting"],
      [70, "playing"],
    ],
    99,
    [1, 20],
  ],
  [
    "time that goes on does not end one",
    [
      [0, "playing"],
      [10, "waiting"],
      [15, "advance"],
      [30, "playing"],
    ],
    99,
    [1, 20],
  ],
  [
    "the end is none",
    [
      [0, "playing"],
      [10, "ended"],
      [11, "waiting"],
    ],
    99,
    [0, 0],
  ],
];

test.each(cases)("stalls: %s", (_, steps, now, expected) => {
  expect(stallsAfter(steps, now)).toEqual(expected);
});

test("statistics have the promised shape from the start", () => {
  const stats = new PlaybackStats(() => 5, 0);
  expect(stats.snapshot(2.5)).toEqual({
    firstFrameMs: null,
    stalls: 0,
    stallMs: 0,
    bufferSeconds: 2.5,
    peers: 0,
    viewer: "",
    bytes: { origin: 0, peers: 0, cache: 0, uploaded: 0, duplicate: 0, rejected: 0 },
    segments: [],
  });
});

test("the first frame counts from navigation, once", () => {
  let now = 1200;
  const stats = new PlaybackStats(() => now, 1000);
  now = 1450;
  stats.noteFrame();
  now = 9000;
  stats.noteFrame();
  expect(stats.snapshot(0).firstFrameMs).toBe(450);
});

test("bytes add up, and segments are in order", () => {
  const stats = new PlaybackStats(() => 0, 0);
  stats.noteOriginBytes(10);
  stats.noteOriginBytes(32);
  stats.noteSegment({ kind: "video", rendition: "v1", index: 0, source: "origin" });
  stats.noteSegment({ kind: "audio", rendition: "a1", index: 0, source: "origin" });
  const { bytes, segments } = stats.snapshot(0);
  expect(bytes.origin).toBe(42);
  expect(segments.map((segment) => segment.rendition)).toEqual(["v1", "a1"]);
});

test("the list of segments is bounded; the newest stay", () => {
  const stats = new PlaybackStats(() => 0, 0);
  for (let index = 0; index < maxSegments + 5; index++) {
    stats.noteSegment({ kind: "video", rendition: "v1", index, source: "origin" });
  }
  const { segments } = stats.snapshot(0);
  expect(segments).toHaveLength(maxSegments);
  expect(segments.at(-1)?.index).toBe(maxSegments + 4);
});

test("a snapshot does not change later", () => {
  const stats = new PlaybackStats(() => 0, 0);
  const before = stats.snapshot(0);
  stats.noteSegment({ kind: "video", rendition: "v1", index: 0, source: "origin" });
  expect(before.segments).toEqual([]);
});

function ranges(...pairs: [number, number][]): TimeRanges {
  return {
    length: pairs.length,
    start: (i) => pairs[i]?.[0] ?? 0,
    end: (i) => pairs[i]?.[1] ?? 0,
  };
}

test.each([
  ["nothing", ranges(), 3, 0],
  ["inside of a range", ranges([0, 10]), 4, 6],
  ["over a tiny gap", ranges([0, 10], [10.05, 20]), 4, 16],
  ["up to a real gap", ranges([0, 10], [11, 20]), 4, 6],
  ["before every range", ranges([30, 40]), 4, 0],
  ["after every range", ranges([0, 2]), 4, 0],
])("buffered ahead: %s", (_, buffered, position, expected) => {
  expect(bufferedAhead(buffered, position)).toBeCloseTo(expected);
});
