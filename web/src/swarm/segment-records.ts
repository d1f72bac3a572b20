import type { SegmentFacts, SegmentSource } from "./facts.ts";
import type { TimedSegment } from "./timeline.ts";

/** The most segments that are remembered; the oldest are forgotten first. */
const most = 4000;

export type SegmentKind = SegmentFacts["kind"];

/** What was seen of a segment; what may change later (whether it is here still) is asked when it is shown. */
export interface SegmentRecord {
  readonly kind: SegmentKind;
  readonly rendition: string;
  readonly timed: TimedSegment;
  readonly source: SegmentSource | null;
  readonly bytes: number;
  readonly tookMs: number;
}

/** The segments that the player asked for, as it got them. */
export class SegmentRecords {
  readonly #records = new Map<string, SegmentRecord>();

  asked(kind: SegmentKind, rendition: string, timed: TimedSegment): void {
    this.#note({ kind, rendition, timed, source: null, bytes: 0, tookMs: 0 });
  }

  got(record: SegmentRecord): void {
    this.#note(record);
  }

  /** It was not wanted any more, or did not come. */
  gaveUp(rendition: string, index: number): void {
    const key = `${rendition}/${index}`;
    if (this.#records.get(key)?.source === null) this.#records.delete(key);
  }

  all(): IterableIterator<SegmentRecord> {
    return this.#records.values();
  }

  #note(record: SegmentRecord): void {
    const key = `${record.rendition}/${record.timed.index}`;
    // What was played again from memory came from elsewhere first, and that is what is of interest.
    if (record.source === "cache" && this.#records.get(key)?.source != null) return;
    if (record.source === null && this.#records.has(key)) return;
    this.#records.delete(key);
    this.#records.set(key, record);
    for (const oldest of this.#records.keys()) {
      if (this.#records.size <= most) break;
      this.#records.delete(oldest);
    }
  }
}
