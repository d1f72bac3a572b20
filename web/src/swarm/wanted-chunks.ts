import type { Cache } from "./cache.ts";
import type { ChunkIndex } from "./chunk-index.ts";
import type { LeaseBook } from "./lease-book.ts";
import type { Playback } from "./playback.ts";
import { aheadOf, rules } from "./rules.ts";
import type { SegmentLoads } from "./segment-loads.ts";
import type { ChunkView } from "./snapshot.ts";
import type { TimedSegment, Timeline } from "./timeline.ts";
import type { Transfers } from "./transfers.ts";

/** What it takes to see which chunks are wanted, and how it stands with each. */
export interface WantedParts {
  readonly playback: Playback;
  readonly timeline: Timeline;
  readonly index: ChunkIndex;
  readonly cache: Cache;
  readonly transfers: Transfers;
  readonly leases: LeaseBook;
  readonly loads: SegmentLoads;
  /** Whether the player was given a segment. */
  wasGiven(rendition: string, segment: number): boolean;
}

interface WantedSegment {
  readonly rendition: string;
  readonly timed: TimedSegment;
}

/** The chunks within the window, and those that the player waits for, by start; without those that are here. */
export function wantedChunks(parts: WantedParts): ChunkView[] {
  const segments = new Map<string, WantedSegment>();
  for (const segment of segmentsInWindow(parts)) segments.set(keyOf(segment), segment);
  for (const segment of parts.loads.all()) segments.set(keyOf(segment), segment);
  const views = [...segments.values()].flatMap((segment) => viewsOf(parts, segment));
  return views.sort((a, b) => a.start - b.start);
}

function keyOf({ rendition, timed }: WantedSegment): string {
  return `${rendition}/${timed.index}`;
}

/** The segments ahead of the playhead that the player does not hold. */
function segmentsInWindow({ playback, timeline, wasGiven }: WantedParts): WantedSegment[] {
  const { playhead, rate, renditions, watched, bufferEnd } = playback.view();
  const until = playhead + (aheadOf(watched) + rules.handOver) * Math.max(rate, 0.1);
  return renditions.flatMap((rendition) =>
    timeline
      .between(rendition, playhead, until)
      .filter(
        ({ index, start, duration }) => !(start + duration <= bufferEnd + 0.1 && wasGiven(rendition, index)),
      )
      .map((timed) => ({ rendition, timed })),
  );
}

function viewsOf(parts: WantedParts, { rendition, timed }: WantedSegment): ChunkView[] {
  const indexed = parts.index.segment(rendition, timed.index);
  const asked = parts.loads.has(rendition, timed.index);
  const views: ChunkView[] = [];
  for (const chunk of indexed?.chunks ?? []) {
    const entry = parts.cache.get(chunk.place);
    if (entry?.isWhole) continue;
    const { place, size, segment, offset } = chunk;
    const missing = entry?.here.gaps(0, size) ?? [{ start: 0, end: size }];
    const transfers = parts.transfers.viewsOf(chunk);
    const lease = parts.leases.get(place);
    const segmentSize = indexed?.size ?? 0;
    views.push({
      ...{ place, size, segment, segmentSize, offset, start: timed.start, asked },
      ...{ missing, transfers, lease },
    });
  }
  return views;
}
