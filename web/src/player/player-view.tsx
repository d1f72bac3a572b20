import { type Signal, useSignal } from "@preact/signals";
import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import type { SharingWishes } from "../swarm/wishes.ts";
import { type Chapter, showChapters } from "./chapters.ts";
import { formatDuration } from "./duration.ts";
import type { HeadStart } from "./head-start.ts";
import { type Echo, KeyEcho } from "./key-echo.tsx";
import { listenToKeys, type PageWish } from "./key-listener.ts";
import type { LanguageMemory } from "./language-memory.ts";
import {
  alwaysShown,
  MediaController,
  MediaFullscreenButton,
  MediaLoadingIndicator,
  MediaMuteButton,
  MediaPipButton,
  MediaPlayButton,
  MediaTimeRange,
  MediaVolumeRange,
} from "./media-elements.ts";
import type { PlaybackMoment } from "./moment.ts";
import type { ShoalStats } from "./playback-stats.ts";
import { Player } from "./player.ts";
import { SettingsMenu } from "./settings-menu.tsx";
import { canStyleShadowRoots } from "./shadow-styles.ts";
import { StatsPanel } from "./stats-panel.tsx";

export interface PlayerViewProps {
  /** The address of the master playlist. */
  readonly source: string;
  /** Where to begin, in seconds. */
  readonly startPosition: number;
  /** When the page was asked for, on the clock of performance.now. */
  readonly navigation: number;
  readonly title: string;
  readonly poster: string | null;
  /** True for a recording without a picture. */
  readonly soundOnly: boolean;
  /** The address of a WebVTT file that names small pictures of the video, or null. */
  readonly storyboard: string | null;
  readonly chapters: readonly Chapter[];
  /** The length in seconds, 0 before it is known. */
  readonly duration: number;
  readonly languages: LanguageMemory;
  /** What was asked for before the player was there. */
  readonly headStart: HeadStart;
  readonly keysEnabled: boolean;
  readonly wishes: SharingWishes;
  readonly onPosition: (position: number, duration: number) => void;
  /** Called with a way to read the statistics, and with null when playing ends. */
  readonly onStats: (read: (() => ShoalStats) | null) => void;
  /** Called with a way to read how playing and sharing go, and with null when playing ends. */
  readonly onMoments: (read: (() => PlaybackMoment) | null) => void;
  /** Called with a way to go to a position in seconds, and with null when playing ends. */
  readonly onSeeker: (seek: ((position: number) => void) | null) => void;
  /** Does what a key asked of the page, and returns what to say of it; "" says nothing. */
  readonly onWish: (wish: PageWish) => string;
  /** Called when the list of keys is asked for. */
  readonly onKeyList: () => void;
}

/** A video with its controls. It plays from mounting until unmounting; changed sources need a new key. */
export function PlayerView(props: PlayerViewProps) {
  const media = useRef<HTMLVideoElement>(null);
  const frame = useRef<HTMLElement>(null);
  const player = useSignal<Player | null>(null);
  const echo = useSignal<Echo | null>(null);
  const menuOpen = useSignal(false);
  const statsOpen = useSignal(false);
  usePlayer(props, media, player);
  useChapters(props, media);
  const controls = useControls(player);
  // What is not needed for the first frame waits for it.
  const started = player.value?.started.value ?? false;
  useKeys(props, { player, media, frame, echo, statsOpen });
  return (
    <Frame frameRef={frame} keepControls={menuOpen.value}>
      <video
        slot="media"
        ref={media}
        class="player-video"
        playsInline
        preload="auto"
        controls={controls.value === "missing"}
        {...(props.poster === null ? {} : { poster: props.poster })}
        aria-label={props.title}
      >
        {started && props.storyboard !== null && <Storyboard source={props.storyboard} />}
      </video>
      {props.soundOnly && <SoundOnly title={props.title} />}
      {controls.value === "awaited" && !started && <Waiting />}
      <Overlays player={player} echo={echo} startPosition={props.startPosition} />
      {player.value !== null && statsOpen.value && <StatsPanel player={player.value} open={statsOpen} />}
      {canStyleShadowRoots() && (
        <ControlBar player={player} menuOpen={menuOpen} statsOpen={statsOpen} onKeyList={props.onKeyList} />
      )}
    </Frame>
  );
}

function usePlayer(
  props: PlayerViewProps,
  media: RefObject<HTMLVideoElement | null>,
  current: Signal<Player | null>,
): void {
  useLayoutEffect(() => {
    if (media.current === null) return;
    const { source, startPosition, languages, headStart, navigation, wishes } = props;
    const { onPosition, onStats, onMoments, onSeeker } = props;
    const player = new Player({
      media: media.current,
      source,
      startPosition,
      languages,
      headStart,
      navigation,
      wishes,
      onPosition,
    });
    current.value = player;
    onStats(() => player.stats());
    onMoments(() => player.moment());
    onSeeker((position) => player.seekTo(position));
    return () => {
      current.value = null;
      onStats(null);
      onMoments(null);
      onSeeker(null);
      player.destroy();
    };
  }, []);
}

/** How long a viewer waits for the controls when there is no frame yet, in ms. */
const controlsAtLatestMs = 3000;

/**
 * Loads the controls once the first frame is there, so that they do not keep it waiting; sooner when there is
 * something to say. "missing" where there are none: then the browser's own must do.
 */
function useControls(current: Signal<Player | null>): Signal<"awaited" | "there" | "missing"> {
  const state = useSignal<"awaited" | "there" | "missing">(canStyleShadowRoots() ? "awaited" : "missing");
  const player = current.value;
  const late = useSignal(false);
  const due = late.value || player?.started.value === true || player?.trouble.value != null;
  useEffect(() => {
    const timer = setTimeout(() => {
      late.value = true;
    }, controlsAtLatestMs);
    return () => clearTimeout(timer);
  }, []);
  useEffect(() => {
    if (!due || state.value !== "awaited") return;
    const load = async () => {
      try {
        await import("./controls.ts");
        state.value = "there";
      } catch {
        state.value = "missing";
      }
    };
    void load();
  }, [due]);
  return state;
}

function useChapters(props: PlayerViewProps, media: RefObject<HTMLVideoElement | null>): void {
  const { chapters, duration } = props;
  useEffect(() => {
    if (media.current !== null) showChapters(media.current, chapters, duration);
  }, [JSON.stringify(chapters), duration]);
}

interface KeyParts {
  readonly player: Signal<Player | null>;
  readonly media: RefObject<HTMLVideoElement | null>;
  readonly frame: RefObject<HTMLElement | null>;
  readonly echo: Signal<Echo | null>;
  readonly statsOpen: Signal<boolean>;
}

function useKeys(props: PlayerViewProps, parts: KeyParts): void {
  const latest = useRef(props);
  latest.current = props;
  const { player, media, frame, echo, statsOpen } = parts;
  // Before the next paint: a key that follows the switch at once must find it switched.
  useLayoutEffect(() => {
    if (player.value === null || media.current === null || !props.keysEnabled) return;
    return listenToKeys({
      player: player.value,
      media: media.current,
      frame: () => frame.current,
      chapters: () => latest.current.chapters,
      echo,
      statsOpen,
      onWish: (wish) => latest.current.onWish(wish),
    });
  }, [player.value, props.keysEnabled]);
}

/** media-chrome finds the pictures for its preview by this label. */
function Storyboard({ source }: { source: string }) {
  const track = useRef<HTMLTrackElement>(null);
  useEffect(() => {
    // A browser loads a track only once it is switched on.
    if (track.current !== null) track.current.track.mode = "hidden";
  }, []);
  return <track ref={track} kind="metadata" label="thumbnails" src={source} default />;
}

/** media-chrome's controller; a plain box in browsers that cannot style its controls. */
function Frame(props: {
  frameRef: RefObject<HTMLElement | null>;
  keepControls: boolean;
  children: ComponentChildren;
}) {
  if (!canStyleShadowRoots()) return <div class="player">{props.children}</div>;
  return (
    <MediaController
      ref={props.frameRef}
      class="player"
      nohotkeys=""
      nomutedpref=""
      autohide={props.keepControls ? "-1" : "3"}
    >
      {props.children}
    </MediaController>
  );
}

function ControlBar(props: {
  player: Signal<Player | null>;
  menuOpen: Signal<boolean>;
  statsOpen: Signal<boolean>;
  onKeyList: () => void;
}) {
  const player = props.player.value;
  return (
    <div class="player-bar">
      <MediaTimeRange class="player-seek" />
      <div class="player-buttons">
        <MediaPlayButton />
        <MediaMuteButton />
        <MediaVolumeRange class="player-volume" />
        {player !== null && <TimeText player={player} />}
        <span class="player-gap" />
        {player !== null && (
          <SettingsMenu
            player={player}
            open={props.menuOpen}
            statsOpen={props.statsOpen}
            onKeyList={props.onKeyList}
          />
        )}
        <MediaPipButton class="player-pip" />
        <MediaFullscreenButton />
      </div>
    </div>
  );
}

function Overlays(props: {
  player: Signal<Player | null>;
  echo: Signal<Echo | null>;
  startPosition: number;
}) {
  const player = props.player.value;
  const trouble = player?.trouble.value ?? null;
  return (
    <>
      <MediaLoadingIndicator slot="centered-chrome" noautohide="">
        <Spinner />
      </MediaLoadingIndicator>
      <KeyEcho echo={props.echo} />
      <div slot="top-chrome" class="player-top" {...alwaysShown}>
        <div role="status">{trouble?.kind === "passing" && <p class="player-banner">{trouble.text}</p>}</div>
        {player?.silenced.value && (
          <button type="button" class="player-chip" onClick={() => player.unmute()}>
            Sound is off. Turn it on
          </button>
        )}
        {player !== null && props.startPosition > 0 && <FromTheStart player={player} />}
      </div>
      {trouble?.kind === "final" && (
        <div slot="top-chrome" class="player-failure" role="alert" {...alwaysShown}>
          <h2>{trouble.what}</h2>
          <p>{trouble.why}</p>
          <p>{trouble.remedy}</p>
          <p class="player-code">Code: {trouble.code}</p>
        </div>
      )}
    </>
  );
}

/** Turns until the first frame, where the controls do not say so yet. */
function Waiting() {
  return <span class="spinner" aria-hidden="true" />;
}

/** How far, of how much; for the eye only, because the seek bar tells the same to screen readers. */
function TimeText({ player }: { player: Player }) {
  const { position, end } = player.time.value;
  return (
    <span class="player-time" aria-hidden="true">
      {formatDuration(position)} / {formatDuration(end)}
    </span>
  );
}

const offerMs = 8000;

/** For who wants to see all of a film again: offered for a while when it goes on where it was left. */
function FromTheStart({ player }: { player: Player }) {
  const offered = useSignal(true);
  useEffect(() => {
    const timer = setTimeout(() => {
      offered.value = false;
    }, offerMs);
    return () => clearTimeout(timer);
  }, []);
  if (!offered.value) return null;
  const restart = () => {
    offered.value = false;
    player.act({ kind: "seek-to", fraction: 0 });
  };
  return (
    <button type="button" class="player-chip" onClick={restart}>
      From the start
    </button>
  );
}

function SoundOnly(props: { title: string }) {
  return (
    <div slot="poster" class="player-sound">
      <svg viewBox="0 0 64 40" aria-hidden="true">
        <path d="M4 20h4M14 12v16M24 5v30M34 14v12M44 8v24M54 16v8M60 20h.01" />
      </svg>
      <p>{props.title}</p>
      <p class="player-sound-note">Sound only</p>
    </div>
  );
}

/** In the place of media-chrome's own, which turns unseen all the time and has the page drawn anew sixty times a second. */
function Spinner() {
  return (
    <svg slot="icon" class="player-spinner" aria-hidden="true" viewBox="0 0 100 100">
      <path d="M73,50c0-12.7-10.3-23-23-23S27,37.3,27,50 M30.9,50c0-10.5,8.5-19.1,19.1-19.1S69.1,39.5,69.1,50" />
    </svg>
  );
}
