/** What a media element tells about playing; advance means that time goes on. */
export type PlaybackEvent = "playing" | "advance" | "waiting" | "seeking" | "pause" | "ended";

/**
 * Counts how often, and how long, playing stood still because data was missing. Waiting after a start, a
 * seek or a pause is no stall. Times are in ms of any one clock.
 */
export class StallCounter {
  #phase: "waiting for a start" | "playing" | "stalled" = "waiting for a start";
  #count = 0;
  #closedMs = 0;
  #since = 0;

  note(event: PlaybackEvent, now: number): void {
    if (event === "waiting") {
      if (this.#phase === "playing") this.#open(now);
      return;
    }
    // Time that goes on ends no stall by itself: the element says "playing" for that.
    if (event === "advance" && this.#phase === "stalled") return;
    if (this.#phase === "stalled") this.#closedMs += now - this.#since;
    this.#phase = event === "playing" || event === "advance" ? "playing" : "waiting for a start";
  }

  get count(): number {
    return this.#count;
  }

  /** The time stood still so far, with a stall that lasts still. */
  totalMs(now: number): number {
    return this.#closedMs + (this.#phase === "stalled" ? now - this.#since : 0);
  }

  #open(now: number): void {
    this.#phase = "stalled";
    this.#count += 1;
    this.#since = now;
  }
}
