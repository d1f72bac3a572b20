import type { Clock } from "./clock.ts";
import type { Range } from "./ranges.ts";
import { RateMeter } from "./rate-meter.ts";

/** What becomes of a fetch. Bytes come in order from the start of the range on. */
export interface FetchEvents {
  onBytes(bytes: Uint8Array): void;
  onDone(): void;
  /** Status is that of the last answer, 0 without one. */
  onFailed(status: number): void;
}

/** Where a viewer's page came from, as the swarm asks it for bytes. */
export interface OriginFetcher {
  /** Bytes a second, all fetches together. */
  readonly rate: number;
  /** Seconds from a request to its first byte. */
  readonly firstByte: number;
  /** It said that it takes nothing before then, in ms of the clock. */
  readonly restingUntil: number;
  /** Gets the bytes of an address, or a range of them. Nothing is called before it has returned. Returns how to stop. */
  get(url: string, range: Range | null, events: FetchEvents): () => void;
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** Tries after the first, and how long to wait before them, in ms. */
const retries = 2;
const firstPauseMs = 300;
const longestPauseMs = 30_000;
/** A fetch that brings nothing for so long is tried again. */
const silenceMs = 10_000;
/** What to go by before anything was measured: a box near by. */
const guess = { rate: 1_000_000, firstByte: 0.05 };

/** The origin over HTTP, with retries that go on where the last answer broke off. */
export class Origin implements OriginFetcher {
  readonly #fetch: Fetch;
  readonly #clock: Clock;
  readonly #meter = new RateMeter(guess.rate);
  #firstByte = guess.firstByte;
  #restingUntil = 0;

  constructor(fetch: Fetch, clock: Clock) {
    this.#fetch = fetch;
    this.#clock = clock;
  }

  get rate(): number {
    return this.#meter.rate;
  }

  get firstByte(): number {
    return this.#firstByte;
  }

  get restingUntil(): number {
    return this.#restingUntil;
  }

  get(url: string, range: Range | null, events: FetchEvents): () => void {
    const stopped = new AbortController();
    void this.#run(url, { at: range?.start ?? 0, end: range?.end ?? null }, events, stopped.signal);
    return () => stopped.abort();
  }

  async #run(url: string, cursor: Cursor, events: FetchEvents, stopped: AbortSignal): Promise<void> {
    let status = 0;
    for (let attempt = 0; ; attempt++) {
      const answer = await this.#try(url, cursor, events, stopped);
      if (stopped.aborted) return;
      if (answer.done) {
        events.onDone();
        return;
      }
      status = answer.status;
      if (attempt === retries || !isWorthRetrying(status)) break;
      await this.#pause(Math.max(answer.retryAfterMs, firstPauseMs * 2 ** attempt), stopped);
      if (stopped.aborted) return;
    }
    events.onFailed(status);
  }

  /** One request. What it brings moves the cursor on, so that the next one asks only for the rest. */
  async #try(url: string, cursor: Cursor, events: FetchEvents, stopped: AbortSignal): Promise<Answer> {
    const limit = new Limit(this.#clock, stopped);
    let status = 0;
    try {
      const askedAt = this.#clock.now();
      const response = await this.#fetch(url, { headers: headersFor(cursor), signal: limit.signal });
      status = response.status;
      if (!response.ok) return { done: false, status, retryAfterMs: this.#rest(response) };
      this.#noteFirstByte(this.#clock.now() - askedAt);
      return { done: await this.#read(response, cursor, events, limit), status: 0, retryAfterMs: 0 };
    } catch {
      return { done: false, status: status < 400 ? 0 : status, retryAfterMs: 0 };
    } finally {
      limit.end();
    }
  }

  /** Reads to the end of the range; returns whether all of it came. */
  async #read(response: Response, cursor: Cursor, events: FetchEvents, limit: Limit): Promise<boolean> {
    // Who knows no ranges sends everything.
    let skip = response.status === 206 ? 0 : cursor.at;
    const whole = Number(response.headers.get("Content-Length") ?? Number.NaN);
    const end =
      cursor.end ?? (Number.isNaN(whole) ? null : whole + (response.status === 206 ? cursor.at : 0));
    const reader = response.body?.getReader();
    let begun = false;
    try {
      for (let next = await reader?.read(); next?.value !== undefined; next = await reader?.read()) {
        limit.renew();
        if (limit.signal.aborted) return false;
        if (begun) this.#meter.note(next.value.byteLength, this.#clock.now());
        else this.#meter.begin(this.#clock.now(), next.value.byteLength);
        begun = true;
        const bytes = next.value.subarray(Math.min(skip, next.value.byteLength));
        skip -= next.value.byteLength - bytes.byteLength;
        const wanted = end === null ? bytes : bytes.subarray(0, end - cursor.at);
        cursor.at += wanted.byteLength;
        if (wanted.byteLength > 0) events.onBytes(wanted);
      }
    } finally {
      if (begun) this.#meter.end(this.#clock.now());
    }
    return end === null || cursor.at >= end;
  }

  #noteFirstByte(ms: number): void {
    this.#firstByte += 0.3 * (ms / 1000 - this.#firstByte);
  }

  /** How long the origin wants to be left alone, in ms; the time is remembered for all. */
  #rest(response: Response): number {
    const seconds = Number(response.headers.get("Retry-After") ?? Number.NaN);
    if ((response.status !== 503 && response.status !== 429) || !(seconds >= 0)) return 0;
    const ms = Math.min(longestPauseMs, seconds * 1000);
    this.#restingUntil = Math.max(this.#restingUntil, this.#clock.now() + ms);
    return ms;
  }

  #pause(ms: number, stopped: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#clock.after(Math.min(longestPauseMs, ms), resolve);
      stopped.addEventListener("abort", () => {
        cancel();
        resolve();
      });
    });
  }
}

/** Where a fetch is, and where it ends; null for the end of all. */
interface Cursor {
  at: number;
  readonly end: number | null;
}

interface Answer {
  readonly done: boolean;
  readonly status: number;
  readonly retryAfterMs: number;
}

/** Ends a request that brings nothing for too long, or that was stopped. */
class Limit {
  readonly #controller = new AbortController();
  readonly #clock: Clock;
  readonly #stopped: AbortSignal;
  readonly #stop = () => this.#controller.abort();
  #cancel: () => void = () => {};

  constructor(clock: Clock, stopped: AbortSignal) {
    this.#clock = clock;
    this.#stopped = stopped;
    stopped.addEventListener("abort", this.#stop);
    if (stopped.aborted) this.#stop();
    this.renew();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  renew(): void {
    this.#cancel();
    this.#cancel = this.#clock.after(silenceMs, this.#stop);
  }

  end(): void {
    this.#cancel();
    this.#stopped.removeEventListener("abort", this.#stop);
  }
}

function headersFor({ at, end }: Cursor): Record<string, string> {
  if (at === 0 && end === null) return {};
  return { Range: `bytes=${at}-${end === null ? "" : end - 1}` };
}

function isWorthRetrying(status: number): boolean {
  return status === 0 || status === 408 || status === 429 || status >= 500;
}
