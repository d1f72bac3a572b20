/** How much of the past a rate remembers, in seconds of transfer. */
const memory = 3;
/** In less time than this, in seconds, bytes tell little: what lacks of it is filled with the guess. */
const telling = 0.1;
/** In seconds. Where nothing was heard for longer, it was this page that stood still. */
const longestPause = 2;

/**
 * Measures how fast bytes come, all transfers from one side together, in the time in which any was under way. Bytes and time
 * are summed up apart, so that it does not matter in which bursts they come. Times are in ms of any one clock.
 */
export class RateMeter {
  readonly #guess: number;
  #running = 0;
  #since = 0;
  #bytes = 0;
  #seconds = 0;

  /** The rate to go by until one was measured, in bytes a second. */
  constructor(guess: number) {
    this.#guess = guess;
  }

  /** In bytes a second. */
  get rate(): number {
    const lacking = Math.max(0, telling - this.#seconds);
    return (this.#bytes + this.#guess * lacking) / (this.#seconds + lacking);
  }

  /**
   * A transfer has begun, maybe with bytes that were there at once: nobody knows how long they took, so they count only beside
   * others that were under way.
   */
  begin(now: number, bytes = 0): void {
    if (this.#running === 0) this.#since = now;
    else this.note(bytes, now);
    this.#running += 1;
  }

  note(bytes: number, now: number): void {
    this.#pass(now);
    this.#bytes += bytes;
  }

  end(now: number): void {
    this.#pass(now);
    this.#running -= 1;
  }

  #pass(now: number): void {
    const passed = Math.min(longestPause, Math.max(0, now - this.#since) / 1000);
    const left = Math.exp(-passed / memory);
    this.#bytes *= left;
    this.#seconds = this.#seconds * left + passed;
    this.#since = now;
  }
}
