import { type ChunkList, decodeChunkList, segmentsPerWindow } from "../protocol/chunk-list.ts";
import type { ChunkPlace } from "../protocol/runs.ts";
import type { Clock } from "./clock.ts";

/** What a chunk is: its place, its name, and where in its segment it lies. */
export interface IndexedChunk {
  readonly place: ChunkPlace;
  readonly segment: number;
  readonly size: number;
  /** In hexadecimal. */
  readonly sha256: string;
  /** Where in its segment it begins. */
  readonly offset: number;
}

export interface IndexedSegment {
  readonly size: number;
  readonly chunks: readonly IndexedChunk[];
}

export interface ChunkIndexOptions {
  readonly clock: Clock;
  /** Gets the list of a window of a rendition; rejects when there is none. */
  fetchList(rendition: string, window: number): Promise<Uint8Array>;
  /** Something that was not known is known now. */
  onMore(): void;
}

/** How long to leave a list that could not be had, or that has nothing new yet, in ms; it doubles up to the longest. */
const firstPauseMs = 500;
const longestPauseMs = 8000;

interface Window {
  loading: boolean;
  final: boolean;
  /** How many segments are known. */
  known: number;
  pauseMs: number;
  nextAt: number;
}

/** Which chunks the segments of a video have, window by window as they are needed (docs/protocol.md). */
export class ChunkIndex {
  readonly #options: ChunkIndexOptions;
  readonly #windows = new Map<string, Window>();
  readonly #segments = new Map<string, IndexedSegment>();
  readonly #chunks = new Map<string, Map<number, IndexedChunk>>();

  constructor(options: ChunkIndexOptions) {
    this.#options = options;
  }

  /** A segment's chunks; undefined while they are not known, and then they are asked for. */
  segment(rendition: string, index: number): IndexedSegment | undefined {
    const segment = this.#segments.get(`${rendition}/${index}`);
    if (segment === undefined) this.#need(rendition, Math.floor(index / segmentsPerWindow));
    return segment;
  }

  /** The chunk at a place, if it is known. */
  chunk({ rendition, ordinal }: ChunkPlace): IndexedChunk | undefined {
    return this.#chunks.get(rendition)?.get(ordinal);
  }

  #need(rendition: string, number: number): void {
    const key = `${rendition}/${number}`;
    let window = this.#windows.get(key);
    if (window === undefined) {
      window = { loading: false, final: false, known: 0, pauseMs: firstPauseMs, nextAt: 0 };
      this.#windows.set(key, window);
    }
    if (window.loading || window.final || this.#options.clock.now() < window.nextAt) return;
    window.loading = true;
    void this.#load(rendition, number, window);
  }

  async #load(rendition: string, number: number, window: Window): Promise<void> {
    const known = window.known;
    try {
      const list = decodeChunkList(await this.#options.fetchList(rendition, number));
      if (list.first === number * segmentsPerWindow) this.#take(rendition, list, window);
    } catch {
      // Whoever plays goes on without: the origin has the segments themselves.
    }
    window.loading = false;
    const grew = window.known > known;
    window.pauseMs = grew ? firstPauseMs : Math.min(longestPauseMs, window.pauseMs * 2);
    window.nextAt = this.#options.clock.now() + window.pauseMs;
    if (grew) this.#options.onMore();
  }

  #take(rendition: string, list: ChunkList, window: Window): void {
    const chunks = this.#chunks.get(rendition) ?? new Map<number, IndexedChunk>();
    this.#chunks.set(rendition, chunks);
    for (let i = window.known; i < list.segments.length; i++) {
      const segment = list.first + i;
      const indexed: IndexedChunk[] = [];
      let [ordinal, offset] = [list.segments[i]?.ordinal ?? 0, 0];
      for (const { size, sha256 } of list.segments[i]?.chunks ?? []) {
        const chunk = { place: { rendition, ordinal }, segment, size, sha256: hexOf(sha256), offset };
        indexed.push(chunk);
        chunks.set(ordinal, chunk);
        ordinal += 1;
        offset += size;
      }
      this.#segments.set(`${rendition}/${segment}`, { size: offset, chunks: indexed });
    }
    window.known = Math.max(window.known, list.segments.length);
    window.final = list.final;
  }
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
