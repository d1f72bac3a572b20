import type { ChunkPlace, PieceRequest } from "../protocol/runs.ts";
import { CacheEntry, type OnPieceBytes, type OnPieceEnd } from "./cache-entry.ts";
import type { IndexedChunk } from "./chunk-index.ts";
import type { Source } from "./parts.ts";
import { keyOf } from "./places.ts";

export interface CacheOptions {
  /** The most bytes. */
  readonly limit: number;
  /** The share of them that is kept behind the playhead for others, 0 to 1. */
  readonly behind: number;
  /** A checked chunk was thrown out. */
  onDropped(place: ChunkPlace): void;
  /** Gets memory for a chunk of that many bytes. */
  readonly memory?: ((bytes: number) => Uint8Array<ArrayBuffer>) | undefined;
  /** A peer asked for bytes of a chunk. */
  onRead(urgent: boolean): void;
}

/**
 * The chunks that this viewer has, in memory and within a limit. What plays is never refused; for it goes what belongs to other
 * renditions, then what is too far behind the playhead, then what is furthest ahead.
 */
export class Cache implements Source {
  readonly #options: CacheOptions;
  readonly #entries = new Map<string, CacheEntry>();
  #bytes = 0;
  #playhead = 0;
  #renditions: ReadonlySet<string> = new Set();

  constructor(options: CacheOptions) {
    this.#options = options;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** How many bytes may still be got ahead of the playhead, those that are being got with them. */
  get room(): number {
    let room = this.#options.limit * (1 - this.#options.behind);
    for (const entry of this.#entries.values()) {
      if (entry.isWhole && this.#isAhead(entry)) room -= entry.size;
    }
    return room;
  }

  /** The places of all that can be given to others. */
  checkedPlaces(): ChunkPlace[] {
    return [...this.#entries.values()].filter(({ checked }) => checked).map(({ chunk }) => chunk.place);
  }

  get(place: ChunkPlace): CacheEntry | undefined {
    return this.#entries.get(keyOf(place));
  }

  /** Tells what is being played, which decides what stays. Position is in seconds of the film. */
  aim(playhead: number, renditions: ReadonlySet<string>): void {
    this.#playhead = playhead;
    this.#renditions = renditions;
  }

  /** Makes room for a chunk, or finds it. Returns undefined when what is here is worth more, unless the chunk must be kept. */
  open(chunk: IndexedChunk, start: number, must: boolean): CacheEntry | undefined {
    const known = this.get(chunk.place);
    if (known !== undefined) return known;
    const bytes = this.#options.memory?.(chunk.size) ?? new Uint8Array(chunk.size);
    const entry = new CacheEntry(chunk, start, bytes);
    if (!this.#makeRoom(entry, must)) return undefined;
    this.#entries.set(keyOf(chunk.place), entry);
    this.#bytes += entry.size;
    return entry;
  }

  discard(entry: CacheEntry): void {
    if (!this.#entries.delete(keyOf(entry.chunk.place))) return;
    this.#bytes -= entry.size;
    entry.close();
    if (entry.checked) this.#options.onDropped(entry.chunk.place);
  }

  read(piece: PieceRequest, onBytes: OnPieceBytes, onEnd: OnPieceEnd): () => void {
    const entry = this.get(piece);
    const end = piece.offset + piece.length;
    if (entry === undefined) onEnd("not-here");
    else if (piece.offset < 0 || piece.length < 1 || end > entry.size) onEnd("not-a-range");
    else {
      this.#options.onRead(piece.urgent);
      return entry.read(piece, onBytes, onEnd);
    }
    return () => {};
  }

  #makeRoom(entry: CacheEntry, must: boolean): boolean {
    while (this.#bytes + entry.size > this.#options.limit) {
      const keptFrom = this.#keptFrom();
      const worst = this.#worst(keptFrom);
      if (worst === undefined) return must;
      if (!must && this.#worth(worst, keptFrom) >= this.#worth(entry, keptFrom)) return false;
      this.discard(worst);
    }
    return true;
  }

  #worst(keptFrom: number): CacheEntry | undefined {
    let worst: CacheEntry | undefined;
    let least = Number.POSITIVE_INFINITY;
    for (const entry of this.#entries.values()) {
      const worth = this.#worth(entry, keptFrom);
      if (entry.pins > 0 || worth >= least) continue;
      worst = entry;
      least = worth;
    }
    return worst;
  }

  /** The larger the better. Ahead: the nearer the better; behind: for others, as long as it is within its share. */
  #worth(entry: CacheEntry, keptFrom: number): number {
    const distance = Math.abs(entry.start - this.#playhead);
    if (!this.#renditions.has(entry.chunk.place.rendition)) return -2e9 - distance;
    if (this.#isAhead(entry)) return -distance;
    return entry.start >= keptFrom ? 0 : -1e9 - distance;
  }

  /** How far back the share behind the playhead goes, in seconds of the film. */
  #keptFrom(): number {
    let left = this.#options.limit * this.#options.behind;
    const behind = [...this.#entries.values()].filter((entry) => !this.#isAhead(entry));
    for (const { start, size } of behind.sort((a, b) => b.start - a.start)) {
      left -= size;
      if (left < 0) return start + 1e-6;
    }
    return Number.NEGATIVE_INFINITY;
  }

  #isAhead({ start }: CacheEntry): boolean {
    return start >= this.#playhead - segmentSlack;
  }
}

/** The segment that plays begins before the playhead. */
const segmentSlack = 4;
