import type { Clock } from "../../../src/swarm/clock.ts";

/** A clock that stands still until it is told to go on. */
export class FakeClock implements Clock {
  #now = 0;
  #timers = new Map<number, { at: number; run: () => void }>();
  #next = 0;

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const id = this.#next++;
    this.#timers.set(id, { at: this.#now + ms, run });
    return () => this.#timers.delete(id);
  }

  /** How many timers are set. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Goes on by ms and runs what is due, in order. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const [due] = [...this.#timers].sort(([a, x], [b, y]) => x.at - y.at || a - b);
      if (due === undefined || due[1].at > end) break;
      this.#timers.delete(due[0]);
      this.#now = Math.max(this.#now, due[1].at);
      due[1].run();
    }
    this.#now = end;
  }

  /** Goes on by ms and runs nothing, as in a page whose timers are held back. */
  stop(ms: number): void {
    this.#now += ms;
  }

  /** Goes on by ms as a machine does that slept: what was due runs late, and once. */
  sleep(ms: number): void {
    this.#now += ms;
    this.advance(0);
  }
}
