import type { SharingFacts } from "../swarm/facts.ts";
import { type PlaybackEvent, StallCounter } from "./stall-counter.ts";

/** One segment that the player got, and where it came from. */
export interface SegmentRecord {
  readonly kind: "video" | "audio" | "text";
  readonly rendition: string;
  readonly index: number;
  readonly source: "origin" | "peer" | "cache" | "mixed";
}

/** What window.shoal.stats() returns. Times in ms from navigation. */
export interface ShoalStats {
  readonly firstFrameMs: number | null;
  readonly stalls: number;
  readonly stallMs: number;
  readonly bufferSeconds: number;
  readonly peers: number;
  readonly viewer: string;
  readonly bytes: {
    readonly origin: number;
    readonly peers: number;
    readonly cache: number;
    readonly uploaded: number;
    readonly duplicate: number;
    readonly rejected: number;
  };
  readonly segments: readonly SegmentRecord[];
}

const nothing = { origin: 0, peers: 0, cache: 0, uploaded: 0, duplicate: 0, rejected: 0 };

/** The most segments that are remembered; the oldest are forgotten first. */
export const maxSegments = 2000;

/** Collects the facts of one playback. `now` is a clock in ms, `navigation` its value when the page was asked for. */
export class PlaybackStats {
  readonly #now: () => number;
  readonly #navigation: number;
  readonly #stalls = new StallCounter();
  #firstFrame: number | null = null;
  #seekStart: number | null = null;
  #lastSeek: number | null = null;
  #originBytes = 0;
  #segments: SegmentRecord[] = [];

  constructor(now: () => number, navigation: number) {
    this.#now = now;
    this.#navigation = navigation;
  }

  /** Notes that a frame, or the first sound, was presented; only the first call counts. */
  noteFrame(): void {
    this.#firstFrame ??= this.#now() - this.#navigation;
  }

  notePlayback(event: PlaybackEvent): void {
    if (event === "seeking") this.#seekStart = this.#now();
    this.#stalls.note(event, this.#now());
  }

  /** Notes that the picture at the place of the last seek is there. */
  noteSeeked(): void {
    if (this.#seekStart !== null) this.#lastSeek = this.#now() - this.#seekStart;
    this.#seekStart = null;
  }

  /** How long the last seek took that came to its end, in ms; null before the first one. */
  get lastSeekMs(): number | null {
    return this.#lastSeek;
  }

  /** Notes bytes that came from the origin, also of transfers that were cut off. */
  noteOriginBytes(bytes: number): void {
    this.#originBytes += bytes;
  }

  noteSegment(segment: SegmentRecord): void {
    this.#segments.push(segment);
    if (this.#segments.length > maxSegments) this.#segments = this.#segments.slice(-maxSegments);
  }

  /** Sharing is what the swarm counts; null without one. */
  snapshot(bufferSeconds: number, sharing: SharingFacts | null = null): ShoalStats {
    const bytes = sharing?.bytes ?? nothing;
    return {
      firstFrameMs: this.#firstFrame,
      stalls: this.#stalls.count,
      stallMs: this.#stalls.totalMs(this.#now()),
      bufferSeconds,
      peers: sharing?.peers.length ?? 0,
      viewer: sharing?.viewer ?? "",
      bytes: { ...bytes, origin: bytes.origin + this.#originBytes },
      segments: [...this.#segments],
    };
  }
}

/** How many seconds can be played from position on without a gap of more than a tenth of a second. */
export function bufferedAhead(ranges: TimeRanges, position: number): number {
  const tolerance = 0.1;
  let end = position;
  for (let i = 0; i < ranges.length; i++) {
    if (ranges.start(i) <= end + tolerance && ranges.end(i) > end) end = ranges.end(i);
  }
  return end - position;
}
