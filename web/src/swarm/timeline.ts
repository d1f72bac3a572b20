/** One segment of a rendition as the playlist has it; start and duration in seconds of the film. */
export interface TimedSegment {
  readonly index: number;
  readonly start: number;
  readonly duration: number;
  readonly url: string;
}

/** When the segments of each rendition play, and where the origin has them. */
export class Timeline {
  readonly #renditions = new Map<string, TimedSegment[]>();

  /** Takes a playlist in; a later one may only add to it. */
  set(rendition: string, segments: readonly TimedSegment[]): void {
    this.#renditions.set(
      rendition,
      segments.toSorted((a, b) => a.index - b.index),
    );
  }

  /** Takes in one segment, if its playlist was not. */
  note(rendition: string, segment: TimedSegment): void {
    if (this.segment(rendition, segment.index) === undefined)
      this.set(rendition, [...(this.#renditions.get(rendition) ?? []), segment]);
  }

  segment(rendition: string, index: number): TimedSegment | undefined {
    const segments = this.#renditions.get(rendition) ?? [];
    const guess = segments[index - (segments[0]?.index ?? 0)];
    return guess?.index === index ? guess : segments.find((segment) => segment.index === index);
  }

  /** The segments that play at some time between two positions. */
  between(rendition: string, from: number, to: number): TimedSegment[] {
    const segments = this.#renditions.get(rendition) ?? [];
    const found: TimedSegment[] = [];
    for (let i = firstEndingAfter(segments, from); i < segments.length; i++) {
      const segment = segments[i] as TimedSegment;
      if (segment.start >= to) break;
      found.push(segment);
    }
    return found;
  }
}

function firstEndingAfter(segments: readonly TimedSegment[], position: number): number {
  let [low, high] = [0, segments.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    const { start, duration } = segments[middle] as TimedSegment;
    if (start + duration > position) high = middle;
    else low = middle + 1;
  }
  return low;
}
