export interface Part {
  readonly start: number;
  readonly bytes: Uint8Array;
}

interface Segment {
  readonly rendition: string;
  readonly segment: number;
  readonly parts: Part[];
}

/** The most segments that wait for their chunks to be known; the oldest go first. */
const most = 8;

/** Bytes of segments whose chunks are not known yet. */
export class Unindexed {
  readonly #segments = new Map<string, Segment>();

  add(rendition: string, segment: number, start: number, bytes: Uint8Array): void {
    const key = `${rendition}/${segment}`;
    let known = this.#segments.get(key);
    if (known === undefined) {
      known = { rendition, segment, parts: [] };
      this.#segments.set(key, known);
      for (const oldest of this.#segments.keys()) {
        if (this.#segments.size <= most) break;
        this.#segments.delete(oldest);
      }
    }
    // The bytes of a stream may be used again by whoever gave them.
    known.parts.push({ start, bytes: bytes.slice() });
  }

  /** All bytes of a segment, which came from its beginning on; undefined if none are here. */
  whole(rendition: string, segment: number): Uint8Array<ArrayBuffer> | undefined {
    const parts = this.#segments.get(`${rendition}/${segment}`)?.parts;
    if (parts === undefined) return undefined;
    const whole = new Uint8Array(Math.max(...parts.map(({ start, bytes }) => start + bytes.byteLength)));
    for (const { start, bytes } of parts) whole.set(bytes, start);
    return whole;
  }

  /** How many bytes of a segment are here. */
  bytesOf(rendition: string, segment: number): number {
    const parts = this.#segments.get(`${rendition}/${segment}`)?.parts ?? [];
    return parts.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
  }

  /** Hands each segment over to take, and forgets those that it took. */
  takeKnown(take: (rendition: string, segment: number, parts: readonly Part[]) => boolean): void {
    for (const [key, { rendition, segment, parts }] of [...this.#segments]) {
      if (take(rendition, segment, parts)) this.#segments.delete(key);
    }
  }
}
