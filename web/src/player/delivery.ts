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
  /** All of them, or a DeliveryFailed. */
  readonly bytes: Promise<ArrayBuffer>;
  readonly travel: Travel;
  /** Called with each step of travel. */
  onProgress: (() => void) | null;
  /** Gives it up; bytes fails then, if it has not come to its end before. */
  cancel(): void;
}

/** No bytes came. Status is that of the box's answer, 0 without one. */
export class DeliveryFailed extends Error {
  override readonly name = "DeliveryFailed";
  readonly status: number;
  readonly timedOut: boolean;

  constructor(url: string, status: number, timedOut: boolean, options?: ErrorOptions) {
    super(`load ${url}: ${timedOut ? "no answer in time" : `status ${status}`}`, options);
    this.status = status;
    this.timedOut = timedOut;
  }
}

/** Asks the origin. */
export function deliver(url: string, patience: Patience): Delivery {
  return new OriginDelivery(url, patience);
}

class OriginDelivery implements Delivery {
  readonly bytes: Promise<ArrayBuffer>;
  readonly travel = { askedAt: performance.now(), firstAt: 0, endAt: 0, loaded: 0, total: 0 };
  onProgress: (() => void) | null = null;
  readonly #url: string;
  readonly #patience: Patience;
  readonly #stopped = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timedOut = false;

  constructor(url: string, patience: Patience) {
    this.#url = url;
    this.#patience = patience;
    this.bytes = this.#run();
    // Nobody may be waiting yet, or any more.
    this.bytes.catch(() => {});
  }

  cancel(): void {
    this.#stopped.abort();
  }

  async #run(): Promise<ArrayBuffer> {
    let status = 0;
    this.#limit(this.#patience.firstByteMs);
    try {
      const response = await fetch(this.#url, { signal: this.#stopped.signal });
      status = response.status;
      this.travel.firstAt = performance.now();
      this.#limit(this.#patience.wholeMs - (this.travel.firstAt - this.travel.askedAt));
      if (!response.ok) throw new Error("the box refused");
      return await this.#read(response);
    } catch (cause) {
      this.#stopped.abort();
      throw new DeliveryFailed(this.#url, status, this.#timedOut, { cause });
    } finally {
      clearTimeout(this.#timer);
    }
  }

  async #read(response: Response): Promise<ArrayBuffer> {
    const parts: Uint8Array[] = [];
    // The length is that of the compressed bytes where the box compressed them.
    if (!response.headers.has("Content-Encoding")) {
      this.travel.total = Number(response.headers.get("Content-Length") ?? 0);
    }
    const reader = response.body?.getReader();
    for (let next = await reader?.read(); next?.value !== undefined; next = await reader?.read()) {
      parts.push(next.value);
      this.travel.loaded += next.value.byteLength;
      this.onProgress?.();
    }
    this.travel.endAt = performance.now();
    this.travel.total = this.travel.loaded;
    return joined(parts, this.travel.loaded);
  }

  /** Ends it when nothing has come by then; a new limit replaces the last one. */
  #limit(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timedOut = true;
      this.#stopped.abort();
    }, ms);
  }
}

function joined(parts: readonly Uint8Array[], size: number): ArrayBuffer {
  const whole = new Uint8Array(size);
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.byteLength;
  }
  return whole.buffer;
}
