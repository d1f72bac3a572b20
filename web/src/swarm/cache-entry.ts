import type { PieceRequest } from "../protocol/runs.ts";
import type { IndexedChunk } from "./chunk-index.ts";
import { intersect, RangeSet } from "./ranges.ts";

/** Bytes that came from one sender; from is a peer's id, or null for the origin. */
export interface Contribution {
  readonly start: number;
  readonly end: number;
  readonly from: string | null;
}

export type OnPieceBytes = (offset: number, bytes: Uint8Array) => void;
export type OnPieceEnd = (refused?: "not-here" | "busy" | "not-a-range") => void;

interface Reader {
  readonly start: number;
  readonly end: number;
  readonly sent: RangeSet;
  readonly onBytes: OnPieceBytes;
  readonly onEnd: OnPieceEnd;
}

/** One chunk in the cache, whole or in part. */
export class CacheEntry {
  readonly chunk: IndexedChunk;
  /** When its segment plays, in seconds of the film. */
  readonly start: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly here = new RangeSet();
  /** Matches its hash. */
  checked = false;
  /** The player had it. */
  played = false;
  /** Counts who needs it to stay. */
  pins = 0;
  /** When its first bytes came, in ms of the clock. */
  firstAt = Number.POSITIVE_INFINITY;
  #contributions: Contribution[] = [];
  readonly #fromOrigin = new RangeSet();
  readonly #readers = new Set<Reader>();

  constructor(chunk: IndexedChunk, start: number, bytes: Uint8Array<ArrayBuffer>) {
    this.chunk = chunk;
    this.start = start;
    this.bytes = bytes;
  }

  get size(): number {
    return this.chunk.size;
  }

  get isWhole(): boolean {
    return this.here.bytes === this.size;
  }

  /** Whether it may be given to the player: it was checked, or nobody but the origin had a hand in it. */
  get isPlayable(): boolean {
    return this.isWhole && (this.checked || this.#fromOrigin.bytes === this.size);
  }

  get contributions(): readonly Contribution[] {
    return this.#contributions;
  }

  /** How many of its bytes came from the origin, or from peers. */
  bytesFrom(origin: boolean): number {
    return origin ? this.#fromOrigin.bytes : this.here.bytes - this.#fromOrigin.bytes;
  }

  /** Puts bytes in where there are none yet, and returns how many were new. Now is in ms. */
  write(offset: number, bytes: Uint8Array, from: string | null, now: number): number {
    const end = Math.min(this.size, offset + bytes.byteLength);
    this.firstAt = Math.min(this.firstAt, now);
    let added = 0;
    for (const gap of this.here.gaps(offset, end)) {
      const part = bytes.subarray(gap.start - offset, gap.end - offset);
      this.bytes.set(part, gap.start);
      added += this.here.add(gap.start, gap.end);
      this.#credit({ ...gap, from });
    }
    return added;
  }

  /** Gives all who asked while it was coming in what they have not got. */
  serveWaiting(): void {
    for (const reader of [...this.#readers]) {
      this.#send(reader, reader.sent.gaps(reader.start, reader.end));
      this.#readers.delete(reader);
      reader.onEnd();
    }
  }

  /** Tells everybody who reads it that it will never be whole. */
  close(): void {
    for (const reader of this.#readers) reader.onEnd("not-here");
    this.#readers.clear();
  }

  /** Gives the bytes of a piece: at once when the chunk is checked, else those of the origin as they come in. */
  read(piece: PieceRequest, onBytes: OnPieceBytes, onEnd: OnPieceEnd): () => void {
    const [start, end] = [piece.offset, piece.offset + piece.length];
    const reader = { start, end, sent: new RangeSet(), onBytes, onEnd };
    if (this.checked) {
      this.#send(reader, [{ start, end }]);
      onEnd();
      return () => {};
    }
    this.#readers.add(reader);
    this.#send(reader, this.#fromOrigin.within(start, end));
    return () => this.#readers.delete(reader);
  }

  #credit(part: Contribution): void {
    const last = this.#contributions.at(-1);
    if (last !== undefined && last.from === part.from && last.end === part.start)
      this.#contributions[this.#contributions.length - 1] = { ...last, end: part.end };
    else this.#contributions.push(part);
    if (part.from !== null) return;
    this.#fromOrigin.add(part.start, part.end);
    for (const reader of this.#readers) this.#send(reader, intersect([part], reader));
  }

  #send(reader: Reader, ranges: readonly { start: number; end: number }[]): void {
    for (const { start, end } of ranges) {
      reader.sent.add(start, end);
      reader.onBytes(start, this.bytes.subarray(start, end));
    }
  }
}
