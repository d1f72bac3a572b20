/** Bytes from start up to but not including end. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** A set of bytes, kept as ranges in order that neither touch nor overlap. */
export class RangeSet {
  #ranges: Range[] = [];
  #bytes = 0;

  /** How many bytes are in it. */
  get bytes(): number {
    return this.#bytes;
  }

  get ranges(): readonly Range[] {
    return this.#ranges;
  }

  /** Adds a range and returns how many of its bytes are new. */
  add(start: number, end: number): number {
    if (end <= start) return 0;
    const before = this.#ranges.filter((range) => range.end < start);
    const after = this.#ranges.filter((range) => range.start > end);
    const touched = this.#ranges.slice(before.length, this.#ranges.length - after.length);
    const covered = touched.reduce((sum, range) => sum + range.end - range.start, 0);
    const joined = {
      start: Math.min(start, touched[0]?.start ?? start),
      end: Math.max(end, touched.at(-1)?.end ?? end),
    };
    this.#ranges = [...before, joined, ...after];
    const added = joined.end - joined.start - covered;
    this.#bytes += added;
    return added;
  }

  covers(start: number, end: number): boolean {
    return this.#ranges.some((range) => range.start <= start && range.end >= end);
  }

  /** The parts of a range that are in the set. */
  within(start: number, end: number): Range[] {
    return intersect(this.#ranges, { start, end });
  }

  /** The parts of a range that are not in the set. */
  gaps(start: number, end: number): Range[] {
    return subtract([{ start, end }], this.#ranges);
  }
}

/** The parts of ranges that lie in one range. */
export function intersect(ranges: readonly Range[], { start, end }: Range): Range[] {
  const parts: Range[] = [];
  for (const range of ranges) {
    const part = { start: Math.max(start, range.start), end: Math.min(end, range.end) };
    if (part.start < part.end) parts.push(part);
  }
  return parts;
}

/** What is left of ranges without the taken ones. Those of ranges are in order; the taken ones need not be. */
export function subtract(ranges: readonly Range[], taken: readonly Range[]): Range[] {
  let left: Range[] = [...ranges];
  for (const hole of taken) {
    const next: Range[] = [];
    for (const range of left) {
      if (hole.end <= range.start || hole.start >= range.end) next.push(range);
      else {
        if (range.start < hole.start) next.push({ start: range.start, end: hole.start });
        if (hole.end < range.end) next.push({ start: hole.end, end: range.end });
      }
    }
    left = next;
  }
  return left;
}

/** How many bytes ranges that do not overlap have. */
export function bytesIn(ranges: readonly Range[]): number {
  let sum = 0;
  for (const { start, end } of ranges) sum += end - start;
  return sum;
}
