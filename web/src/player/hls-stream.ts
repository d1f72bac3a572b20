import Hls, { type ErrorData, type HlsConfig, type LoadPolicy } from "hls.js";
import { Backoff } from "./backoff.ts";
import type { Patience } from "./delivery.ts";
import { eagerPlaylistLoader } from "./eager-playlist-loader.ts";
import type { HeadStart } from "./head-start.ts";
import type { LanguageMemory } from "./language-memory.ts";
import { bufferedAhead, type PlaybackStats } from "./playback-stats.ts";
import { renditionIn } from "./rendition.ts";
import { segmentLoader } from "./segment-loader.ts";
import { SegmentSource, segmentPatience } from "./segment-source.ts";
import type { StreamSharing } from "./stream-sharing.ts";
import { brokenPlayback, cannotDecode, machinesAway, passingTrouble, type Trouble } from "./trouble.ts";

/** What a stream tells its player. */
export interface StreamEvents {
  /** The qualities, sound tracks and subtitles, or the choice among them, changed. */
  onTracks(): void;
  /** What is wrong now; null when it plays. */
  onTrouble(trouble: Trouble | null): void;
}

const playlistPatience: Patience = { firstByteMs: 10_000, wholeMs: 20_000 };

/** Two quick tries; longer trouble is told to the viewer and tried again by HlsStream itself. */
function policy({ firstByteMs, wholeMs }: Patience): { default: LoadPolicy["default"] } {
  const retry = { maxNumRetry: 1, retryDelayMs: 500, maxRetryDelayMs: 1000 };
  const limits = { maxTimeToFirstByteMs: firstByteMs, maxLoadTimeMs: wholeMs };
  return { default: { ...limits, timeoutRetry: retry, errorRetry: retry } };
}

/** What one stream plays, and from where. */
export interface StreamOptions {
  readonly media: HTMLMediaElement;
  /** The address of the master playlist. */
  readonly source: string;
  /** Where to begin, in seconds. */
  readonly startPosition: number;
  readonly languages: LanguageMemory;
  readonly headStart: HeadStart;
  readonly sharing: StreamSharing;
}

function settings(
  { media, startPosition, languages, headStart, sharing }: StreamOptions,
  stats: PlaybackStats,
): Partial<HlsConfig> {
  return {
    ...preferencesIn(languages),
    // Segments are fragmented MP4, which need next to no work: a worker would take longer to start than it saves.
    enableWorker: false,
    fLoader: segmentLoader(new SegmentSource(headStart, sharing, stats), stats),
    pLoader: eagerPlaylistLoader(headStart, {
      left: () => (media.duration || 0) - media.currentTime,
      onArrival: (arrival) => sharing.arrive(arrival),
    }),
    // A playlist that still grows counts as live; without this hls.js would join it near its end.
    startPosition,
    startFragPrefetch: true,
    // A box near by: begin with a good quality instead of measuring with a bad one.
    abrEwmaDefaultEstimate: 8_000_000,
    testBandwidth: false,
    backBufferLength: 60,
    manifestLoadPolicy: policy(playlistPatience),
    playlistLoadPolicy: policy(playlistPatience),
    fragLoadPolicy: policy(segmentPatience),
  };
}

/** A language tag for "no language": no track has it, so that no subtitles are shown. */
const noLanguage = "zxx";

function preferencesIn({ sound, text }: LanguageMemory): Partial<HlsConfig> {
  return {
    ...(sound === null ? {} : { audioPreference: { lang: sound } }),
    ...(text === null ? {} : { subtitlePreference: { lang: text === "off" ? noLanguage : text } }),
  };
}

const undecodable: readonly string[] = [
  Hls.ErrorDetails.MANIFEST_INCOMPATIBLE_CODECS_ERROR,
  Hls.ErrorDetails.BUFFER_ADD_CODEC_ERROR,
  Hls.ErrorDetails.BUFFER_INCOMPATIBLE_CODECS_ERROR,
];

/** Plays one HLS stream into a media element by hls.js, and keeps trying while the box does not answer. */
export class HlsStream {
  readonly hls: Hls;
  readonly #events: StreamEvents;
  readonly #options: StreamOptions;
  readonly #stats: PlaybackStats;
  readonly #backoff = new Backoff(1000, 15_000);
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #gone = new AbortController();
  /** What the box last said of machines that are away. */
  #away: string | null = null;
  #recovered = false;
  #troubled = false;

  constructor(options: StreamOptions, stats: PlaybackStats, events: StreamEvents) {
    this.#events = events;
    this.#options = options;
    this.#stats = stats;
    this.hls = new Hls(settings(options, stats));
    this.#listen();
    options.sharing.attach(this.hls);
    this.hls.loadSource(options.source);
    this.hls.attachMedia(options.media);
  }

  destroy(): void {
    this.#gone.abort();
    clearTimeout(this.#retryTimer);
    this.hls.destroy();
  }

  /**
   * To be called before hls.js sees that the viewer went elsewhere. hls.js often asks for the sound there only once
   * the picture has come; so the head start asks for it at once.
   */
  seek(): void {
    const { media, headStart, sharing } = this.#options;
    this.#stats.noteOriginBytes(headStart.end());
    // With peers the swarm goes for picture and sound alike.
    if (sharing.current?.hasPeers) return;
    const position = media.currentTime;
    if (bufferedAhead(media.buffered, position) > 0) return;
    const track = this.hls.audioTracks[this.hls.audioTrack];
    const there = track?.details?.fragments.find(({ start, end }) => start <= position && position < end);
    if (!there?.url || sharing.current?.has(renditionIn(there.url), Number(there.sn))) return;
    headStart.ask(there.url);
  }

  #listen(): void {
    const { hls } = this;
    const tracks = () => this.#events.onTracks();
    hls.on(Hls.Events.MANIFEST_PARSED, (_, { firstLevel }) => {
      // The box lists first what starts soonest, and the head start counts on it.
      hls.startLevel = firstLevel;
      tracks();
    });
    hls.on(Hls.Events.LEVEL_SWITCHED, tracks);
    hls.on(Hls.Events.AUDIO_TRACKS_UPDATED, tracks);
    hls.on(Hls.Events.AUDIO_TRACK_SWITCHED, tracks);
    hls.on(Hls.Events.SUBTITLE_TRACKS_UPDATED, tracks);
    hls.on(Hls.Events.SUBTITLE_TRACK_SWITCH, tracks);
    hls.on(Hls.Events.FRAG_LOADED, () => this.#works());
    hls.on(Hls.Events.LEVEL_LOADED, () => this.#works());
    hls.on(Hls.Events.ERROR, (_, data) => this.#onError(data));
  }

  #works(): void {
    this.#backoff.reset();
    this.#away = null;
    if (!this.#troubled) return;
    this.#troubled = false;
    this.#events.onTrouble(null);
  }

  #onError(data: ErrorData): void {
    if (data.type === Hls.ErrorTypes.NETWORK_ERROR) this.#onNetworkError(data);
    else if (data.fatal) this.#onMediaError(data);
  }

  #onNetworkError(data: ErrorData): void {
    if (!data.fatal) return;
    this.#troubled = true;
    const status = data.response?.code ?? 0;
    if (status !== 503) this.#away = null;
    this.#events.onTrouble(this.#away === null ? passingTrouble(status) : machinesAway(this.#away));
    if (status === 503) void this.#askWhy(data.frag?.url ?? data.url ?? data.context?.url).catch(() => {});
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => this.#tryAgain(), this.#backoff.next());
  }

  async #askWhy(url: string | undefined): Promise<void> {
    if (url === undefined) return;
    // The first picture must not wait for what is needed in trouble only.
    const { whichMachinesAreAway } = await import("./why-not.ts");
    const words = await whichMachinesAreAway(url, this.#gone.signal);
    // Meanwhile it may have gone on.
    if (!this.#troubled || this.#gone.signal.aborted || words === this.#away) return;
    this.#away = words;
    this.#events.onTrouble(words === null ? passingTrouble(503) : machinesAway(words));
  }

  #tryAgain(): void {
    const { media, source, startPosition } = this.#options;
    if (this.hls.levels.length === 0) this.hls.loadSource(source);
    else this.hls.startLoad(media.currentTime || startPosition);
  }

  #onMediaError(data: ErrorData): void {
    if (undecodable.includes(data.details)) {
      this.#events.onTrouble(cannotDecode(data.details));
    } else if (data.type === Hls.ErrorTypes.MEDIA_ERROR && !this.#recovered) {
      this.#recovered = true;
      this.hls.recoverMediaError();
    } else {
      this.#events.onTrouble(brokenPlayback(data.details));
    }
  }
}
