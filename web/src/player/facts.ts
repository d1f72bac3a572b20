import type Hls from "hls.js";
import type { SharingFacts } from "../swarm/facts.ts";
import { bufferedAhead, type PlaybackStats } from "./playback-stats.ts";
import { sharingLines } from "./sharing-lines.ts";
import { qualityName } from "./tracks.ts";

/** How a video plays at one moment. Times in ms, sizes in pixels; null or 0 where nothing is known. */
export interface PlaybackFacts {
  readonly firstFrameMs: number | null;
  readonly bufferSeconds: number;
  readonly stalls: number;
  readonly stallMs: number;
  readonly lastSeekMs: number | null;
  readonly originBytes: number;
  readonly picture: { readonly width: number; readonly height: number };
  readonly shownAt: { readonly width: number; readonly height: number };
  /** The quality that plays, as the quality list names it; "" before it is known. */
  readonly quality: string;
  readonly pickedByPlayer: boolean;
  readonly frames: { readonly total: number; readonly dropped: number };
  readonly codecs: readonly string[];
  /** What the connection carries, in bits a second. */
  readonly connection: number;
  readonly secureContext: boolean;
  /** Null where nothing can be shared. */
  readonly sharing: SharingFacts | null;
}

/** Reads the facts of a playback; hls is null where the browser plays the stream by itself. */
export function readFacts(
  media: HTMLVideoElement,
  hls: Hls | null,
  stats: PlaybackStats,
  sharing: SharingFacts | null,
): PlaybackFacts {
  const ahead = bufferedAhead(media.buffered, media.currentTime);
  const { firstFrameMs, bufferSeconds, stalls, stallMs, bytes } = stats.snapshot(ahead, sharing);
  const { videoWidth, videoHeight, clientWidth, clientHeight } = media;
  const quality = media.getVideoPlaybackQuality?.();
  const level = hls?.levels[hls.currentLevel];
  return {
    firstFrameMs,
    bufferSeconds,
    stalls,
    stallMs,
    lastSeekMs: stats.lastSeekMs,
    originBytes: bytes.origin,
    picture: { width: videoWidth, height: videoHeight },
    shownAt: { width: clientWidth, height: clientHeight },
    quality: videoHeight > 0 ? qualityName(videoWidth, videoHeight) : "",
    pickedByPlayer: hls?.autoLevelEnabled ?? true,
    frames: { total: quality?.totalVideoFrames ?? 0, dropped: quality?.droppedVideoFrames ?? 0 },
    codecs: [level?.videoCodec, level?.audioCodec].flatMap((codec) => codec || []),
    connection: hls?.bandwidthEstimate ?? 0,
    secureContext: window.isSecureContext,
    sharing,
  };
}

/** One fact as it is shown. */
export interface FactLine {
  readonly name: string;
  readonly value: string;
}

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const unknown = "not known yet";

/** The facts in the order and the words in which a viewer sees them. */
export function linesOf(facts: PlaybackFacts): FactLine[] {
  const { picture, shownAt, frames } = facts;
  return [
    { name: "Start", value: milliseconds(facts.firstFrameMs, unknown) },
    { name: "Buffer", value: `${facts.bufferSeconds.toFixed(1)} s` },
    { name: "Quality", value: qualityOf(facts) },
    { name: "Picture", value: picture.height > 0 ? sizeOf(picture) : "none" },
    { name: "Shown at", value: sizeOf(shownAt) },
    { name: "Frames", value: `${whole.format(frames.total)}, ${whole.format(frames.dropped)} dropped` },
    { name: "Codecs", value: facts.codecs.join(", ") || unknown },
    {
      name: "Connection",
      value: facts.connection > 0 ? `about ${(facts.connection / 1e6).toFixed(1)} Mbit/s` : unknown,
    },
    { name: "From the box", value: `${(facts.originBytes / 1e6).toFixed(1)} MB` },
    { name: "Stalls", value: facts.stalls === 0 ? "none" : `${facts.stalls}, ${seconds(facts.stallMs)}` },
    { name: "Last seek", value: milliseconds(facts.lastSeekMs, "none yet") },
    { name: "Secure context", value: facts.secureContext ? "yes" : "no, plain HTTP" },
    ...sharingLines(facts.sharing),
  ];
}

/** The facts as text to pass on, one line each. */
export function textOf(lines: readonly FactLine[]): string {
  return lines.map(({ name, value }) => `${name}: ${value}`).join("\n");
}

function qualityOf(facts: PlaybackFacts): string {
  if (facts.quality === "") return unknown;
  return `${facts.quality}, ${facts.pickedByPlayer ? "picked by the player" : "picked by you"}`;
}

function sizeOf(size: { width: number; height: number }): string {
  return `${size.width}×${size.height}`;
}

function milliseconds(value: number | null, otherwise: string): string {
  return value === null ? otherwise : `${whole.format(value)} ms`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s in all`;
}
