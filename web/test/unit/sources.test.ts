import { expect, test } from "vitest";
import { sharingLines } from "../../src/player/sharing-lines.ts";
import type { SharingFacts } from "../../src/swarm/facts.ts";
import { viewerWords } from "../../src/ui/network/viewers-panel.tsx";
import { columnsOf } from "../../src/ui/sources/columns.ts";
import { lineWidth, placePeers, shortName } from "../../src/ui/sources/peer-places.ts";
import {
  columnWords,
  devicePart,
  partWords,
  peersWords,
  rateWords,
  savedBytes,
  stateWords,
  summaryWords,
} from "../../src/ui/sources/sources-words.ts";
import { historySeconds, SpeedHistory } from "../../src/ui/sources/speed-history.ts";
import { sharingOf, usual } from "../story/made-up-sharing.ts";

const plain = (text: string) => text.replaceAll("\u00a0", " ");
const bytes = { origin: 0, peers: 0, cache: 0, uploaded: 0, duplicate: 0, rejected: 0 };
const sharing: SharingFacts = { ...sharingOf(usual), bytes };

const first = sharing.segments[0];
if (first === undefined) throw new Error("the made-up film has no segments");
const ben = {
  ...first,
  start: 724,
  source: "peer",
  from: ["Ben's laptop"],
  bytes: 2_400_000,
  tookMs: 61,
} as const;

function wordsOf(...segments: SharingFacts["segments"]): string {
  const column = columnsOf(segments, { duration: 8, count: 2 }, new Set())[0];
  if (column === undefined) throw new Error("no column");
  return plain(columnWords(column));
}

test("a column tells when, from whom, how much, how fast, and that it was checked", () => {
  const [column] = columnsOf([ben], { duration: 1456, count: 364 }, new Set()).slice(181);
  expect(column === undefined ? "" : plain(columnWords(column))).toBe(
    "12:04–12:08 · from Ben's laptop · 2.4 MB · 61 ms · checked",
  );
});

test("what is not checked for sure is not said to be", () => {
  expect(wordsOf({ ...first, source: "origin", bytes: 1000, tookMs: 5, here: false })).toBe(
    "0:00–0:04 · from the box · 1 KB · 5 ms",
  );
  expect(wordsOf({ ...ben, start: 0, failedCheck: true })).toContain(
    "some of it failed its check and came again",
  );
});

test("many sources are named shortly", () => {
  const from = ["Anna", "Ben", "Zoë", "Mehmet"];
  expect(wordsOf({ ...first, source: "mixed", from })).toContain("from the box, Anna and 3 more");
});

test("what has not come is told as such, and sound apart from the picture where it came from elsewhere", () => {
  expect(wordsOf()).toBe("0:00–0:04 · not here yet");
  expect(wordsOf({ ...first, source: null, bytes: 0 })).toBe("0:00–0:04 · on its way");
  const span = { duration: 4, count: 1 };
  const [picture] = columnsOf([], span, new Set());
  const [sound] = columnsOf([{ ...ben, start: 0 }], span, new Set());
  if (picture === undefined || sound === undefined) throw new Error("no columns");
  expect(columnWords(picture, sound)).toBe("0:00–0:04 · picture not here yet · sound from Ben's laptop");
});

test.each([
  ["off", /off on this device/],
  ["joining", /Looking for others/],
  ["alone", /only one watching/],
  ["isolated", /guest network or VPN/],
  ["sharing", /^$/],
] as const)("the state %s is told in words", (state, words) => {
  expect(stateWords({ ...sharing, state }, true)).toMatch(words);
});

test("why sharing is not possible is told as far as it is known", () => {
  expect(stateWords({ ...sharing, state: "unable" }, false)).toMatch(/no WebRTC/);
  expect(stateWords({ ...sharing, state: "unable" }, true)).toMatch(/no room/);
  expect(stateWords(null, true)).toMatch(/All of the film comes from the box/);
});

test("the summary that is read aloud names the part from devices near by", () => {
  const half = { ...sharing, bytes: { ...bytes, origin: 38, peers: 62 } };
  expect(summaryWords(14.6, half)).toBe("14 s ahead; 62 % from devices near by.");
  expect(summaryWords(14.6, sharing)).toBe("14 s ahead.");
  expect(summaryWords(3, { ...sharing, bytes: { ...bytes, origin: 9 } })).toBe(
    "3 s ahead; all from the box.",
  );
  const far = { ...half, peers: half.peers.map((peer) => ({ ...peer, near: false })) };
  expect(summaryWords(0, far)).toBe("0 s ahead; 62 % from other devices.");
});

test("what came twice saved the box nothing", () => {
  expect(savedBytes({ ...sharing, bytes: { ...bytes, peers: 100, duplicate: 30 } })).toBe(70);
  expect(savedBytes({ ...sharing, bytes: { ...bytes, peers: 10, duplicate: 30 } })).toBe(0);
});

test.each([
  [0, "0 %"],
  [0.001, "1 %"],
  [0.5, "50 %"],
  [0.999, "99 %"],
  [1, "100 %"],
])("a part of %d is %s", (part, words) => {
  expect(plain(partWords(part))).toBe(words);
});

test("no bytes have no part", () => {
  expect(devicePart(sharing)).toBeNull();
});

test.each([
  [0, "0.0 Mbit/s"],
  [1000, "under 0.1 Mbit/s"],
  [1_025_000, "8.2 Mbit/s"],
  [125_000_000, "1000 Mbit/s"],
])("%d bytes a second are %s", (rate, words) => {
  expect(plain(rateWords(rate))).toBe(words);
});

test("the head of the list counts other viewers and connections", () => {
  expect(peersWords({ ...sharing, viewers: 2, peers: sharing.peers.slice(0, 1) })).toBe(
    "1 other viewer, 1 connection",
  );
});

test("the speed of the last minute has a value for each second, and follows bursts", () => {
  const history = new SpeedHistory();
  expect(history.speeds()).toEqual({ row: [], now: 0, box: 0 });
  for (let second = 0; second <= 90; second++)
    history.note(second * 100, second >= 85 ? 2000 : 0, second * 1000);
  const { row, now, box } = history.speeds();
  expect(row).toHaveLength(historySeconds);
  expect(row.at(-1)).toBeCloseTo(100);
  expect(row[54]).toBeCloseTo(2100);
  expect([now, box]).toEqual([100, 100]);
});

test("bytes that came while the page slept are spread over that time, and a new count begins anew", () => {
  const history = new SpeedHistory();
  history.note(0, 0, 0);
  history.note(4000, 0, 4000);
  expect(history.speeds().row).toEqual([1000, 1000, 1000, 1000]);
  history.note(10, 0, 5000);
  expect(history.speeds().row).toEqual([]);
});

test.each([0, 1, 2, 5, 10])("%d peers have places of their own inside the picture", (count) => {
  for (const width of [300, 600, 1200]) {
    const { peers, self, box, height } = placePeers(count, width);
    expect(peers).toHaveLength(count);
    const all = [...peers, self, box];
    for (const { x, y } of all) {
      expect(x).toBeGreaterThanOrEqual(13);
      expect(x).toBeLessThanOrEqual(width - 13);
      expect(y).toBeGreaterThanOrEqual(13);
      expect(y).toBeLessThanOrEqual(height - 20);
    }
    const apart = all.flatMap((a, i) => all.slice(i + 1).map((b) => Math.hypot(a.x - b.x, a.y - b.y)));
    expect(Math.min(...apart, 99)).toBeGreaterThan(40);
  }
});

test("lines grow with the rate between two bounds", () => {
  expect(lineWidth(0)).toBe(0);
  expect(lineWidth(1e5)).toBeGreaterThan(lineWidth(1e4));
  expect(lineWidth(1e12)).toBe(8);
});

test("a long name is cut between characters", () => {
  expect(shortName("Anna", 5)).toBe("Anna");
  expect(shortName("👩‍🚀 Anna and all", 7)).toBe("👩‍🚀 An…");
});

test("a viewer is told in one line", () => {
  const viewer = { id: "a", name: "Anna", video: "v", bufferSeconds: 14.4, peers: 1 };
  const words = viewerWords({ ...viewer, bytes: { origin: 12e6, peers: 40e6, uploaded: 0 } });
  expect(plain(words)).toBe("14 s ahead · 1 peer · 12 MB from the box · 40 MB from devices · gave nothing");
});

test("the statistics tell all of sharing, each line once", () => {
  const lines = sharingLines({ ...sharing, banned: 1, bytes: { ...bytes, peers: 61.2e6, rejected: 40_000 } });
  expect(lines.map(({ name, value }) => `${name}: ${value}`)).toEqual([
    "Sharing: on",
    "Viewer: k3v7q2m4x6ab",
    "Peers: 3 connected, 1 banned; 5 in the room",
    "From devices: 61.2 MB",
    "Given: 0.0 MB",
    "From memory: 0.0 MB",
    "Came twice: 0.0 MB",
    "Failed checks: 0.04 MB",
    "Memory: 78.0 of 100.0 MB",
  ]);
});
