import type { SegmentKind } from "../swarm/segment-records.ts";
import type { TimedSegment } from "../swarm/timeline.ts";
import { type Delivery, deliver, type Patience } from "./delivery.ts";
import type { HeadStart } from "./head-start.ts";
import type { PlaybackStats } from "./playback-stats.ts";
import { SharedDelivery } from "./shared-delivery.ts";
import type { StreamSharing } from "./stream-sharing.ts";

/** How long the player waits for a segment. */
export const segmentPatience: Patience = { firstByteMs: 10_000, wholeMs: 60_000 };

/** A segment that the player asks for. */
export interface WantedSegment {
  readonly kind: SegmentKind;
  readonly rendition: string;
  readonly timed: TimedSegment;
}

/**
 * Where the bytes of segments and initialisation sections come from: the one place that decides it. What the head
 * start has asked for already is taken over from there; segments of picture and sound are the swarm's, once it is
 * there; everything else is asked of the origin.
 */
export class SegmentSource {
  readonly #headStart: HeadStart;
  readonly #sharing: StreamSharing;
  readonly #stats: PlaybackStats;

  constructor(headStart: HeadStart, sharing: StreamSharing, stats: PlaybackStats) {
    this.#headStart = headStart;
    this.#sharing = sharing;
    this.#stats = stats;
  }

  /** Segment is null for what is no segment. */
  get(url: string, segment: WantedSegment | null): Delivery {
    const begun = this.#headStart.take(url);
    const isShared = segment !== null && segment.kind !== "text";
    if (begun === null && isShared && this.#sharing.takesOver) {
      return new SharedDelivery(this.#sharing.sharing(), segment, segmentPatience);
    }
    const delivery = begun ?? deliver(url, segmentPatience);
    void this.#settle(delivery, isShared ? segment : null);
    return delivery;
  }

  /** What came from the origin by itself is the swarm's to pass on, and to count; without it, it is counted here. */
  async #settle(delivery: Delivery, segment: WantedSegment | null): Promise<void> {
    const data = await delivery.bytes.then(
      // A copy: who asked for the bytes takes them away.
      (bytes) => (segment === null ? null : new Uint8Array(bytes.slice(0))),
      () => null,
    );
    const sharing = data === null ? null : await this.#sharing.sharing();
    if (segment === null || data === null || sharing === null) {
      this.#stats.noteOriginBytes(delivery.travel.loaded);
      return;
    }
    const { askedAt, endAt } = delivery.travel;
    sharing.give(segment.kind, segment.rendition, segment.timed, data, endAt - askedAt);
  }
}
