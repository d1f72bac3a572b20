import type { VirtualClock } from "./virtual-clock.ts";

interface Flow {
  readonly bytes: Uint8Array;
  readonly deliver: (bytes: Uint8Array) => void;
  readonly onSent: () => void;
  offset: number;
  stopped: boolean;
}

/** The most bytes in turn; on a slow line less, or those who wait for their turn would wait longer than on a real one. */
export interface Turn {
  readonly most: number;
  readonly ms: number;
}

const fineTurn: Turn = { most: 16 << 10, ms: 6 };

/** A line of a fixed rate that everybody who sends over it shares fairly, some bytes each in turn. */
export class Link {
  readonly #clock: VirtualClock;
  readonly #latencyMs: number;
  readonly #turn: Turn;
  readonly #flows: Flow[] = [];
  #busy = false;
  /** Bytes a second. */
  rate: number;
  sent = 0;

  constructor(clock: VirtualClock, rate: number, latencyMs: number, turn = fineTurn) {
    this.#clock = clock;
    this.rate = rate;
    this.#latencyMs = latencyMs;
    this.#turn = turn;
  }

  /** Sends bytes in order; onSent when the last of them arrived. Returns how to stop. */
  send(bytes: Uint8Array, deliver: (bytes: Uint8Array) => void, onSent: () => void): () => void {
    const flow: Flow = { bytes, deliver, onSent, offset: 0, stopped: false };
    this.#flows.push(flow);
    this.#next();
    return () => {
      flow.stopped = true;
    };
  }

  #next(): void {
    if (this.#busy) return;
    let flow = this.#flows.shift();
    while (flow?.stopped) flow = this.#flows.shift();
    if (flow === undefined) return;
    const next = flow;
    const { most, ms } = this.#turn;
    const turn = Math.min(most, Math.max(1024, Math.ceil((this.rate * ms) / 1000)));
    const part = next.bytes.subarray(next.offset, next.offset + turn);
    next.offset += part.byteLength;
    this.sent += part.byteLength;
    this.#busy = true;
    this.#clock.after((part.byteLength / this.rate) * 1000, () => {
      this.#busy = false;
      const isLast = next.offset >= next.bytes.byteLength;
      if (!isLast) this.#flows.push(next);
      this.#clock.after(this.#latencyMs, () => {
        if (next.stopped) return;
        next.deliver(part);
        if (isLast && !next.stopped) next.onSent();
      });
      this.#next();
    });
  }
}
