import { type Signal, useSignal } from "@preact/signals";
import { useLayoutEffect, useRef } from "preact/hooks";
import { ApiError, messageOf } from "../api/request.ts";
import { isBusy, isSoundOnly, type Video } from "../api/video.ts";
import type { PageWish } from "../player/key-listener.ts";
import type { PlaybackMoment } from "../player/moment.ts";
import { PlaybackStats, type ShoalStats } from "../player/playback-stats.ts";
import type { PlayerViewProps } from "../player/player-view.tsx";
import { type App, useApp } from "./app-context.ts";
import { ChapterList } from "./chapter-list.tsx";
import { masterPlaylist } from "./film-opener.ts";
import { loadPlayer } from "./load-player.ts";
import { scrollToSources } from "./sources/load-sources.ts";
import { SourcesSection } from "./sources/sources-section.tsx";
import { usePoll } from "./use-poll.ts";
import { useTitle } from "./use-title.ts";
import { VideoDetails } from "./video-details.tsx";
import { Failed, NotFound, Preparing, Trashed, Unreachable } from "./watch-states.tsx";

const busyIntervalMs = 1000;
const quietIntervalMs = 20_000;

type PlayerComponent = (props: PlayerViewProps) => preact.VNode;

declare global {
  interface Window {
    /** Facts about the video that plays, for scripts. */
    shoal?: { stats(): ShoalStats };
  }
}

/** One video: the player at once, and what is known of the video as it comes. */
export function WatchPage({ id }: { id: string }) {
  const { api, preferences, opener, subtitlesChanged } = useApp();
  const sharing = useSignal(false);
  const seeker = useSignal<((position: number) => void) | null>(null);
  const moments = useSignal<(() => PlaybackMoment) | null>(null);
  const video = useSignal<Video | null>(null);
  const error = useSignal<unknown>(null);
  useLayoutEffect(() => {
    void opener.open(id);
    return () => void opener.headStart.end();
  }, []);
  useTitle(video.value?.title ?? "Watch");
  const look = async (signal?: AbortSignal) => {
    try {
      video.value = await api.getVideo(id, signal);
      error.value = null;
    } catch (reason) {
      signal?.throwIfAborted();
      error.value = reason;
      throw reason;
    }
  };
  usePoll(look, () => (video.value === null || isBusy(video.value) ? busyIntervalMs : quietIntervalMs), id);
  if (error.value instanceof ApiError && error.value.status === 404) return <NotFound />;
  if (video.value === null && error.value !== null) {
    return <Unreachable message={messageOf(error.value)} onRetry={() => void look().catch(() => {})} />;
  }
  return (
    <article class={preferences.theatre.value ? "watch theatre" : "watch"}>
      <Stage
        id={id}
        video={video.value}
        sharing={sharing}
        seeker={seeker}
        moments={moments}
        onRestored={(restored) => {
          video.value = restored;
        }}
      />
      {video.value !== null && (
        <VideoDetails
          video={video}
          sharing={sharing}
          onStopped={() => void look().catch(() => {})}
          onSubtitles={() => {
            subtitlesChanged.value += 1;
          }}
        />
      )}
      {video.value !== null && seeker.value !== null && moments.value !== null && (
        <SourcesSection read={moments.value} duration={video.value.duration} onSeek={seeker.value} />
      )}
      {video.value !== null && seeker.value !== null && (
        <ChapterList chapters={video.value.chapters} onChoose={seeker.value} />
      )}
    </article>
  );
}

interface StageProps {
  readonly id: string;
  readonly video: Video | null;
  /** Whether the address of the video is shown to pass on. */
  readonly sharing: Signal<boolean>;
  /** How to go to a position in seconds; null while nothing plays. */
  readonly seeker: Signal<((position: number) => void) | null>;
  /** How to read how playing and sharing go; null while nothing plays. */
  readonly moments: Signal<(() => PlaybackMoment) | null>;
  readonly onRestored: (video: Video) => void;
}

/** What stands in the picture's place: the player, or why there is none. */
function Stage(props: StageProps) {
  const { video } = props;
  const player = usePlayerComponent();
  const reopening = useReopening();
  if (video?.state === "trashed") return <Trashed video={video} onRestored={props.onRestored} />;
  if (video?.state === "failed") return <Failed video={video} onRetried={props.onRestored} />;
  if (video !== null && !video.playable) return <Preparing video={video} />;
  return (
    <div class="stage">
      {player.value === "failed" && <PlayerMissing />}
      {(player.value === null || reopening) && <Waiting poster={video?.poster ?? null} />}
      {typeof player.value === "object" && player.value !== null && !reopening && (
        <Playing {...props} player={player.value.component} />
      )}
    </div>
  );
}

/**
 * True for a moment when the video got other subtitles: players read the list of them when they open a video. The old
 * one is closed first, so that the new one goes on where that was.
 */
function useReopening(): boolean {
  const { subtitlesChanged } = useApp();
  const opened = useSignal(subtitlesChanged.value);
  const reopening = opened.value !== subtitlesChanged.value;
  useLayoutEffect(() => {
    if (reopening) opened.value = subtitlesChanged.value;
  }, [reopening]);
  return reopening;
}

function usePlayerComponent(): Signal<{ component: PlayerComponent } | "failed" | null> {
  const loaded = useSignal<{ component: PlayerComponent } | "failed" | null>(null);
  useLayoutEffect(() => {
    const load = async () => {
      try {
        loaded.value = { component: await loadPlayer() };
      } catch {
        loaded.value = "failed";
      }
    };
    void load();
  }, []);
  return loaded;
}

function Playing(props: StageProps & { player: PlayerComponent }) {
  const app = useApp();
  const { resume, router, preferences, languages, opener } = app;
  const { id, video, player: PlayerView } = props;
  const length = useRef(0);
  length.current = video?.duration ?? 0;
  const publish = useStats();
  return (
    <PlayerView
      source={masterPlaylist(id)}
      startPosition={opener.startOf(id)}
      navigation={router.startedAt}
      title={video?.title ?? ""}
      poster={video?.poster ?? null}
      soundOnly={video !== null && isSoundOnly(video)}
      storyboard={video?.storyboard ?? null}
      chapters={video?.chapters ?? []}
      duration={video?.duration ?? 0}
      languages={languages}
      headStart={opener.headStart}
      keysEnabled={preferences.keysEnabled.value}
      onPosition={(position, duration) => resume.save(id, position, Math.max(duration, length.current))}
      wishes={{ name: preferences.name, share: preferences.share, metered: app.metered }}
      onStats={publish}
      onMoments={(read) => {
        props.moments.value = read;
      }}
      onSeeker={(seek) => {
        props.seeker.value = seek;
      }}
      onWish={(wish) => fulfil(wish, app, props.sharing)}
      onKeyList={() => {
        app.keyListOpen.value = true;
      }}
    />
  );
}

/** Does what a key asked of the page, and says what to show of it. */
function fulfil(wish: PageWish, { preferences }: App, sharing: Signal<boolean>): string {
  if (wish === "share") {
    sharing.value = true;
    return "";
  }
  if (wish === "toggle-sources") {
    preferences.sourcesOpen.value = !preferences.sourcesOpen.value;
    if (!preferences.sourcesOpen.value) return "Where it comes from: folded";
    // It unfolds below the picture, often out of sight. What cannot be loaded says so itself.
    void scrollToSources().catch(() => {});
    return "Where it comes from: below";
  }
  preferences.theatre.value = !preferences.theatre.value;
  return preferences.theatre.value ? "Theatre" : "Usual width";
}

/** Publishes window.shoal while the page is shown; returns how to say where the numbers come from. */
function useStats(): (read: (() => ShoalStats) | null) => void {
  const source = useRef<(() => ShoalStats) | null>(null);
  useLayoutEffect(() => {
    const none = new PlaybackStats(() => 0, 0);
    window.shoal = { stats: () => source.current?.() ?? none.snapshot(0) };
    return () => {
      delete window.shoal;
    };
  }, []);
  return (read) => {
    source.current = read;
  };
}

function Waiting({ poster }: { poster: string | null }) {
  return (
    <div class="stage-waiting" aria-busy="true">
      {poster !== null && <img src={poster} alt="" />}
      <span class="spinner" role="status">
        <span class="visually-hidden">Starting…</span>
      </span>
    </div>
  );
}

function PlayerMissing() {
  return (
    <div class="stage-message" role="alert">
      <p>The player could not be loaded.</p>
      <button type="button" class="button" onClick={() => location.reload()}>
        Reload the page
      </button>
    </div>
  );
}
