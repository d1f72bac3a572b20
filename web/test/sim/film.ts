import { createHash } from "node:crypto";
import { maxChunkBytes } from "../../src/protocol/runs.ts";
import type { Film, FilmSegment } from "../unit/swarm/sim/film.ts";
import { randomFrom } from "../unit/swarm/sim/random.ts";
import { Extent } from "./extent.ts";

const firstDurations = [1, 1, 2];
const usualDuration = 4;
/** Segments are up to that much larger or smaller than the rate tells. */
const spread = 0.15;

/** A film of sizes: rates in bits a second, cut as an import cuts it. */
export function filmOfSizes(seconds: number, rates: Readonly<Record<string, number>>, seed: number): Film {
  const random = randomFrom(seed);
  const renditions = new Map<string, readonly FilmSegment[]>();
  const chunks = new Map<string, Uint8Array>();
  for (const [rendition, rate] of Object.entries(rates)) {
    const segments: FilmSegment[] = [];
    for (let start = 0; start < seconds; ) {
      const duration = Math.min(seconds - start, firstDurations[segments.length] ?? usualDuration);
      const size = Math.round(((rate * duration) / 8) * (1 - spread + 2 * spread * random()));
      const segment = segmentOf(rendition, segments.length, { start, duration }, size);
      for (const { sha256, bytes } of segment.chunks) chunks.set(sha256.toString("hex"), bytes);
      segments.push(segment);
      start += duration;
    }
    renditions.set(rendition, segments);
  }
  return { seconds, renditions, chunks };
}

/** The name of a chunk: a hash of where it is, in the place of one of its bytes. */
export function nameOf(segment: string, offset: number): Buffer {
  return createHash("sha256").update(`${segment}/${offset}`).digest();
}

function segmentOf(
  rendition: string,
  index: number,
  times: { readonly start: number; readonly duration: number },
  size: number,
): FilmSegment {
  const url = `segment/${rendition}/${index}`;
  const bytes = Extent.bytes(size, { segment: url, offset: 0 });
  const chunks = [];
  for (let at = 0; at < size; at += maxChunkBytes)
    chunks.push({ sha256: nameOf(url, at), bytes: bytes.subarray(at, Math.min(size, at + maxChunkBytes)) });
  return { index, ...times, url, bytes, chunks };
}
