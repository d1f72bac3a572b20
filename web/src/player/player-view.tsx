import "./player.css";
import { type Signal, useSignal } from "@preact/signals";
import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { formatDuration } from "./duration.ts";
import { type Echo, KeyEcho } from "./key-echo.tsx";
import { listenToKeys } from "./key-listener.ts";
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
import type { ShoalStats } from "./playback-stats.ts";
import { Player } from "./player.ts";
import { SettingsMenu } from "./settings-menu.tsx";
import { canStyleShadowRoots } from "./shadow-styles.ts";

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
  readonly keysEnabled: boolean;
  readonly onPosition: (position: number, duration: number) => void;
  /** Called with a way to read the statistics, and with null when playing ends. */
  readonly onStats: (read: (() => ShoalStats) | null) => void;
}

/** A video with its controls. It plays from mounting until unmounting; changed sources need a new key. */
export function PlayerView(props: PlayerViewProps) {
  const media = useRef<HTMLVideoElement>(null);
  const frame = useRef<HTMLElement>(null);
  const player = useSignal<Player | null>(null);
  const echo = useSignal<Echo | null>(null);
  const menuOpen = useSignal(false);
  usePlayer(props, media, player);
  useEffect(() => {
    if (player.value === null || !props.keysEnabled) return;
    return listenToKeys(player.value, () => frame.current, media, echo);
  }, [player.value, props.keysEnabled]);
  return (
    <Frame frameRef={frame} keepControls={menuOpen.value}>
      <video
        slot="media"
        ref={media}
        class="player-video"
        playsInline
        preload="auto"
        controls={!canStyleShadowRoots()}
        {...(props.poster === null ? {} : { poster: props.poster })}
        aria-label={props.title}
      />
      {props.soundOnly && <SoundOnly title={props.title} />}
      <Overlays player={player} echo={echo} startPosition={props.startPosition} />
      {canStyleShadowRoots() && <ControlBar player={player} menuOpen={menuOpen} />}
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
    const { source, startPosition, navigation, onPosition, onStats } = props;
    const player = new Player({ media: media.current, source, startPosition, navigation, onPosition });
    current.value = player;
    onStats(() => player.stats());
    return () => {
      current.value = null;
      onStats(null);
      player.destroy();
    };
  }, []);
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

function ControlBar(props: { player: Signal<Player | null>; menuOpen: Signal<boolean> }) {
  return (
    <div class="player-bar">
      <MediaTimeRange class="player-seek" />
      <div class="player-buttons">
        <MediaPlayButton />
        <MediaMuteButton />
        <MediaVolumeRange class="player-volume" />
        {props.player.value !== null && <TimeText player={props.player.value} />}
        <span class="player-gap" />
        {props.player.value !== null && <SettingsMenu player={props.player.value} open={props.menuOpen} />}
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
      <MediaLoadingIndicator slot="centered-chrome" noautohide="" />
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
