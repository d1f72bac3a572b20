import Hls, { type Fragment } from "hls.js";
import type { PlaybackState } from "../swarm/playback.ts";
import type { Sharing } from "../swarm/sharing.ts";
import type { TimedSegment } from "../swarm/timeline.ts";
import type { SharingWishes } from "../swarm/wishes.ts";
import { type Arrival, readArrival } from "./arrival.ts";
import { bufferGoal } from "./buffer-goal.ts";
import { DeliveryFailed, deliver, type Patience } from "./delivery.ts";
import { bufferedAhead } from "./playback-stats.ts";
import { renditionIn } from "./rendition.ts";

/** A first picture that is not there after so long is late. */
const slowStartMs = 800;

const ticketPatience: Patience = { firstByteMs: 10_000, wholeMs: 20_000 };

export interface StreamSharingOptions {
  readonly media: HTMLMediaElement;
  /** The absolute address of the master playlist. */
  readonly source: string;
  /** Where it begins, in seconds. */
  readonly startPosition: number;
  readonly wishes: SharingWishes;
}

/** Brings what hls.js plays together with the swarm: the one learns the playlists and where playing is from the other. */
export class StreamSharing {
  readonly #options: StreamSharingOptions;
  readonly #listeners = new AbortController();
  readonly #timelines = new Map<string, readonly TimedSegment[]>();
  readonly #stops: (() => void)[] = [];
  #hls: Hls | null = null;
  #loading: Promise<Sharing | null> | null = null;
  #sharing: Sharing | null = null;
  #ended = false;

  constructor(options: StreamSharingOptions) {
    this.#options = options;
  }

  /** The swarm's side; null before the box was reached, or where there is nothing to take part in. */
  get current(): Sharing | null {
    return this.#sharing;
  }

  /** The same, as soon as it is known. */
  async sharing(): Promise<Sharing | null> {
    return this.#loading;
  }

  /** Whether segments are the swarm's: it is there, or on its way. */
  get takesOver(): boolean {
    return this.#loading !== null;
  }

  /** The box has told who this viewer is; only the first time counts. */
  arrive(arrival: Arrival | null): void {
    if (arrival === null || this.#ended || this.#loading !== null) return;
    // Without the swarm's code the film plays from the box alone.
    this.#loading = this.#load(arrival).catch(() => null);
  }

  attach(hls: Hls): void {
    this.#hls = hls;
    const { media, wishes } = this.#options;
    this.#stops.push(wishes.share.subscribe(() => this.#setBuffer()));
    hls.on(Hls.Events.LEVEL_UPDATED, (_, { details }) => this.#learn(details.fragments));
    hls.on(Hls.Events.AUDIO_TRACK_UPDATED, (_, { details }) => this.#learn(details.fragments));
    for (const event of [
      Hls.Events.LEVEL_SWITCHING,
      Hls.Events.AUDIO_TRACK_SWITCHING,
      Hls.Events.BUFFER_APPENDED,
    ] as const)
      hls.on(event, () => this.#sharing?.watch());
    const { signal } = this.#listeners;
    for (const type of ["timeupdate", "pause", "play", "ratechange"])
      media.addEventListener(type, () => this.#sharing?.watch(), { signal });
    media.addEventListener("timeupdate", () => this.#setBuffer(), { signal });
    document.addEventListener("visibilitychange", () => this.#setBuffer(), { signal });
    media.addEventListener("playing", () => this.#sharing?.play(), { signal });
    media.addEventListener("seeking", () => this.#sharing?.seeked(), { signal });
  }

  destroy(): void {
    this.#ended = true;
    for (const stop of this.#stops) stop();
    this.#listeners.abort();
    this.#sharing?.close();
    this.#sharing = null;
  }

  async #load(arrival: Arrival): Promise<Sharing | null> {
    const { Sharing } = await import("../swarm/sharing.ts");
    if (this.#ended) return null;
    const { source, wishes } = this.#options;
    const sharing = new Sharing({
      video: videoIn(source),
      node: new URL(source).origin,
      ...arrival,
      newTicket: () => newTicket(source),
      wishes,
      playback: () => this.#playback(),
    });
    for (const [rendition, segments] of this.#timelines) sharing.setTimeline(rendition, segments);
    sharing.watch();
    this.#sharing = sharing;
    this.#meetInTime(sharing, arrival.stripe > 0);
    return sharing;
  }

  /**
   * Connections are made when it plays: they would delay the first picture. In a crowd the first segment is what there is to share,
   * and from a slow box peers bring it sooner; a page in a tab that nobody looks at waits in any case.
   */
  #meetInTime(sharing: Sharing, inCrowd: boolean): void {
    const { media } = this.#options;
    const meet = () => {
      if (!media.paused || document.visibilityState === "visible") sharing.play();
    };
    if (inCrowd || media.readyState >= media.HAVE_CURRENT_DATA) meet();
    else {
      const late = setTimeout(meet, slowStartMs);
      this.#stops.push(() => clearTimeout(late));
    }
  }

  #setBuffer(): void {
    const { media, wishes } = this.#options;
    const isHidden = document.visibilityState === "hidden";
    const { least, most } = bufferGoal(wishes.share.value, isHidden, playedSeconds(media.played));
    const config = this.#hls?.config;
    if (config !== undefined) Object.assign(config, { maxBufferLength: least, maxMaxBufferLength: most });
  }

  #learn(fragments: readonly Fragment[]): void {
    const segments = fragments.flatMap((fragment) => timedOf(fragment) ?? []);
    const [first] = segments;
    if (first === undefined) return;
    const rendition = renditionIn(first.url);
    this.#timelines.set(rendition, segments);
    this.#sharing?.setTimeline(rendition, segments);
  }

  #playback(): PlaybackState {
    const { media, startPosition } = this.#options;
    const { playbackRate: rate, paused } = media;
    const position = positionOf(media, startPosition);
    const bufferEnd = position + bufferedAhead(media.buffered, position);
    return { position, rate, paused, bufferEnd, renditions: this.#renditions() };
  }

  /** Of picture and sound, those that are loaded now. */
  #renditions(): string[] {
    const hls = this.#hls;
    const level = hls?.levels[hls.nextLoadLevel >= 0 ? hls.nextLoadLevel : hls.loadLevel];
    const urls = [level?.url[0], hls?.audioTracks[hls.audioTrack]?.url];
    return urls.flatMap((url) => (url ? [renditionIn(url)] : []));
  }
}

function playedSeconds(played: TimeRanges): number {
  let sum = 0;
  for (let i = 0; i < played.length; i++) sum += played.end(i) - played.start(i);
  return sum;
}

/** Where playing is, or begins: an element stands at 0 until it has something to jump to, and nothing from there is wanted. */
export function positionOf(
  { currentTime, played }: Pick<HTMLMediaElement, "currentTime" | "played">,
  startPosition: number,
): number {
  return currentTime === 0 && played.length === 0 ? startPosition : currentTime;
}

/** What a fragment is to the swarm; null for one that is no segment. */
export function timedOf({ sn, start, duration, url }: Fragment): TimedSegment | null {
  return typeof sn === "number" && url ? { index: sn, start, duration, url } : null;
}

/** The video's id in the address of its master playlist, /hls/{video}/master.m3u8. */
function videoIn(source: string): string {
  return new URL(source).pathname.split("/")[2] ?? "";
}

/** Another ticket; undefined when the video is gone. */
async function newTicket(source: string): Promise<string | undefined> {
  const answer = deliver(source, ticketPatience);
  try {
    await answer.bytes;
  } catch (error) {
    if (error instanceof DeliveryFailed && error.status === 404) return undefined;
    throw error;
  }
  return readArrival((name) => answer.header(name))?.ticket;
}
