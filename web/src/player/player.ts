import { type ReadonlySignal, type Signal, signal } from "@preact/signals";
import Hls from "hls.js";
import type { SharingFacts } from "../swarm/facts.ts";
import type { SharingWishes } from "../swarm/wishes.ts";
import { type PlaybackFacts, readFacts } from "./facts.ts";
import type { HeadStart } from "./head-start.ts";
import { HlsStream } from "./hls-stream.ts";
import type { KeyAction } from "./keys.ts";
import type { LanguageMemory } from "./language-memory.ts";
import type { PlaybackMoment } from "./moment.ts";
import { bufferedAhead, PlaybackStats, type ShoalStats } from "./playback-stats.ts";
import { ScreenLock, type ScreenLocks } from "./screen-lock.ts";
import type { PlaybackEvent } from "./stall-counter.ts";
import { StreamSharing } from "./stream-sharing.ts";
import {
  autoQuality,
  type Choice,
  languageName,
  nextRate,
  noText,
  qualityChoices,
  qualityName,
  soundChoices,
  textChoices,
} from "./tracks.ts";
import { cannotStream, passingTrouble, type Trouble } from "./trouble.ts";

/** What can be chosen, and what is. Ids are those of the choices. */
export interface PlayerSettings {
  readonly qualities: readonly Choice[];
  readonly quality: number;
  /** The name of the quality that plays when the player picks by itself; "" before it is known. */
  readonly autoPicked: string;
  readonly sounds: readonly Choice[];
  readonly sound: number;
  readonly texts: readonly Choice[];
  readonly text: number;
  readonly rate: number;
}

/** Whole seconds: where playing is, and the end of what can be played. */
export interface PlayerTime {
  readonly position: number;
  readonly end: number;
}

export interface PlayerOptions {
  readonly media: HTMLVideoElement;
  /** The address of the master playlist. */
  readonly source: string;
  /** Where to begin, in seconds. */
  readonly startPosition: number;
  /** The languages to begin with; what is chosen is kept there. */
  readonly languages: LanguageMemory;
  /** What was asked for before the player was there. */
  readonly headStart: HeadStart;
  /** When the page was asked for, on the clock of performance.now. */
  readonly navigation: number;
  /** How this viewer takes part in sharing; may change while the video plays. */
  readonly wishes: SharingWishes;
  /** Called as time goes on, and once at the end, with the position in seconds. */
  readonly onPosition: (position: number, duration: number) => void;
}

const noSettings: PlayerSettings = {
  qualities: [],
  quality: autoQuality,
  autoPicked: "",
  sounds: [],
  sound: 0,
  texts: [],
  text: noText,
  rate: 1,
};

const usualFrameRate = 25;

/** Plays one video in a media element, from construction until destroy. */
export class Player {
  readonly #trouble: Signal<Trouble | null> = signal(null);
  readonly #silenced = signal(false);
  readonly #started = signal(false);
  readonly #settings = signal(noSettings);
  readonly #time: Signal<PlayerTime> = signal({ position: 0, end: 0 });
  readonly #options: PlayerOptions;
  readonly #media: HTMLVideoElement;
  readonly #stats: PlaybackStats;
  readonly #listeners = new AbortController();
  // On plain HTTP browsers have none, whatever their types say.
  readonly #screen = new ScreenLock(document, navigator.wakeLock as ScreenLocks | undefined);
  #stream: HlsStream | null = null;
  #sharing: StreamSharing | null = null;
  #savedAt = 0;
  /** Where the last jump went, in seconds. */
  #soughtTo = 0;
  #lastText = 0;

  constructor(options: PlayerOptions) {
    this.#options = options;
    this.#media = options.media;
    this.#stats = new PlaybackStats(() => performance.now(), options.navigation);
    this.#listen();
    this.#watchFirstFrame();
    this.#open();
  }

  /** What is wrong now, or null. */
  get trouble(): ReadonlySignal<Trouble | null> {
    return this.#trouble;
  }

  /** True while the sound is off only because the browser insisted. */
  get silenced(): ReadonlySignal<boolean> {
    return this.#silenced;
  }

  /** True from the first frame, or the first sound, on. */
  get started(): ReadonlySignal<boolean> {
    return this.#started;
  }

  get settings(): ReadonlySignal<PlayerSettings> {
    return this.#settings;
  }

  /** Where playing is, to the second. */
  get time(): ReadonlySignal<PlayerTime> {
    return this.#time;
  }

  stats(): ShoalStats {
    const ahead = bufferedAhead(this.#media.buffered, this.#media.currentTime);
    return this.#stats.snapshot(ahead, this.sharing());
  }

  /** How the video plays at this moment. */
  facts(): PlaybackFacts {
    return readFacts(this.#media, this.#stream?.hls ?? null, this.#stats, this.sharing());
  }

  /** What is shared with other viewers; null where nothing can be, as where the browser plays the stream by itself. */
  sharing(): SharingFacts | null {
    return this.#sharing?.current?.facts() ?? null;
  }

  /** Where playing is, and what is known of where the film comes from. */
  moment(): PlaybackMoment {
    const { buffered, currentTime: position } = this.#media;
    return { position, bufferSeconds: bufferedAhead(buffered, position), sharing: this.sharing() };
  }

  destroy(): void {
    this.#tellPosition();
    this.#listeners.abort();
    this.#options.headStart.end();
    this.#screen.wanted = false;
    this.#stream?.destroy();
    this.#stream = null;
    this.#sharing?.destroy();
    this.#sharing = null;
    this.#media.removeAttribute("src");
    this.#media.load();
  }

  unmute(): void {
    this.#media.muted = false;
    if (this.#media.volume === 0) this.#media.volume = 1;
    this.#silenced.value = false;
  }

  chooseQuality(id: number): void {
    if (this.#stream === null) return;
    this.#stream.hls.nextLevel = id;
    this.#refreshSettings();
  }

  chooseSound(id: number): void {
    const hls = this.#stream?.hls;
    if (hls === undefined) return;
    hls.audioTrack = id;
    const language = hls.audioTracks[id]?.lang;
    if (language) this.#options.languages.sound = language;
    this.#refreshSettings();
  }

  /** Shows the subtitles with this id, or none. */
  chooseText(id: number): void {
    const hls = this.#stream?.hls;
    if (hls === undefined) return;
    const language = hls.subtitleTracks[id]?.lang;
    if (id === noText) this.#options.languages.text = "off";
    else if (language) this.#options.languages.text = language;
    if (id !== noText) this.#lastText = id;
    hls.subtitleDisplay = true;
    hls.subtitleTrack = id;
    this.#refreshSettings();
  }

  /** Shows subtitles, those that were shown last if any were, or hides them. */
  toggleText(): void {
    const { texts, text } = this.#settings.value;
    const last = texts.some(({ id }) => id === this.#lastText) ? this.#lastText : 0;
    if (texts.length > 0) this.chooseText(text === noText ? last : noText);
  }

  /** Goes on with the next sound track, and after the last one with the first. */
  nextSound(): void {
    const { sounds, sound } = this.#settings.value;
    if (sounds.length > 0) this.chooseSound((sound + 1) % sounds.length);
  }

  chooseRate(rate: number): void {
    this.#media.playbackRate = rate;
  }

  /** Goes to a position in seconds, or to the end when that is earlier. */
  seekTo(position: number): void {
    this.#media.currentTime = Math.max(0, Math.min(position, this.#end()));
  }

  /** Does what a key asks of the video; what belongs to the controls or to the page is left to them. */
  act(action: KeyAction): void {
    const media = this.#media;
    if (action.kind === "toggle-play") this.#togglePlay();
    else if (action.kind === "seek-by") this.seekTo(media.currentTime + action.seconds);
    else if (action.kind === "seek-to") this.seekTo(this.#end() * action.fraction);
    else if (action.kind === "volume-by") this.#changeVolume(action.amount);
    else if (action.kind === "toggle-mute") this.#toggleMute();
    else if (action.kind === "toggle-captions") this.toggleText();
    else if (action.kind === "next-sound") this.nextSound();
    else if (action.kind === "frame-step") this.#stepFrame(action.direction);
    else if (action.kind === "speed-step")
      media.playbackRate = nextRate(media.playbackRate, action.direction);
  }

  #open(): void {
    const { media } = this.#options;
    if (Hls.isSupported()) {
      const sharing = new StreamSharing(this.#options);
      this.#sharing = sharing;
      this.#stream = new HlsStream({ ...this.#options, sharing }, this.#stats, {
        onTracks: () => this.#refreshSettings(),
        onTrouble: (trouble) => {
          this.#trouble.value = trouble;
        },
      });
    } else if (media.canPlayType("application/vnd.apple.mpegurl") !== "") {
      this.#openNatively();
    } else {
      this.#trouble.value = cannotStream;
    }
  }

  /** iPhones before iOS 17.1 play HLS themselves. */
  #openNatively(): void {
    const { media, source, startPosition } = this.#options;
    this.#on("loadedmetadata", () => {
      if (startPosition > 0) media.currentTime = startPosition;
    });
    this.#on("error", () => {
      this.#trouble.value = passingTrouble(0);
    });
    media.src = source;
  }

  #on(type: string, handler: () => void): void {
    this.#media.addEventListener(type, handler, { signal: this.#listeners.signal });
  }

  #listen(): void {
    const note = (event: PlaybackEvent) => () => this.#stats.notePlayback(event);
    for (const type of ["playing", "seeking", "pause", "ended"] as const) this.#on(type, note(type));
    this.#on("waiting", () => {
      // A busy browser tells of it when it is over already.
      if (!this.#hasData()) this.#stats.notePlayback("waiting");
    });
    this.#on("seeking", () => {
      this.#soughtTo = this.#media.currentTime;
      // The first one is that of the player itself, to where it begins.
      if (this.#started.value) this.#stream?.seek();
    });
    this.#on("loadedmetadata", () => void this.#start());
    this.#on("timeupdate", () => this.#onTime());
    for (const type of ["timeupdate", "seeking", "durationchange"]) this.#on(type, () => this.#showTime());
    this.#on("seeked", () => this.#stats.noteSeeked());
    this.#on("pause", () => this.#tellPosition());
    this.#on("ended", () => this.#tellPosition());
    this.#on("volumechange", () => this.#onVolume());
    this.#keepScreenOn();
    this.#on("ratechange", () => this.#refreshSettings());
    window.addEventListener("pagehide", () => this.#tellPosition(), { signal: this.#listeners.signal });
  }

  /** While a picture moves; sound alone may play on in the dark. */
  #keepScreenOn(): void {
    const look = () => {
      this.#screen.wanted = !this.#media.paused && this.#media.videoWidth > 0;
    };
    for (const type of ["playing", "pause", "ended", "emptied"]) this.#on(type, look);
    document.addEventListener("visibilitychange", look, { signal: this.#listeners.signal });
  }

  #watchFirstFrame(): void {
    const media = this.#media;
    if ("requestVideoFrameCallback" in media) {
      media.requestVideoFrameCallback(() => this.#onFirstFrame());
    } else {
      this.#on("loadeddata", () => this.#onFirstFrame());
    }
    // Sound alone presents no frames.
    this.#on("playing", () => {
      if (media.videoWidth === 0) this.#onFirstFrame();
    });
  }

  #onFirstFrame(): void {
    this.#stats.noteFrame();
    this.#stats.noteOriginBytes(this.#options.headStart.end());
    this.#started.value = true;
  }

  /** Starts playing; without sound where the browser allows only that. */
  async #start(): Promise<void> {
    if (!this.#media.paused) return;
    if (await this.#tryToPlay()) return;
    const wasMuted = this.#media.muted;
    this.#media.muted = true;
    const plays = await this.#tryToPlay();
    if (!plays) this.#media.muted = wasMuted;
    this.#silenced.value = plays && !wasMuted;
  }

  /** Returns false when the browser wants a gesture first. */
  async #tryToPlay(): Promise<boolean> {
    try {
      await this.#media.play();
      return true;
    } catch (error) {
      return !(error instanceof DOMException && error.name === "NotAllowedError");
    }
  }

  #onTime(): void {
    const media = this.#media;
    if (!media.seeking && !media.paused && this.#hasData() && media.currentTime > this.#soughtTo) {
      this.#stats.notePlayback("advance");
    }
    const now = performance.now();
    if (now - this.#savedAt < 5000) return;
    this.#savedAt = now;
    this.#tellPosition();
  }

  /** Whether more than the present picture is there. */
  #hasData(): boolean {
    return this.#media.readyState >= this.#media.HAVE_FUTURE_DATA;
  }

  #showTime(): void {
    const [position, end] = [Math.floor(this.#media.currentTime), Math.floor(this.#end())];
    const shown = this.#time.value;
    if (shown.position !== position || shown.end !== end) this.#time.value = { position, end };
  }

  #tellPosition(): void {
    if (this.#media.readyState === 0) return;
    this.#options.onPosition(this.#media.currentTime, this.#end());
  }

  #onVolume(): void {
    if (!this.#media.muted) this.#silenced.value = false;
  }

  /** The end of what can be played now, in seconds. */
  #end(): number {
    const { duration, seekable } = this.#media;
    if (Number.isFinite(duration)) return duration;
    return seekable.length > 0 ? seekable.end(seekable.length - 1) : 0;
  }

  #togglePlay(): void {
    if (this.#media.paused) void this.#tryToPlay();
    else this.#media.pause();
  }

  /** A step of a little more than a picture's time never shows the same picture twice. */
  #stepFrame(direction: 1 | -1): void {
    const hls = this.#stream?.hls;
    const rate = hls?.levels[hls.currentLevel]?.frameRate || usualFrameRate;
    if (this.#media.paused) this.seekTo(this.#media.currentTime + (direction * 1.001) / rate);
  }

  #changeVolume(amount: number): void {
    const volume = Math.min(1, Math.max(0, this.#media.volume + amount));
    this.#media.volume = Math.round(volume * 100) / 100;
    if (amount > 0) this.#media.muted = false;
  }

  #toggleMute(): void {
    this.#media.muted = !this.#media.muted;
  }

  #refreshSettings(): void {
    const hls = this.#stream?.hls;
    const playing = hls?.levels[hls.currentLevel >= 0 ? hls.currentLevel : hls.loadLevel];
    this.#settings.value = {
      qualities: qualityChoices(hls?.levels ?? []),
      quality: hls === undefined || hls.autoLevelEnabled ? autoQuality : hls.manualLevel,
      autoPicked: playing && playing.height > 0 ? qualityName(playing.width, playing.height) : "",
      sounds: soundChoices(hls?.audioTracks ?? [], languageName),
      sound: hls?.audioTrack ?? 0,
      texts: textChoices(hls?.subtitleTracks ?? [], languageName),
      // hls.js may have one ready that it does not show.
      text: hls?.subtitleDisplay ? hls.subtitleTrack : noText,
      rate: this.#media.playbackRate,
    };
  }
}
