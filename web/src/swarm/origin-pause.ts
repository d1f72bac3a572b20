/** How long the origin is left alone after it failed, in seconds; it doubles up to the longest. */
const pause = { first: 0.5, longest: 8 };

/** Until when the origin is left alone because it failed. Times are in seconds. */
export class OriginPause {
  #failures = 0;
  #until = 0;

  get until(): number {
    return this.#until;
  }

  failed(now: number): void {
    this.#until = now + Math.min(pause.longest, pause.first * 2 ** this.#failures);
    this.#failures += 1;
  }

  worked(): void {
    this.#failures = 0;
  }
}
