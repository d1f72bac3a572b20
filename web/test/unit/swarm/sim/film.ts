import { createHash } from "node:crypto";
import type { TimedSegment } from "../../../../src/swarm/timeline.ts";
import { randomFrom } from "./random.ts";

const largestChunk = 1 << 20;

export interface FilmSegment extends TimedSegment {
  readonly bytes: Uint8Array;
  readonly chunks: readonly { readonly sha256: Buffer; readonly bytes: Uint8Array }[];
}

export interface Film {
  readonly seconds: number;
  readonly renditions: ReadonlyMap<string, readonly FilmSegment[]>;
  /** By hash, in hexadecimal. */
  readonly chunks: ReadonlyMap<string, Uint8Array>;
}

/** A film of random bytes with the given rates in bits a second, cut as an import cuts it: the first segments short, then 4 s each. */
export function makeFilm(
  seconds: number,
  rates: Readonly<Record<string, number>>,
  seed: number,
  firstDurations: readonly number[] = [1, 1, 2],
): Film {
  const random = randomFrom(seed);
  const chunks = new Map<string, Uint8Array>();
  const renditions = new Map<string, FilmSegment[]>();
  for (const [rendition, rate] of Object.entries(rates)) {
    const segments: FilmSegment[] = [];
    for (let start = 0, index = 0; start < seconds; index++) {
      const duration = Math.min(seconds - start, firstDurations[index] ?? 4);
      const size = Math.round(((rate * duration) / 8) * (0.85 + 0.3 * random()));
      const segment = makeSegment(rendition, index, { start, duration }, size, random);
      for (const { sha256, bytes } of segment.chunks) chunks.set(sha256.toString("hex"), bytes);
      segments.push(segment);
      start += duration;
    }
    renditions.set(rendition, segments);
  }
  return { seconds, renditions, chunks };
}

function makeSegment(
  rendition: string,
  index: number,
  times: { start: number; duration: number },
  size: number,
  random: () => number,
): FilmSegment {
  const bytes = new Uint8Array(size);
  const words = new Uint32Array(bytes.buffer, 0, size >> 2);
  let word = Math.floor(random() * 2 ** 32);
  for (let i = 0; i < words.length; i++) {
    word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
    words[i] = word;
  }
  const chunks = [];
  for (let at = 0; at < size; at += largestChunk) {
    const part = bytes.subarray(at, at + largestChunk);
    chunks.push({ sha256: createHash("sha256").update(part).digest(), bytes: part });
  }
  return { index, ...times, url: `segment/${rendition}/${index}`, bytes, chunks };
}

/** The list of chunks of a window, as docs/protocol.md has it, while so many segments of the rendition are there. */
export function chunkListOf(
  film: Film,
  rendition: string,
  window: number,
  there = Number.POSITIVE_INFINITY,
): Uint8Array {
  const all = film.renditions.get(rendition) ?? [];
  const first = window * 64;
  const listed = all.slice(first, Math.min(first + 64, there));
  const final = there >= all.length || listed.length === 64 ? 1 : 0;
  const before = all.slice(0, first).reduce((sum, { chunks }) => sum + chunks.length, 0);
  const parts = [Buffer.from("SCL1"), u32(first), u32(before), Buffer.from([0, listed.length, final])];
  for (const { chunks } of listed) {
    parts.push(Buffer.from([chunks.length]));
    for (const { sha256, bytes } of chunks) parts.push(u32(bytes.byteLength), sha256);
  }
  return new Uint8Array(Buffer.concat(parts));
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
