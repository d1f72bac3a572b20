import type { Clock } from "./clock.ts";

/** How soon, and how late at most, it is decided again when nothing happens, in seconds. */
const shortestWait = 0.02;
const longestWait = 1;
/** How long bytes may come twice before something is done about it, in ms. */
const overlapMs = 20;

/**
 * Has something done once after events, however many they were, and again after a time. It needs no timer for events, so that it
 * goes on in the background, where browsers hold timers back.
 */
export class Pulse {
  readonly #clock: Clock;
  readonly #soon: (run: () => void) => void;
  readonly #step: () => void;
  #stopTimer: () => void = () => {};
  #due = false;
  #dueLater = false;
  #stopped = false;

  constructor(clock: Clock, soon: (run: () => void) => void, step: () => void) {
    this.#clock = clock;
    this.#soon = soon;
    this.#step = step;
  }

  /** Something happened. */
  beat(): void {
    if (this.#due || this.#stopped) return;
    this.#due = true;
    this.#soon(() => {
      this.#due = false;
      if (this.#stopped) return;
      this.#stopTimer();
      this.#step();
    });
  }

  /** Something small happened, which happens often. */
  beatLater(): void {
    if (this.#dueLater) return;
    this.#dueLater = true;
    this.#clock.after(overlapMs, () => {
      this.#dueLater = false;
      this.beat();
    });
  }

  /** Comes again after a time in seconds, if nothing happens before. */
  restFor(wait: number): void {
    const bounded = Math.min(longestWait, Math.max(shortestWait, wait));
    this.#stopTimer = this.#clock.after(bounded * 1000, () => this.beat());
  }

  stop(): void {
    this.#stopped = true;
    this.#stopTimer();
  }
}
