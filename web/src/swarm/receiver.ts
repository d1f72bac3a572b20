import type { ControlFrame, PieceFrame, RefuseFrame } from "../protocol/frames.ts";
import type { Holding, PieceRequest } from "../protocol/runs.ts";
import type { Clock } from "./clock.ts";
import type { Transfer, TransferEvents, TransferFailure } from "./parts.ts";
import { RangeSet } from "./ranges.ts";

/** The most requests to one peer at a time; it refuses what goes beyond. */
export const maxRequests = 16;
const tickMs = 500;
/** Ticks without a byte after which a transfer is silent: of the connection, and of the transfer alone. */
const quietTicks = 4;
const waitTicks = 20;
/** How long pieces of a request that ended early are passed over, in ms, and of how many at most. */
const lateMs = 10_000;
const maxLate = 4096;
/** The most gaps that an answer may have: a peer that sends more of them means no good. */
const maxParts = 1024;

interface Open {
  readonly piece: PieceRequest;
  readonly events: TransferEvents;
  readonly received: RangeSet;
  readonly askedAt: number;
  /** Ticks since it was asked or sent its last byte. */
  quiet: number;
}

export interface ReceiverOptions {
  readonly clock: Clock;
  readonly send: (frame: ControlFrame) => void;
  /** What the peer said of a chunk: one that it is fetching itself may take longer. */
  readonly holds: (piece: PieceRequest) => Holding | undefined;
}

/** The asking half of a connection: requests to one peer, and the pieces that come of them. */
export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #open = new Map<number, Open>();
  /** Requests that ended early, with the time of that; oldest first. */
  readonly #late = new Map<number, number>();
  #nextId = 0;
  #closed = false;
  #quiet = 0;
  #stopTimer: (() => void) | undefined;
  #firstByteMs = 0;
  #received = 0;

  constructor(options: ReceiverOptions) {
    this.#options = options;
  }

  /** From a request to its first byte of late, in ms; 0 before the first. */
  get firstByteMs(): number {
    return this.#firstByteMs;
  }

  /** Bytes of chunks. */
  get received(): number {
    return this.#received;
  }

  request(piece: PieceRequest, events: TransferEvents): Transfer {
    if (this.#closed || this.#open.size >= maxRequests) {
      return failSoon(events, this.#closed ? "closed" : "busy");
    }
    const id = this.#nextId;
    this.#nextId = (this.#nextId + 1) % 2 ** 32;
    const now = this.#options.clock.now();
    this.#open.set(id, { piece, events, received: new RangeSet(), askedAt: now, quiet: 0 });
    this.#watch();
    this.#options.send({ kind: "request", id, ...piece });
    return { cancel: () => this.#giveUp(id, "cancelled", true) };
  }

  /** Takes a piece; false when it was not asked for. */
  takePiece({ id, offset, bytes }: PieceFrame): boolean {
    const open = this.#open.get(id);
    if (open === undefined) return this.#isLate(id);
    const { piece, events, received } = open;
    if (offset < piece.offset || offset + bytes.length > piece.offset + piece.length) return false;
    const isFirst = received.bytes === 0;
    if (received.add(offset, offset + bytes.length) < bytes.length || received.ranges.length > maxParts)
      return false;
    this.#note(open, bytes.length, isFirst);
    events.onBytes(offset, bytes);
    // The receiver of the bytes may have cancelled.
    if (received.bytes === piece.length && this.#remove(id) !== undefined) events.onDone();
    return true;
  }

  takeRefusal({ id, why }: RefuseFrame): void {
    // The pieces before it travel on another channel and may come after it.
    this.#giveUp(id, why === "busy" ? "busy" : "refused", false);
  }

  close(): void {
    this.#closed = true;
    for (const id of [...this.#open.keys()]) this.#remove(id)?.events.onFailed("closed");
  }

  #note(open: Open, bytes: number, isFirst: boolean): void {
    open.quiet = 0;
    this.#quiet = 0;
    this.#received += bytes;
    if (!isFirst) return;
    const took = this.#options.clock.now() - open.askedAt;
    this.#firstByteMs = this.#firstByteMs === 0 ? took : this.#firstByteMs * 0.75 + took * 0.25;
  }

  #giveUp(id: number, why: TransferFailure, tell: boolean): void {
    const open = this.#remove(id);
    if (open === undefined) return;
    this.#rememberLate(id);
    if (tell) this.#options.send({ kind: "cancel", id });
    if (why !== "cancelled") open.events.onFailed(why);
  }

  #remove(id: number): Open | undefined {
    const open = this.#open.get(id);
    if (open === undefined) return undefined;
    this.#open.delete(id);
    if (this.#open.size === 0) {
      this.#stopTimer?.();
      this.#stopTimer = undefined;
    }
    return open;
  }

  #rememberLate(id: number): void {
    const now = this.#options.clock.now();
    this.#late.set(id, now);
    for (const [oldest, at] of this.#late) {
      if (now - at <= lateMs && this.#late.size <= maxLate) break;
      this.#late.delete(oldest);
    }
  }

  #isLate(id: number): boolean {
    const at = this.#late.get(id);
    return at !== undefined && this.#options.clock.now() - at <= lateMs;
  }

  /**
   * Counts ticks, not time: after a sleep or in a throttled page they are late all together, while what has come meanwhile
   * still waits to be read.
   */
  #watch(): void {
    if (this.#stopTimer !== undefined) return;
    this.#quiet = 0;
    this.#stopTimer = this.#options.clock.after(tickMs, () => this.#tick());
  }

  #tick(): void {
    this.#stopTimer = undefined;
    this.#quiet += 1;
    for (const [id, open] of [...this.#open]) {
      open.quiet += 1;
      const nothingComes = Math.min(open.quiet, this.#quiet) >= quietTicks;
      const mayWait = this.#options.holds(open.piece) === "fetching";
      if (open.quiet >= waitTicks || (nothingComes && !mayWait)) this.#giveUp(id, "silent", true);
    }
    if (this.#open.size === 0 || this.#stopTimer !== undefined) return;
    this.#stopTimer = this.#options.clock.after(tickMs, () => this.#tick());
  }
}

function failSoon(events: TransferEvents, why: TransferFailure): Transfer {
  let cancelled = false;
  queueMicrotask(() => {
    if (!cancelled) events.onFailed(why);
  });
  return {
    cancel: () => {
      cancelled = true;
    },
  };
}
