/** The most gaps that a request may have: a peer that sends more of them means no good. */
const maxParts = 1024;

/** Which bytes of a request came. */
export class Received {
  /** [start, end) by start; neighbours do not touch. */
  readonly #parts: [number, number][] = [];
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** Notes bytes; false when one of them was there before, or they lie too scattered. */
  add(start: number, end: number): boolean {
    const parts = this.#parts;
    let at = parts.length;
    while (at > 0 && (parts[at - 1]?.[0] ?? 0) >= start) at--;
    const before = parts[at - 1];
    const after = parts[at];
    if ((before !== undefined && before[1] > start) || (after !== undefined && after[0] < end)) return false;
    this.#bytes += end - start;
    if (before?.[1] === start && after?.[0] === end) {
      before[1] = after[1];
      parts.splice(at, 1);
    } else if (before?.[1] === start) before[1] = end;
    else if (after?.[0] === end) after[0] = start;
    else parts.splice(at, 0, [start, end]);
    return parts.length <= maxParts;
  }
}
