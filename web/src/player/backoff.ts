/** Waiting times that double from first to longest, in ms. */
export class Backoff {
  readonly #first: number;
  readonly #longest: number;
  #tries = 0;

  constructor(first: number, longest: number) {
    this.#first = first;
    this.#longest = longest;
  }

  /** The time to wait before the next try. */
  next(): number {
    const wait = Math.min(this.#longest, this.#first * 2 ** this.#tries);
    this.#tries += 1;
    return wait;
  }

  reset(): void {
    this.#tries = 0;
  }
}
