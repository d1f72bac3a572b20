import type { CacheEntry } from "./cache-entry.ts";

/** Which peers had a hand in a segment, and whether some of its bytes did not match. */
export interface SegmentSenders {
  readonly peers: ReadonlySet<string>;
  readonly failedCheck: boolean;
}

/** The most segments that are remembered; the oldest are forgotten first. */
const most = 10_000;

/** Who sent the segments that came so far. */
export class SenderBook {
  readonly #senders = new Map<string, { peers: Set<string>; failedCheck: boolean }>();

  /** A chunk is here and matches its hash. */
  note(entry: CacheEntry): void {
    const { peers } = this.#of(entry);
    for (const { from } of entry.contributions) if (from !== null) peers.add(from);
  }

  /** A chunk did not match its hash. */
  noteFailed(entry: CacheEntry): void {
    this.#of(entry).failedCheck = true;
  }

  get(rendition: string, segment: number): SegmentSenders | undefined {
    return this.#senders.get(`${rendition}/${segment}`);
  }

  #of({ chunk }: CacheEntry): { peers: Set<string>; failedCheck: boolean } {
    const key = `${chunk.place.rendition}/${chunk.segment}`;
    const senders = this.#senders.get(key) ?? { peers: new Set<string>(), failedCheck: false };
    this.#senders.set(key, senders);
    for (const oldest of this.#senders.keys()) {
      if (this.#senders.size <= most) break;
      this.#senders.delete(oldest);
    }
    return senders;
  }
}
