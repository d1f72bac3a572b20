import type { Clock } from "../../../../src/swarm/clock.ts";

/** The clock of a tab, which may go to the background: its timers run only every so many ms then. */
export class ThrottledClock implements Clock {
  readonly #clock: Clock;
  /** 0 for whenever they are due. */
  every = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  now(): number {
    return this.#clock.now();
  }

  after(ms: number, run: () => void): () => void {
    if (this.every === 0) return this.#clock.after(ms, run);
    const now = this.#clock.now();
    const at = Math.ceil((now + ms) / this.every) * this.every;
    return this.#clock.after(at - now, run);
  }
}
