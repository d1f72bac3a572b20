import { expect, test } from "vitest";
import { Cache } from "../../../src/swarm/cache.ts";
import type { IndexedChunk } from "../../../src/swarm/chunk-index.ts";

const size = 1000;

function chunkAt(ordinal: number, rendition = "v0"): IndexedChunk {
  return { place: { rendition, ordinal }, segment: ordinal, size, sha256: "", offset: 0 };
}

function openCache(chunks: number) {
  const dropped: string[] = [];
  const reads: boolean[] = [];
  const cache = new Cache({
    limit: chunks * size,
    behind: 0.2,
    onDropped: ({ rendition, ordinal }) => dropped.push(`${rendition}/${ordinal}`),
    onRead: (urgent) => reads.push(urgent),
  });
  return { cache, dropped, reads };
}

/** Puts in a whole, checked chunk that plays at four seconds times its ordinal. */
function put(cache: Cache, ordinal: number, rendition = "v0", must = false): boolean {
  const entry = cache.open(chunkAt(ordinal, rendition), ordinal * 4, must);
  entry?.write(0, new Uint8Array(size).fill(ordinal), null, 0);
  if (entry !== undefined) entry.checked = true;
  return entry !== undefined;
}

const piece = (ordinal: number, offset: number, length: number) => {
  return { rendition: "v0", ordinal, offset, length, urgent: false };
};

test("it never holds more than its limit, and keeps what is near the playhead", () => {
  const { cache, dropped } = openCache(10);
  cache.aim(40, new Set(["v0"]));
  for (let ordinal = 0; ordinal < 30; ordinal++) put(cache, ordinal);
  expect(cache.bytes).toBeLessThanOrEqual(10 * size);
  expect(cache.get({ rendition: "v0", ordinal: 10 })).toBeDefined();
  expect(cache.get({ rendition: "v0", ordinal: 0 })).toBeUndefined();
  expect(dropped.length).toBeGreaterThan(0);
});

test("what is further ahead than all it has is refused, what plays is not", () => {
  const { cache } = openCache(5);
  cache.aim(0, new Set(["v0"]));
  for (let ordinal = 0; ordinal < 5; ordinal++) expect(put(cache, ordinal)).toBe(true);
  expect(put(cache, 20)).toBe(false);
  expect(put(cache, 21, "v0", true)).toBe(true);
  expect(cache.bytes).toBeLessThanOrEqual(5 * size);
});

test("other renditions go first, then what is far behind", () => {
  const { cache, dropped } = openCache(6);
  cache.aim(20, new Set(["v0"]));
  put(cache, 6, "v1");
  for (const ordinal of [0, 3, 5, 6, 7]) put(cache, ordinal);
  put(cache, 8);
  put(cache, 9);
  expect(dropped).toEqual(["v1/6", "v0/0"]);
  expect(cache.get({ rendition: "v0", ordinal: 3 })).toBeDefined();
});

test("what is in use stays", () => {
  const { cache } = openCache(2);
  cache.aim(100, new Set(["v0"]));
  const entry = cache.open(chunkAt(0), 0, true);
  if (entry !== undefined) entry.pins = 1;
  put(cache, 25);
  put(cache, 26, "v0", true);
  expect(cache.get({ rendition: "v0", ordinal: 0 })).toBe(entry);
});

test("a checked chunk is given at once, any range of it", () => {
  const { cache } = openCache(4);
  put(cache, 3);
  const got: [number, number][] = [];
  let ended: string | undefined = "not yet";
  cache.read(
    piece(3, 10, 20),
    (offset, bytes) => got.push([offset, bytes.byteLength]),
    (refused) => (ended = refused),
  );
  expect(got).toEqual([[10, 20]]);
  expect(ended).toBeUndefined();
});

test("what is not here, and what is no range of it, is refused", () => {
  const { cache } = openCache(4);
  put(cache, 3);
  const refusals: (string | undefined)[] = [];
  const end = (refused?: string) => refusals.push(refused);
  cache.read(piece(4, 0, 10), () => {}, end);
  cache.read(piece(3, 990, 20), () => {}, end);
  cache.read(piece(3, 0, 0), () => {}, end);
  expect(refusals).toEqual(["not-here", "not-a-range", "not-a-range"]);
});

test("bytes of the origin are passed on as they come, those of peers only once the chunk is checked", () => {
  const { cache } = openCache(4);
  const entry = cache.open(chunkAt(1), 4, true);
  entry?.write(0, new Uint8Array(100), null, 0);
  const got: [number, number][] = [];
  let ended = false;
  cache.read(
    piece(1, 50, 300),
    (offset, bytes) => got.push([offset, bytes.byteLength]),
    () => (ended = true),
  );
  expect(got).toEqual([[50, 50]]);
  entry?.write(100, new Uint8Array(100), "peer", 0);
  expect(got).toHaveLength(1);
  entry?.write(200, new Uint8Array(100), null, 0);
  expect(got).toEqual([
    [50, 50],
    [200, 100],
  ]);
  entry?.write(300, new Uint8Array(700), "peer", 0);
  if (entry !== undefined) entry.checked = true;
  entry?.serveWaiting();
  expect(got.slice(2)).toEqual([
    [100, 100],
    [300, 50],
  ]);
  expect(ended).toBe(true);
});

test("who reads a chunk that is given up is told", () => {
  const { cache } = openCache(4);
  const entry = cache.open(chunkAt(1), 4, true);
  let refusal: string | undefined;
  cache.read(
    piece(1, 0, 10),
    () => {},
    (refused) => (refusal = refused),
  );
  if (entry !== undefined) cache.discard(entry);
  expect(refusal).toBe("not-here");
});

test("the first bytes to come count, and who sent them is remembered", () => {
  const { cache } = openCache(4);
  const entry = cache.open(chunkAt(1), 4, true);
  expect(entry?.write(0, new Uint8Array(600).fill(1), "a", 0)).toBe(600);
  expect(entry?.write(400, new Uint8Array(600).fill(2), "b", 0)).toBe(400);
  expect(entry?.bytes[500]).toBe(1);
  expect(entry?.contributions).toEqual([
    { start: 0, end: 600, from: "a" },
    { start: 600, end: 1000, from: "b" },
  ]);
  expect(entry?.isWhole).toBe(true);
  expect(entry?.isPlayable).toBe(false);
});

test("a chunk that is all of the origin plays before it is checked", () => {
  const { cache } = openCache(4);
  const entry = cache.open(chunkAt(1), 4, true);
  entry?.write(0, new Uint8Array(size), null, 0);
  expect(entry?.isPlayable).toBe(true);
});

test("room ahead shrinks by what is there", () => {
  const { cache } = openCache(10);
  cache.aim(0, new Set(["v0"]));
  expect(cache.room).toBe(8 * size);
  put(cache, 1);
  expect(cache.room).toBe(7 * size);
});
