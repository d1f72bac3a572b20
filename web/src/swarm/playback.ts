import type { Clock } from "./clock.ts";

/** How the video plays. Positions are in seconds of the film. */
export interface PlaybackState {
  readonly position: number;
  /** Seconds of the film a second. */
  readonly rate: number;
  /** Stopped by somebody; waiting for data is not. */
  readonly paused: boolean;
  /** How far it can play without another segment. */
  readonly bufferEnd: number;
  /** The renditions that play now, of picture and sound. */
  readonly renditions: readonly string[];
}

/** A step of more than this, in seconds, that time does not explain is a seek. */
const seekStep = 1.5;
/** How often it is told that time goes on, in seconds. */
const tickEvery = 1;

/** Where the playhead is between two reports, and how much was watched. */
export class Playback {
  readonly #clock: Clock;
  #state: PlaybackState = { position: 0, rate: 1, paused: true, bufferEnd: 0, renditions: [] };
  #at = 0;
  #toldAt = 0;
  #watched = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes a report. Returns true when it says something new, or when the last news are a while ago. */
  set(state: PlaybackState): boolean {
    const before = this.#state;
    const now = this.#clock.now() / 1000;
    const seeked = this.#isSeek(state.position, now);
    const step = state.position - before.position;
    if (!seeked && step > 0) this.#watched += step;
    this.#state = state;
    this.#at = now;
    const changed =
      seeked ||
      state.paused !== before.paused ||
      state.rate !== before.rate ||
      state.renditions.join() !== before.renditions.join();
    if (!changed && now - this.#toldAt < tickEvery) return false;
    this.#toldAt = now;
    return true;
  }

  /** What the player has got since the last report it may have played: in a tab in the background a minute lies between. */
  #isSeek(position: number, now: number): boolean {
    const { position: from, rate, paused } = this.#state;
    const furthest = paused ? from : from + rate * (now - this.#at);
    return position > furthest + seekStep || position < this.playhead - seekStep;
  }

  /** Where playing is now; it does not go past what can be played. */
  get playhead(): number {
    const { position, rate, paused, bufferEnd } = this.#state;
    if (paused) return position;
    const moved = position + rate * (this.#clock.now() / 1000 - this.#at);
    return Math.max(position, Math.min(moved, bufferEnd));
  }

  view(): Omit<PlaybackState, "position"> & { readonly playhead: number; readonly watched: number } {
    const { rate, paused, bufferEnd, renditions } = this.#state;
    return { playhead: this.playhead, rate, paused, bufferEnd, renditions, watched: this.#watched };
  }
}
