import type { ChunkPlace } from "../protocol/runs.ts";
import type { CacheEntry } from "./cache-entry.ts";
import { keyOf } from "./places.ts";

/** Who sent a chunk, for a picture: most of its bytes. */
export interface ChunkSource extends ChunkPlace {
  readonly segment: number;
  /** Seconds of the film at which its segment plays. */
  readonly start: number;
  readonly from: "origin" | "near" | "far";
}

/** The most chunks that are remembered; the oldest are forgotten first. */
const most = 10_000;

/** Where the chunks of this viewer came from. */
export class ChunkSources {
  readonly #sources = new Map<string, ChunkSource>();

  note(entry: CacheEntry, isNear: (peer: string) => boolean): void {
    const { place, segment } = entry.chunk;
    const key = keyOf(place);
    this.#sources.delete(key);
    this.#sources.set(key, { ...place, segment, start: entry.start, from: mostFrom(entry, isNear) });
    for (const oldest of this.#sources.keys()) {
      if (this.#sources.size <= most) break;
      this.#sources.delete(oldest);
    }
  }

  all(): ChunkSource[] {
    return [...this.#sources.values()];
  }
}

function mostFrom(entry: CacheEntry, isNear: (peer: string) => boolean): ChunkSource["from"] {
  const bytes = { origin: 0, near: 0, far: 0 };
  for (const { from, start, end } of entry.contributions) {
    const sender = from === null ? "origin" : isNear(from) ? "near" : "far";
    bytes[sender] += end - start;
  }
  if (bytes.origin >= bytes.near && bytes.origin >= bytes.far) return "origin";
  return bytes.near >= bytes.far ? "near" : "far";
}
