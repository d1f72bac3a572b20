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

/** Which peers had a hand in a segment, and whether some of its bytes did not match. */
export interface SegmentSenders {
  readonly peers: ReadonlySet<string>;
  readonly failedCheck: boolean;
}

/** The most chunks, and segments, that are remembered; the oldest are forgotten first. */
const most = 10_000;

/** Where the chunks of this viewer came from. */
export class ChunkSources {
  readonly #sources = new Map<string, ChunkSource>();
  readonly #senders = new Map<string, { peers: Set<string>; failedCheck: boolean }>();

  note(entry: CacheEntry, isNear: (peer: string) => boolean): void {
    const { place, segment } = entry.chunk;
    const key = keyOf(place);
    this.#sources.delete(key);
    this.#sources.set(key, { ...place, segment, start: entry.start, from: mostFrom(entry, isNear) });
    forgetOldest(this.#sources);
    const { peers } = this.#sendersOf(entry);
    for (const { from } of entry.contributions) if (from !== null) peers.add(from);
  }

  /** A chunk did not match its hash. */
  noteFailed(entry: CacheEntry): void {
    this.#sendersOf(entry).failedCheck = true;
  }

  senders(rendition: string, segment: number): SegmentSenders | undefined {
    return this.#senders.get(`${rendition}/${segment}`);
  }

  all(): ChunkSource[] {
    return [...this.#sources.values()];
  }

  #sendersOf({ chunk }: CacheEntry): { peers: Set<string>; failedCheck: boolean } {
    const key = `${chunk.place.rendition}/${chunk.segment}`;
    const senders = this.#senders.get(key) ?? { peers: new Set<string>(), failedCheck: false };
    this.#senders.set(key, senders);
    forgetOldest(this.#senders);
    return senders;
  }
}

function forgetOldest(map: Map<string, unknown>): void {
  for (const oldest of map.keys()) {
    if (map.size <= most) break;
    map.delete(oldest);
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
