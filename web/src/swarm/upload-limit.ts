import type { Clock } from "./clock.ts";

/** Without a rate nothing waits. */
export const unlimited = Number.POSITIVE_INFINITY;
/** What may go out at once after a pause, in seconds of the rate. */
const burstSeconds = 0.25;

/**
 * How much this viewer gives, all peers together: a token bucket. Who finds it empty stands in line, so that each
 * peer gets its turn, piece by piece.
 */
export class UploadLimit {
  readonly #clock: Clock;
  readonly #line = new Set<() => void>();
  #rate: number;
  #level: number;
  #at: number;
  #stopTimer: (() => void) | undefined;

  /** Rate is in bytes per second. */
  constructor(clock: Clock, rate = unlimited) {
    this.#clock = clock;
    this.#rate = rate;
    this.#level = rate * burstSeconds;
    this.#at = clock.now();
  }

  setRate(rate: number): void {
    this.#fill();
    this.#rate = rate;
    // A bucket that had no bottom begins anew.
    if (!Number.isFinite(this.#level)) this.#level = 0;
    this.#serve();
  }

  /**
   * Takes bytes and says true; or says false, and calls wake when it is this one's turn to ask again. A piece may be
   * larger than what is left: what was taken too much is waited for by the next.
   */
  take(bytes: number, wake: () => void): boolean {
    if (this.#rate === unlimited) return true;
    this.#fill();
    const [first] = this.#line;
    if (this.#level > 0 && (first === undefined || first === wake)) {
      this.#line.delete(wake);
      this.#level -= bytes;
      return true;
    }
    this.#line.add(wake);
    this.#schedule();
    return false;
  }

  /** Steps out of the line. */
  leave(wake: () => void): void {
    this.#line.delete(wake);
  }

  #fill(): void {
    const now = this.#clock.now();
    const most = this.#rate * burstSeconds;
    const earned = this.#rate === unlimited ? unlimited : (this.#rate * (now - this.#at)) / 1000;
    this.#level = Math.min(most, this.#level + earned);
    this.#at = now;
  }

  #schedule(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
    if (this.#line.size === 0 || this.#rate <= 0) return;
    const wait = Math.max(1, Math.ceil((1000 * -this.#level) / this.#rate));
    this.#stopTimer = this.#clock.after(wait, () => this.#serve());
  }

  #serve(): void {
    this.#fill();
    for (const wake of [...this.#line]) {
      if (this.#level <= 0) break;
      wake();
      // Who has nothing to send after all does not hold up the others; who took one piece asks at the end of the line.
      const [first] = this.#line;
      if (first === wake && this.#level > 0) this.#line.delete(wake);
    }
    this.#schedule();
  }
}
