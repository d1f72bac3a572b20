import type { SegmentOrigin } from "../swarm/segment-loads.ts";

/** How long to wait for an answer's first byte, and for all of it, in ms. */
export interface Patience {
  readonly firstByteMs: number;
  readonly wholeMs: number;
}

/** How far an answer is. Times are in ms on the clock of performance.now, 0 until it is so far; sizes in bytes. */
export interface Travel {
  readonly askedAt: number;
  readonly firstAt: number;
  readonly endAt: number;
  readonly loaded: number;
  /** 0 while it is not known. */
  readonly total: number;
}

/** Bytes that were asked for. Whoever asked reads them once: hls.js takes the buffer away. */
export interface Delivery {
  /** Who sent them; the last word when all are there. */
  readonly source: SegmentOrigin;
  /** All of them, or a DeliveryFailed. */
  readonly bytes: Promise<ArrayBuffer>;
  readonly travel: Travel;
  /** Called with each step of travel. */
  onProgress: (() => void) | null;
  /** Gives it up; bytes fails then, if it has not come to its end before. */
  cancel(): void;
}

/** A delivery from the origin. */
export interface Answer extends Delivery {
  /** A header of the answer; null without one, or before the answer. */
  header(name: string): string | null;
}

/** No bytes came. Status is that of the box's answer, 0 without one. */
export class DeliveryFailed extends Error {
  override readonly name = "DeliveryFailed";
  readonly status: number;
  readonly timedOut: boolean;

  constructor(url: string, status: number, timedOut: boolean) {
    super(`load ${url}: ${timedOut ? "no answer in time" : `status ${status}`}`);
    this.status = status;
    this.timedOut = timedOut;
  }
}

/** Asks the origin. */
export function deliver(url: string, patience: Patience): Answer {
  return new OriginDelivery(url, patience);
}

/** By XMLHttpRequest: a stream of fetch would hand over a large segment in hundreds of pieces. */
class OriginDelivery implements Answer {
  readonly source = "origin";
  readonly bytes: Promise<ArrayBuffer>;
  readonly travel = { askedAt: performance.now(), firstAt: 0, endAt: 0, loaded: 0, total: 0 };
  onProgress: (() => void) | null = null;
  readonly #request = new XMLHttpRequest();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timedOut = false;

  constructor(url: string, patience: Patience) {
    this.bytes = new Promise((resolve, reject) => {
      const fail = () => reject(new DeliveryFailed(url, this.#request.status, this.#timedOut));
      this.#request.onload = () => (this.#end() ? resolve(this.#request.response as ArrayBuffer) : fail());
      this.#request.onerror = this.#request.onabort = fail;
      this.#request.onloadend = () => clearTimeout(this.#timer);
    });
    // Nobody may be waiting yet, or any more.
    this.bytes.catch(() => {});
    this.#request.onreadystatechange = () => this.#onHeaders(patience);
    this.#request.onprogress = ({ loaded, total }) => this.#advance(loaded, total);
    this.#request.open("GET", url);
    this.#request.responseType = "arraybuffer";
    this.#limit(patience.firstByteMs);
    this.#request.send();
  }

  cancel(): void {
    this.#request.abort();
  }

  header(name: string): string | null {
    return this.#request.getResponseHeader(name);
  }

  #onHeaders({ wholeMs }: Patience): void {
    if (this.#request.readyState !== XMLHttpRequest.HEADERS_RECEIVED) return;
    this.travel.firstAt = performance.now();
    this.#limit(wholeMs - (this.travel.firstAt - this.travel.askedAt));
  }

  #advance(loaded: number, total: number): void {
    this.travel.loaded = loaded;
    this.travel.total = total;
    this.onProgress?.();
  }

  /** Notes the end of the answer; returns whether it is a success. */
  #end(): boolean {
    const { status, response } = this.#request;
    this.travel.endAt = performance.now();
    const size = response instanceof ArrayBuffer ? response.byteLength : 0;
    this.#advance(size, size);
    return status >= 200 && status < 300 && response instanceof ArrayBuffer;
  }

  /** Ends it when nothing has come by then; a new limit replaces the last one. */
  #limit(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timedOut = true;
      this.#request.abort();
    }, ms);
  }
}
