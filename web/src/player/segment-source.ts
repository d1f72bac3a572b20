import { type Delivery, deliver, type Patience } from "./delivery.ts";
import type { HeadStart } from "./head-start.ts";

/** How long the player waits for a segment. */
export const segmentPatience: Patience = { firstByteMs: 10_000, wholeMs: 60_000 };

/**
 * Where the bytes of segments and initialisation sections come from: the one place that decides it. What the head
 * start has asked for already is taken over from there, everything else is asked of the origin.
 */
export class SegmentSource {
  readonly #headStart: HeadStart;

  constructor(headStart: HeadStart) {
    this.#headStart = headStart;
  }

  get(url: string): Delivery {
    return this.#headStart.take(url) ?? deliver(url, segmentPatience);
  }
}
