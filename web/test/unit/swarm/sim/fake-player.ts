import type { Clock } from "../../../../src/swarm/clock.ts";
import type { PlaybackState } from "../../../../src/swarm/playback.ts";
import type { SegmentOrigin } from "../../../../src/swarm/segment-loads.ts";
import type { Swarm } from "../../../../src/swarm/swarm.ts";
import type { Film, FilmSegment } from "./film.ts";

const appendMs = 20;
const tickMs = 100;
/** How often a playlist that grows is read again. */
const reloadMs = 2000;

/** The segments of a rendition that its playlist has now. */
export type Playlist = (rendition: string) => readonly FilmSegment[];

export interface PlayerOptions {
  readonly position: number;
  /** The clock of its own timers: in the background they are held back, while what is in the buffer plays on. */
  readonly timers: Clock;
  /** How far it fills its buffer, in seconds. */
  readonly goal: (watched: number) => number;
}

interface Track {
  readonly rendition: string;
  /** The indices of the segments that are in the buffer. */
  readonly buffered: Set<number>;
  cancel: (() => void) | null;
}

/** A player like hls.js: one segment after another of picture and of sound, up to its buffer's goal. */
export class FakePlayer {
  readonly #clock: Clock;
  readonly #film: Film;
  readonly #swarm: Swarm;
  readonly #playlist: Playlist;
  readonly #segments = new Map<string, readonly FilmSegment[]>();
  readonly #tracks: Track[];
  readonly #startedAt: number;
  #position = 0;
  #playing = false;
  #paused = false;
  #stopped = false;
  firstFrameMs: number | null = null;
  stalls = 0;
  stallMs = 0;
  watched = 0;
  failures = 0;
  wrongBytes = 0;
  readonly got: { rendition: string; index: number; from: SegmentOrigin; bytes: number }[] = [];

  readonly #options: PlayerOptions;

  constructor(clock: Clock, film: Film, swarm: Swarm, playlist: Playlist, options: PlayerOptions) {
    this.#options = options;
    this.#clock = clock;
    this.#film = film;
    this.#swarm = swarm;
    this.#playlist = playlist;
    this.#position = options.position;
    const renditions = [...film.renditions.keys()];
    this.#tracks = renditions.map((rendition) => ({ rendition, buffered: new Set(), cancel: null }));
    this.#startedAt = clock.now();
    this.#readPlaylists();
    this.#report();
    for (const track of this.#tracks) this.#fill(track);
    this.#tick();
    this.#look();
  }

  get position(): number {
    return this.#position;
  }

  /** How far it can play, in seconds of the film. */
  get bufferEnd(): number {
    return Math.min(...this.#tracks.map((track) => this.#endOf(track)));
  }

  seek(position: number): void {
    this.#position = position;
    this.#playing = false;
    for (const track of this.#tracks) {
      track.cancel?.();
      track.cancel = null;
    }
    this.#report();
    for (const track of this.#tracks) this.#fill(track);
  }

  pause(paused: boolean): void {
    this.#paused = paused;
    this.#report();
  }

  stop(): void {
    this.#stopped = true;
    for (const { cancel } of this.#tracks) cancel?.();
  }

  /** As long as they grow, again and again. */
  #readPlaylists(): void {
    if (this.#stopped) return;
    let grows = false;
    for (const [rendition, all] of this.#film.renditions) {
      const segments = this.#playlist(rendition);
      grows ||= segments.length < all.length;
      this.#segments.set(rendition, segments);
      this.#swarm.setTimeline(rendition, segments);
    }
    if (!grows) return;
    this.#clock.after(reloadMs, () => {
      this.#readPlaylists();
      for (const track of this.#tracks) this.#fill(track);
    });
  }

  #endOf({ rendition, buffered }: Track): number {
    let end = this.#position;
    for (const { index, start, duration } of this.#segments.get(rendition) ?? [])
      if (start <= end + 0.01 && start + duration > end && buffered.has(index)) end = start + duration;
    return end;
  }

  #fill(track: Track): void {
    if (this.#stopped || track.cancel !== null) return;
    const end = this.#endOf(track);
    if (end - this.#position >= this.#options.goal(this.watched)) return;
    const next = (this.#segments.get(track.rendition) ?? []).find(
      ({ start, duration }) => start + duration > end + 0.01,
    );
    if (next !== undefined) this.#load(track, next);
  }

  #load(track: Track, segment: FilmSegment): void {
    const { rendition } = track;
    let current = true;
    const stop = this.#swarm.load(rendition, segment, {
      onProgress: () => {},
      onDone: (bytes, from) => {
        if (!current) return;
        if (!Buffer.from(bytes).equals(segment.bytes)) this.wrongBytes += 1;
        this.got.push({ rendition, index: segment.index, from, bytes: bytes.byteLength });
        this.#clock.after(appendMs, () => {
          if (!current) return;
          track.cancel = null;
          track.buffered.add(segment.index);
          this.#fill(track);
        });
      },
      onFailed: () => {
        if (!current) return;
        track.cancel = null;
        this.failures += 1;
        this.#options.timers.after(500, () => this.#fill(track));
      },
    });
    track.cancel = () => {
      current = false;
      stop();
    };
  }

  #tick(): void {
    if (this.#stopped) return;
    this.#advance();
    this.#report();
    this.#clock.after(tickMs, () => this.#tick());
  }

  /** Looks whether there is room in the buffer, as it does after each segment too. */
  #look(): void {
    if (this.#stopped) return;
    for (const track of this.#tracks) this.#fill(track);
    this.#options.timers.after(tickMs, () => this.#look());
  }

  #advance(): void {
    if (this.#paused || this.#position >= this.#film.seconds) return;
    const ahead = this.bufferEnd - this.#position;
    const step = tickMs / 1000;
    if (ahead >= step || (ahead > 0 && this.bufferEnd >= this.#film.seconds)) {
      this.firstFrameMs ??= this.#clock.now() - this.#startedAt;
      this.#playing = true;
      this.#position += Math.min(step, ahead);
      this.watched += Math.min(step, ahead);
    } else if (this.firstFrameMs !== null) {
      if (this.#playing) this.stalls += 1;
      this.#playing = false;
      this.stallMs += tickMs;
    }
  }

  playback(): PlaybackState {
    return {
      position: this.#position,
      rate: 1,
      paused: this.#paused,
      bufferEnd: this.bufferEnd,
      renditions: this.#tracks.map(({ rendition }) => rendition),
    };
  }

  #report(): void {
    this.#swarm.watch(this.playback());
  }
}
