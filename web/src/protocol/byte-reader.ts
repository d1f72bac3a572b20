import { DecodeError } from "./decode.ts";

const text = new TextDecoder("latin1");

/** Reads big-endian numbers and bytes one after another; throws a DecodeError where there are too few. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #what: string;
  #at = 0;

  /** What names the bytes in errors, such as "inventory". */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#view.getUint8(this.#step(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#step(2));
  }

  u32(): number {
    return this.#view.getUint32(this.#step(4));
  }

  /** The next bytes as a view, not a copy. */
  bytes(length: number): Uint8Array {
    const start = this.#step(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** The next characters, one byte each. */
  ascii(length: number): string {
    return text.decode(this.bytes(length));
  }

  end(): void {
    if (this.left > 0) throw new DecodeError(`${this.#what} has ${this.left} bytes too many`);
  }

  #step(length: number): number {
    if (length > this.left) throw new DecodeError(`${this.#what} ends too soon`);
    const at = this.#at;
    this.#at += length;
    return at;
  }
}
