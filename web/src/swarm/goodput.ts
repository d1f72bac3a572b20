/** Bytes after which what was measured before counts half. */
const halfBytes = 1 << 20;
/** Time after which what was measured before counts half, in ms of asking. */
const halfMs = 1000;
/** What is measured in one go, so that clocks with coarse steps do no harm. */
const leastMs = 50;

/** How fast bytes come while some are asked for; pauses in between do not count. */
export class Goodput {
  #rate = 0;
  #bytes = 0;
  #busyMs = 0;
  #busySince: number | undefined;

  /** Bytes per second of late; 0 before the first. */
  get rate(): number {
    return this.#rate;
  }

  /** Something is asked for now. */
  begin(now: number): void {
    this.#busySince ??= now;
  }

  note(bytes: number, now: number): void {
    this.#bytes += bytes;
    this.#measure(now);
  }

  /** Nothing is asked for any more. */
  end(now: number): void {
    this.#measure(now);
    this.#busySince = undefined;
  }

  #measure(now: number): void {
    if (this.#busySince === undefined) return;
    this.#busyMs += now - this.#busySince;
    this.#busySince = now;
    // The first transfer counts at once: nothing would be known of a peer that sends it in a moment.
    if (this.#busyMs < (this.#rate === 0 ? 1 : leastMs) || this.#bytes === 0) return;
    const sample = (1000 * this.#bytes) / this.#busyMs;
    const halves = Math.max(this.#bytes / halfBytes, this.#busyMs / halfMs);
    const weight = this.#rate === 0 ? 1 : 1 - 2 ** -halves;
    this.#rate += weight * (sample - this.#rate);
    this.#bytes = 0;
    this.#busyMs = 0;
  }
}
