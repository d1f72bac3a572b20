import type { Cache } from "./cache.ts";
import type { CacheEntry } from "./cache-entry.ts";
import type { ChunkIndex } from "./chunk-index.ts";
import type { Clock } from "./clock.ts";
import type { TimedSegment } from "./timeline.ts";

/** Where the bytes of a segment came from. */
export type SegmentOrigin = "origin" | "peer" | "cache" | "mixed";

/**
 * How far a load is. Times are in ms of the clock, 0 until it is so far; they tell how fast bytes come, so that what was here
 * before it was asked for, or was waited for on purpose, looks neither endlessly fast nor slow.
 */
export interface LoadProgress {
  readonly askedAt: number;
  readonly firstAt: number;
  readonly endAt: number;
  readonly loaded: number;
  /** 0 while it is not known. */
  readonly total: number;
}

export interface LoadEvents {
  onProgress(progress: LoadProgress): void;
  /** The bytes are the caller's: nobody else has this buffer. */
  onDone(bytes: ArrayBuffer, from: SegmentOrigin, progress: LoadProgress): void;
  /** Status is that of the origin's answer, 0 without one. */
  onFailed(status: number): void;
}

/** A segment that the player waits for. */
export interface SegmentLoad {
  readonly rendition: string;
  readonly timed: TimedSegment;
  readonly askedAt: number;
  readonly events: LoadEvents;
  firstAt: number;
}

export interface SegmentLoadParts {
  readonly clock: Clock;
  readonly index: ChunkIndex;
  readonly cache: Cache;
  /** Gets memory for a segment of that many bytes. */
  readonly memory?: ((bytes: number) => Uint8Array<ArrayBuffer>) | undefined;
  /** How long bytes take at the pace at which they came lately, in ms. */
  usualTime(fromOrigin: number, fromPeers: number): number;
  /** The player got a segment; cached are the bytes that it had before. */
  onGiven(rendition: string, segment: number, cached: number): void;
}

/** The segments that the player waits for, and handing them over. */
export class SegmentLoads {
  readonly #parts: SegmentLoadParts;
  readonly #waiting = new Map<string, Set<SegmentLoad>>();

  constructor(parts: SegmentLoadParts) {
    this.#parts = parts;
  }

  has(rendition: string, segment: number): boolean {
    return this.#waiting.has(`${rendition}/${segment}`);
  }

  all(): SegmentLoad[] {
    return [...this.#waiting.values()].flatMap((loads) => [...loads]);
  }

  add(rendition: string, timed: TimedSegment, events: LoadEvents): SegmentLoad {
    const load = { rendition, timed, askedAt: this.#parts.clock.now(), events, firstAt: 0 };
    const key = `${rendition}/${timed.index}`;
    const others = this.#waiting.get(key);
    if (others === undefined) this.#waiting.set(key, new Set([load]));
    else others.add(load);
    return load;
  }

  remove(load: SegmentLoad): void {
    const key = `${load.rendition}/${load.timed.index}`;
    const loads = this.#waiting.get(key);
    loads?.delete(load);
    if (loads?.size === 0) this.#waiting.delete(key);
  }

  /** Forgets all of them. */
  clear(): void {
    this.#waiting.clear();
  }

  /** Tells of progress, or hands over a segment that is here whole. Loaded is how much of it came without an index. */
  update(rendition: string, segment: number, loaded?: number): void {
    const loads = [...(this.#waiting.get(`${rendition}/${segment}`) ?? [])];
    if (loads.length === 0) return;
    const indexed = this.#parts.index.segment(rendition, segment);
    const entries = indexed?.chunks.map(({ place }) => this.#parts.cache.get(place)) ?? [];
    if (indexed !== undefined && entries.every((entry) => entry?.isPlayable === true)) {
      for (const load of loads) this.#give(load, entries as CacheEntry[], indexed.size);
      return;
    }
    const here = indexed === undefined ? (loaded ?? 0) : sum(entries.map((entry) => entry?.here.bytes ?? 0));
    for (const load of loads) this.#progress(load, here, indexed?.size ?? 0);
  }

  /** Hands over a segment that came whole from the origin while its chunks are not known. */
  giveRaw(rendition: string, segment: number, bytes: Uint8Array<ArrayBuffer>): void {
    for (const load of [...(this.#waiting.get(`${rendition}/${segment}`) ?? [])]) {
      this.remove(load);
      const total = bytes.byteLength;
      const endAt = this.#parts.clock.now();
      const progress = { askedAt: load.askedAt, firstAt: load.firstAt || endAt, endAt, loaded: total, total };
      this.#parts.onGiven(rendition, segment, 0);
      load.events.onDone(bytes.slice().buffer, "origin", progress);
    }
  }

  fail(rendition: string, segment: number, status: number): void {
    for (const load of [...(this.#waiting.get(`${rendition}/${segment}`) ?? [])]) {
      this.remove(load);
      load.events.onFailed(status);
    }
  }

  #progress(load: SegmentLoad, loaded: number, total: number): void {
    const now = this.#parts.clock.now();
    if (loaded > 0 && load.firstAt === 0) load.firstAt = now;
    // As long as nothing came, waiting may be on purpose and says nothing of the connection.
    const askedAt = loaded === 0 ? now : load.askedAt;
    load.events.onProgress({ askedAt, firstAt: load.firstAt, endAt: 0, loaded, total });
  }

  #give(load: SegmentLoad, entries: readonly CacheEntry[], total: number): void {
    this.remove(load);
    const bytes = this.#parts.memory?.(total) ?? new Uint8Array(total);
    let offset = 0;
    for (const entry of entries) {
      bytes.set(entry.bytes, offset);
      offset += entry.size;
    }
    const cached = sum(entries.map((entry) => (entry.played ? entry.size : 0)));
    const from = cached === total ? "cache" : senderOf(entries);
    const progress = this.#timesOf(load, entries, total);
    for (const entry of entries) entry.played = true;
    this.#parts.onGiven(load.rendition, load.timed.index, cached);
    load.events.onDone(bytes.buffer, from, progress);
  }

  #timesOf(load: SegmentLoad, entries: readonly CacheEntry[], total: number): LoadProgress {
    const endAt = this.#parts.clock.now();
    const origin = sum(entries.map((entry) => entry.bytesFrom(true)));
    const usual = this.#parts.usualTime(origin, total - origin);
    const began = Math.min(...entries.map((entry) => entry.firstAt));
    // What came by one fetch after it was asked for was timed as it came.
    const isDirect = origin === total && began >= load.askedAt;
    const askedAt = isDirect ? load.askedAt : endAt - usual;
    const firstAt = isDirect ? began : Math.max(askedAt, Math.min(began, endAt));
    return { askedAt, firstAt, endAt, loaded: total, total };
  }
}

function senderOf(entries: readonly CacheEntry[]): SegmentOrigin {
  const origin = entries.some((entry) => entry.bytesFrom(true) > 0);
  const peers = entries.some((entry) => entry.bytesFrom(false) > 0);
  if (origin && peers) return "mixed";
  return peers ? "peer" : "origin";
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
