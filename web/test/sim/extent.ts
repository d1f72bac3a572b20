/** Which bytes of the film these are: of a segment, from an offset on. */
interface Origin {
  readonly segment: string;
  readonly offset: number;
}

/**
 * So many bytes without the bytes, in the place of a Uint8Array: a simulation of thousands of viewers would need terabytes. It
 * knows of which part of the film it was written, so that what ends in the wrong place is noticed.
 */
export class Extent {
  readonly byteLength: number;
  #origin: Origin | undefined;
  #isMixed = false;

  constructor(byteLength: number, origin?: Origin) {
    this.byteLength = byteLength;
    this.#origin = origin;
  }

  /** The same as a Uint8Array, for what takes no other. */
  static bytes(byteLength: number, origin?: Origin): Uint8Array<ArrayBuffer> {
    return new Extent(byteLength, origin) as unknown as Uint8Array<ArrayBuffer>;
  }

  static of(bytes: Uint8Array): Extent | undefined {
    const something: unknown = bytes;
    return something instanceof Extent ? something : undefined;
  }

  /** Of which bytes of the film it is; undefined when it is of none, or of several in the wrong order. */
  get origin(): Origin | undefined {
    return this.#isMixed ? undefined : this.#origin;
  }

  /** What a player gets. */
  get buffer(): Extent {
    return this;
  }

  subarray(start = 0, end = this.byteLength): Extent {
    const from = Math.min(start, this.byteLength);
    const length = Math.max(0, Math.min(end, this.byteLength) - from);
    const origin = this.origin;
    return new Extent(length, origin && { segment: origin.segment, offset: origin.offset + from });
  }

  slice(): Extent {
    return this.subarray();
  }

  set(part: Extent, at = 0): void {
    const { origin } = part;
    if (origin === undefined) this.#isMixed = true;
    else if (this.#origin === undefined)
      this.#origin = { segment: origin.segment, offset: origin.offset - at };
    else if (this.#origin.segment !== origin.segment || this.#origin.offset !== origin.offset - at)
      this.#isMixed = true;
  }
}
