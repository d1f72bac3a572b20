import type { Clock } from "../../src/swarm/clock.ts";
import type { PlaybackState } from "../../src/swarm/playback.ts";
import type { Swarm } from "../../src/swarm/swarm.ts";
import type { Film, FilmSegment } from "../unit/swarm/sim/film.ts";
import { Extent } from "./extent.ts";

const bufferGoal = 20;
const appendMs = 20;
const tickMs = 250;
const retryMs = 500;

interface Track {
  readonly rendition: string;
  readonly segments: readonly FilmSegment[];
  /** The segments in the buffer follow each other, from the one that plays up to but not with this one. */
  next: number;
  end: number;
  cancel: (() => void) | null;
}

/**
 * A player like hls.js: one segment after another of picture and of sound, up to its buffer's goal. It looks at itself four
 * times a second, and notes to the millisecond when it began and how long it stood.
 */
export class SimulatedPlayer {
  readonly #clock: Clock;
  readonly #film: Film;
  readonly #swarm: Swarm;
  readonly #tracks: readonly Track[];
  readonly #startedAt: number;
  #position: number;
  /** Since when it plays or stands, in ms. */
  #since: number;
  #state: "starting" | "playing" | "seeking" | "stalled" | "over" = "starting";
  firstFrameMs: number | null = null;
  stalls = 0;
  stallMs = 0;
  watched = 0;
  seekMs: number[] = [];
  wrongBytes = 0;
  failures = 0;

  constructor(clock: Clock, film: Film, swarm: Swarm, position: number) {
    this.#clock = clock;
    this.#film = film;
    this.#swarm = swarm;
    this.#position = position;
    this.#startedAt = clock.now();
    this.#since = this.#startedAt;
    this.#tracks = [...film.renditions].map(([rendition, segments]) => ({
      ...{ rendition, segments, cancel: null },
      ...placeOf(segments, position),
    }));
  }

  start(): void {
    for (const { rendition, segments } of this.#tracks) this.#swarm.setTimeline(rendition, segments);
    this.#swarm.watch(this.playback());
    for (const track of this.#tracks) this.#fill(track);
    this.#tick();
  }

  playback(): PlaybackState {
    return {
      position: this.#position,
      rate: 1,
      paused: this.#state === "over",
      bufferEnd: Math.max(this.#position, this.#end),
      renditions: this.#tracks.map(({ rendition }) => rendition),
    };
  }

  seek(position: number): void {
    if (this.#state === "over" || this.firstFrameMs === null) return;
    this.#advance();
    this.#position = position;
    this.#state = "seeking";
    this.#since = this.#clock.now();
    for (const track of this.#tracks) {
      track.cancel?.();
      Object.assign(track, { cancel: null, ...placeOf(track.segments, position) });
    }
    this.#swarm.watch(this.playback());
    for (const track of this.#tracks) this.#fill(track);
  }

  stop(): void {
    if (this.#state === "over") return;
    this.#advance();
    this.#state = "over";
    for (const { cancel } of this.#tracks) cancel?.();
  }

  get #end(): number {
    return Math.min(...this.#tracks.map(({ end }) => end));
  }

  #fill(track: Track): void {
    const segment = track.segments[track.next];
    if (this.#state === "over" || track.cancel !== null || segment === undefined) return;
    if (track.end - this.#position < bufferGoal) this.#load(track, segment);
  }

  #load(track: Track, segment: FilmSegment): void {
    let current = true;
    const again = () => {
      if (!current) return;
      track.cancel = null;
      this.#fill(track);
    };
    const stop = this.#swarm.load(track.rendition, segment, {
      onProgress: () => {},
      onDone: (bytes) => {
        this.#checkBytes(bytes, segment);
        this.#clock.after(appendMs, () => {
          if (!current) return;
          track.next = segment.index + 1;
          track.end = segment.start + segment.duration;
          again();
          this.#look();
        });
      },
      onFailed: () => {
        this.failures += 1;
        this.#clock.after(retryMs, again);
      },
    });
    track.cancel = () => {
      current = false;
      stop();
    };
  }

  #checkBytes(bytes: ArrayBuffer, segment: FilmSegment): void {
    const extent: unknown = bytes;
    const right = extent instanceof Extent && extent.origin?.segment === segment.url;
    if (bytes.byteLength !== segment.bytes.byteLength || (extent instanceof Extent && !right))
      this.wrongBytes += 1;
  }

  #tick(): void {
    if (this.#state === "over") return;
    this.#advance();
    this.#look();
    this.#swarm.watch(this.playback());
    for (const track of this.#tracks) this.#fill(track);
    this.#clock.after(tickMs, () => this.#tick());
  }

  /** Plays on where enough is here. */
  #look(): void {
    if (this.#state === "playing" || this.#state === "over" || this.#end <= this.#position + 0.1) return;
    const now = this.#clock.now();
    const stood = now - this.#since;
    if (this.#state === "starting") this.firstFrameMs = now - this.#startedAt;
    else if (this.#state === "seeking") this.seekMs.push(stood);
    else this.stallMs += stood;
    this.#state = "playing";
    this.#since = now;
  }

  /** Counts what was played since the last look. */
  #advance(): void {
    const now = this.#clock.now();
    if (this.#state === "stalled") {
      this.stallMs += now - this.#since;
      this.#since = now;
    }
    if (this.#state !== "playing") return;
    const passed = (now - this.#since) / 1000;
    const step = Math.min(passed, Math.max(0, this.#end - this.#position));
    this.#position += step;
    this.watched += step;
    this.#since = now;
    if (this.#position >= this.#film.seconds - 0.01) this.#state = "over";
    else if (step < passed) {
      this.stalls += 1;
      this.stallMs += (passed - step) * 1000;
      this.#state = "stalled";
    }
  }
}

/** The segment at a position, and that nothing is in the buffer. */
function placeOf(segments: readonly FilmSegment[], position: number): { next: number; end: number } {
  const next = segments.findIndex(({ start, duration }) => start + duration > position + 0.01);
  return { next: next < 0 ? segments.length : next, end: position };
}
