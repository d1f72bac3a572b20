import type { ChunkPlace } from "../protocol/runs.ts";
import type { Cache } from "./cache.ts";
import type { CacheEntry, Contribution } from "./cache-entry.ts";
import { keyOf } from "./places.ts";

export interface CheckParts {
  readonly cache: Cache;
  /** The SHA-256 of bytes in hexadecimal. The bytes stay as they are, and where they are. */
  verify(bytes: Uint8Array): Promise<string>;
}

export interface CheckEvents {
  onChecked(entry: CacheEntry): void;
  /** A chunk does not match and was thrown away. From are the peers that had a hand in it, none if the origin alone had. */
  onMismatch(entry: CacheEntry, from: readonly string[]): void;
  /** A peer was found to have sent what does not belong to a chunk. */
  onLiar(peer: string, place: ChunkPlace): void;
  /** A peer was suspected and had sent the right bytes. */
  onCleared(peer: string): void;
}

interface Dispute {
  readonly bytes: Uint8Array;
  readonly contributions: readonly Contribution[];
}

/** Checks chunks against their hashes, and finds out who sent what does not match. */
export class Checks {
  readonly #parts: CheckParts;
  readonly #events: CheckEvents;
  readonly #running = new Set<CacheEntry>();
  readonly #disputes = new Map<string, Dispute>();

  constructor(parts: CheckParts, events: CheckEvents) {
    this.#parts = parts;
    this.#events = events;
  }

  async check(entry: CacheEntry): Promise<void> {
    if (entry.checked || this.#running.has(entry)) return;
    this.#running.add(entry);
    entry.pins += 1;
    let hash = "";
    try {
      hash = await this.#parts.verify(entry.bytes);
    } catch {
      // What cannot be checked counts as what does not match: it is not used.
    }
    entry.pins -= 1;
    this.#running.delete(entry);
    if (this.#parts.cache.get(entry.chunk.place) !== entry) return;
    if (hash === entry.chunk.sha256) this.#matched(entry);
    else this.#mismatched(entry);
  }

  #matched(entry: CacheEntry): void {
    entry.checked = true;
    this.#judge(entry);
    this.#events.onChecked(entry);
  }

  #mismatched(entry: CacheEntry): void {
    const { bytes, contributions } = entry;
    const from = new Set(contributions.flatMap((part) => (part.from === null ? [] : [part.from])));
    if (from.size > 0) this.#disputes.set(keyOf(entry.chunk.place), { bytes, contributions });
    this.#parts.cache.discard(entry);
    this.#events.onMismatch(entry, [...from]);
  }

  /** Compares what was sent for a chunk that did not match with what it is. */
  #judge(entry: CacheEntry): void {
    const key = keyOf(entry.chunk.place);
    const dispute = this.#disputes.get(key);
    if (dispute === undefined) return;
    this.#disputes.delete(key);
    const suspects = new Map<string, boolean>();
    for (const { from, start, end } of dispute.contributions) {
      if (from === null) continue;
      const honest = equal(dispute.bytes, entry.bytes, start, end);
      suspects.set(from, (suspects.get(from) ?? true) && honest);
    }
    for (const [peer, honest] of suspects) {
      if (honest) this.#events.onCleared(peer);
      else this.#events.onLiar(peer, entry.chunk.place);
    }
  }
}

function equal(a: Uint8Array, b: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (a[i] !== b[i]) return false;
  return true;
}
