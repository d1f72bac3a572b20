/** How much of the past a rate remembers, in seconds of transfer. */
const memory = 3;
/** A measurement is taken when it is this long, in seconds, or at the end of a transfer of some size. */
const shortest = 0.1;
const leastBytes = 32 << 10;

/** Measures how fast bytes come, all transfers from one side together, in the time in which any was under way. */
export class RateMeter {
  #rate: number;
  #running = 0;
  #since = 0;
  #bytes = 0;
  #measured = 0;

  /** The rate to go by until one was measured, in bytes a second. */
  constructor(guess: number) {
    this.#rate = guess;
  }

  /** In bytes a second. */
  get rate(): number {
    return this.#rate;
  }

  /** A transfer has begun. Times are in ms of any one clock. */
  begin(now: number): void {
    if (this.#running === 0) this.#restart(now);
    this.#running += 1;
  }

  note(bytes: number, now: number): void {
    this.#bytes += bytes;
    if (now - this.#since >= shortest * 1000 && this.#bytes >= leastBytes) this.#measure(now);
  }

  end(now: number): void {
    this.#running -= 1;
    if (this.#running === 0 && this.#bytes >= leastBytes) this.#measure(now);
  }

  #measure(now: number): void {
    const took = Math.max(0.002, (now - this.#since) / 1000);
    this.#measured += 1;
    // The guess counts for nothing once there is a measurement, and the first few count alike.
    const weight = Math.max(1 / this.#measured, 1 - Math.exp(-Math.max(took, 0.5) / memory));
    this.#rate += weight * (this.#bytes / took - this.#rate);
    this.#restart(now);
  }

  #restart(now: number): void {
    this.#since = now;
    this.#bytes = 0;
  }
}
