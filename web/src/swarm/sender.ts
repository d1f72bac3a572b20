import { encodePiece, pieceHeaderBytes, type Refusal, type RequestFrame } from "../protocol/frames.ts";
import type { PieceRequest } from "../protocol/runs.ts";
import type { Channel } from "./channel.ts";
import type { Source } from "./parts.ts";
import { maxRequests } from "./receiver.ts";
import type { UploadLimit } from "./upload-limit.ts";

/** The channel is given no more above the first, and again below the second: what waits there cannot be cancelled. */
export const highWaterBytes = 256 << 10;
export const lowWaterBytes = 128 << 10;

interface Upload {
  readonly piece: PieceRequest;
  /** Bytes that the source gave and that were not sent yet. */
  readonly waiting: { offset: number; bytes: Uint8Array }[];
  /** Bytes that the source has still to give. */
  missing: number;
  stop: (() => void) | undefined;
}

export interface SenderOptions {
  readonly data: Channel;
  readonly source: Source;
  readonly limit: UploadLimit;
  /** The longest frame on data. */
  readonly frameBytes: () => number;
  readonly refuse: (id: number, why: Refusal) => void;
  /** Bytes of a chunk were given to the channel. */
  readonly onSent: (bytes: number) => void;
  /** The channel took no more, although it should. */
  readonly onBroken: () => void;
}

/** The answering half of a connection: reads what one peer asks for and sends it, urgent requests first, the others in turn. */
export class Sender {
  readonly #options: SenderOptions;
  /** By id; who has been sent a piece goes to the end. */
  readonly #uploads = new Map<number, Upload>();
  readonly #wake = () => this.#pump();
  #gives: boolean;
  #full = false;
  #closed = false;
  #sent = 0;

  constructor(options: SenderOptions, gives: boolean) {
    this.#options = options;
    this.#gives = gives;
    options.data.bufferedAmountLowThreshold = lowWaterBytes;
  }

  /** Bytes of chunks that were given to the channel. */
  get sent(): number {
    return this.#sent;
  }

  setGives(gives: boolean): void {
    this.#gives = gives;
    if (gives) return;
    for (const id of [...this.#uploads.keys()]) this.#refuse(id, "gives-nothing");
  }

  /** Takes a request; false when its id is in use. */
  take({ id, rendition, ordinal, offset, length, urgent }: RequestFrame): boolean {
    if (this.#uploads.has(id)) return false;
    if (!this.#gives) this.#options.refuse(id, "gives-nothing");
    else if (this.#uploads.size >= maxRequests) this.#options.refuse(id, "busy");
    else this.#start(id, { rendition, ordinal, offset, length, urgent });
    return true;
  }

  cancel(id: number): void {
    const upload = this.#uploads.get(id);
    this.#uploads.delete(id);
    upload?.stop?.();
  }

  /** The channel has room again, or is open now. */
  onRoom(): void {
    this.#full = false;
    this.#pump();
  }

  close(): void {
    this.#closed = true;
    this.#options.limit.leave(this.#wake);
    for (const id of [...this.#uploads.keys()]) this.cancel(id);
  }

  #start(id: number, piece: PieceRequest): void {
    const upload: Upload = { piece, waiting: [], missing: piece.length, stop: undefined };
    this.#uploads.set(id, upload);
    const stop = this.#options.source.read(
      piece,
      (offset, bytes) => this.#queue(id, upload, offset, bytes),
      (refused) => this.#end(id, upload, refused),
    );
    // A source may have given all at once, or have been refused.
    if (this.#uploads.get(id) === upload) upload.stop = stop;
  }

  #queue(id: number, upload: Upload, offset: number, bytes: Uint8Array): void {
    if (this.#uploads.get(id) !== upload || bytes.length === 0) return;
    upload.waiting.push({ offset, bytes });
    upload.missing -= bytes.length;
    this.#pump();
  }

  #end(id: number, upload: Upload, refused: Refusal | undefined): void {
    if (this.#uploads.get(id) !== upload) return;
    upload.stop = undefined;
    if (refused !== undefined) this.#refuse(id, refused);
    else if (upload.missing > 0) this.#refuse(id, "not-here");
  }

  #refuse(id: number, why: Refusal): void {
    this.cancel(id);
    this.#options.refuse(id, why);
  }

  #pump(): void {
    while (!this.#closed && !this.#full) {
      const next = this.#next();
      if (next === undefined || !this.#sendPiece(...next)) return;
    }
  }

  /** The upload whose turn it is, of those that have something to send. */
  #next(): [number, Upload] | undefined {
    let first: [number, Upload] | undefined;
    for (const entry of this.#uploads) {
      if (entry[1].waiting.length === 0) continue;
      if (entry[1].piece.urgent) return entry;
      first ??= entry;
    }
    return first;
  }

  #sendPiece(id: number, upload: Upload): boolean {
    const { data, limit, frameBytes } = this.#options;
    const head = upload.waiting[0];
    if (head === undefined || data.readyState !== "open") return false;
    const bytes = head.bytes.subarray(0, frameBytes() - pieceHeaderBytes);
    if (!limit.take(bytes.length, this.#wake)) return false;
    try {
      data.send(encodePiece({ id, offset: head.offset, bytes }));
    } catch {
      this.#options.onBroken();
      return false;
    }
    this.#sent += bytes.length;
    this.#options.onSent(bytes.length);
    this.#full = data.bufferedAmount >= highWaterBytes;
    this.#advance(id, upload, bytes.length);
    return true;
  }

  #advance(id: number, upload: Upload, sent: number): void {
    const head = upload.waiting[0];
    if (head === undefined) return;
    head.offset += sent;
    head.bytes = head.bytes.subarray(sent);
    if (head.bytes.length === 0) upload.waiting.shift();
    this.#uploads.delete(id);
    if (upload.waiting.length > 0 || upload.missing > 0) this.#uploads.set(id, upload);
    else upload.stop?.();
  }
}
