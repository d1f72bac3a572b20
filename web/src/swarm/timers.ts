import type { Clock } from "./clock.ts";

/** At most one timer of each name; to set it anew takes the old one back. */
export class Timers<Name extends string> {
  readonly #clock: Clock;
  readonly #stops = new Map<Name, () => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  has(name: Name): boolean {
    return this.#stops.has(name);
  }

  set(name: Name, ms: number, run: () => void): void {
    this.#stops.get(name)?.();
    const stop = this.#clock.after(Math.max(0, ms), () => {
      this.#stops.delete(name);
      run();
    });
    this.#stops.set(name, stop);
  }

  stopAll(): void {
    for (const stop of this.#stops.values()) stop();
    this.#stops.clear();
  }
}
