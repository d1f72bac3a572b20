const windowMs = 4000;

/** Measures how fast a growing number grows, over the last four seconds. Times in ms. */
export class SpeedMeter {
  #samples: { at: number; value: number }[] = [];

  note(value: number, at: number): void {
    this.#samples.push({ at, value });
    // One sample from before the window is kept, so that there is always a distance to measure.
    while (this.#samples.length > 2 && (this.#samples[1]?.at ?? at) <= at - windowMs) this.#samples.shift();
  }

  /** The speed in units a second; 0 while it is not known. */
  perSecond(): number {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (first === undefined || last === undefined || last.at - first.at < 250) return 0;
    return ((last.value - first.value) * 1000) / (last.at - first.at);
  }
}
