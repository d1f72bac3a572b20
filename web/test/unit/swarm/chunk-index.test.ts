import { expect, test } from "vitest";
import { ChunkIndex } from "../../../src/swarm/chunk-index.ts";
import { chunkListOf, makeFilm } from "./sim/film.ts";
import { VirtualClock } from "./sim/virtual-clock.ts";

const film = makeFilm(600, { v0: 400_000 }, 3);

function listOf(window: number, segments: number, final: boolean): Uint8Array {
  const list = chunkListOf(film, "v0", window);
  const view = new DataView(list.buffer, list.byteOffset);
  let at = 15;
  for (let i = 0; i < segments; i++) at += 1 + 36 * view.getUint8(at);
  const cut = list.slice(0, at);
  cut[13] = segments;
  cut[14] = final ? 1 : 0;
  return cut;
}

async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await null;
}

test("a segment's chunks are known once their window came, and ordinals lead back to segments", async () => {
  let news = 0;
  const asked: number[] = [];
  const index = new ChunkIndex({
    clock: new VirtualClock(),
    fetchList: async (rendition, window) => {
      asked.push(window);
      return chunkListOf(film, rendition, window);
    },
    onMore: () => {
      news += 1;
    },
  });
  expect(index.segment("v0", 70)).toBeUndefined();
  expect(index.segment("v0", 71)).toBeUndefined();
  await settle();
  expect([asked, news]).toEqual([[1], 1]);
  const chunks = index.segment("v0", 70)?.chunks ?? [];
  const real = film.renditions.get("v0")?.[70];
  expect(chunks.map(({ sha256 }) => sha256)).toEqual(
    real?.chunks.map(({ sha256 }) => sha256.toString("hex")),
  );
  expect(index.segment("v0", 70)?.size).toBe(real?.bytes.byteLength);
  const place = chunks[0]?.place ?? { rendition: "", ordinal: 0 };
  expect(index.chunk(place)?.segment).toBe(70);
});

test("a window that grows is read again when more of it is needed, not all the time", async () => {
  const clock = new VirtualClock();
  let segments = 3;
  let asked = 0;
  const index = new ChunkIndex({
    clock,
    fetchList: async () => {
      asked += 1;
      return listOf(0, segments, false);
    },
    onMore: () => {},
  });
  index.segment("v0", 1);
  await settle();
  expect(index.segment("v0", 2)).toBeDefined();
  for (let i = 0; i < 5; i++) index.segment("v0", 3);
  await settle();
  expect(asked).toBe(1);
  segments = 6;
  await clock.runTo(1000);
  index.segment("v0", 3);
  await settle();
  expect(asked).toBe(2);
  expect(index.segment("v0", 5)).toBeDefined();
});

test("a list that is none, or of another window, is passed over and asked for again later", async () => {
  const clock = new VirtualClock();
  const answers = [new Uint8Array([1, 2, 3]), chunkListOf(film, "v0", 1), chunkListOf(film, "v0", 0)];
  const index = new ChunkIndex({
    clock,
    fetchList: async () => {
      const answer = answers.shift();
      if (answer === undefined) throw new Error("404");
      return answer;
    },
    onMore: () => {},
  });
  for (const after of [0, 2000, 6000]) {
    await clock.runTo(after);
    expect(index.segment("v0", 0)).toBeUndefined();
    await settle();
  }
  expect(index.segment("v0", 0)).toBeDefined();
});
