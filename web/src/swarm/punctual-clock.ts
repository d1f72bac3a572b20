import type { Clock } from "./clock.ts";

/** So late, in ms, a timer tells that the page stood still: the machine slept, or the browser was busy or held it back. */
const stoodStillMs = 1500;

interface Timer {
  readonly at: number;
  readonly run: () => void;
  readonly stop: () => void;
}

/**
 * A clock for pages in the background, where browsers hold timers back for a second or a minute, but not what comes in: timers that
 * are due run with whatever else happens. Where nothing happened for too long, that is told before any of them runs, because
 * what came meanwhile waits to be read, and nothing is late but this page.
 */
export class PunctualClock implements Clock {
  readonly #clock: Clock;
  readonly #onStoodStill: () => void;
  readonly #timers = new Map<number, Timer>();
  #next = 0;

  constructor(clock: Clock, onStoodStill: () => void) {
    this.#clock = clock;
    this.#onStoodStill = onStoodStill;
  }

  now(): number {
    return this.#clock.now();
  }

  after(ms: number, run: () => void): () => void {
    const id = this.#next++;
    const stop = this.#clock.after(ms, () => {
      this.catchUp();
      // A browser's timers may be a trifle early.
      this.#run(id);
    });
    this.#timers.set(id, { at: this.now() + ms, run, stop });
    return () => {
      stop();
      this.#timers.delete(id);
    };
  }

  /** Runs what is due, in order. To be called when something happened. */
  catchUp(): void {
    const now = this.now();
    const due = [...this.#timers].filter(([, { at }]) => at <= now).sort(([, a], [, b]) => a.at - b.at);
    const [first] = due;
    if (first !== undefined && now - first[1].at > stoodStillMs) this.#onStoodStill();
    for (const [id] of due) this.#run(id);
  }

  #run(id: number): void {
    const timer = this.#timers.get(id);
    if (timer === undefined) return;
    this.#timers.delete(id);
    timer.stop();
    timer.run();
  }
}
