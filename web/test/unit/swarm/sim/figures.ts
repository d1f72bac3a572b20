import type { Viewer, World } from "./world.ts";

export interface Figures {
  readonly originMb: number;
  /** Bytes from the origin, and all bytes got, by bytes watched. */
  readonly originByWatched: number;
  readonly fetchedByWatched: number;
  /** The part of the possible (N-1)/N that came from peers, each viewer's first segment aside. */
  readonly saved: number;
  readonly duplicates: number;
  readonly firstFrameMs: { readonly median: number; readonly worst: number };
  readonly stalls: number;
  readonly stallSeconds: number;
  readonly wrongBytes: number;
  readonly failures: number;
}

export function figuresOf(world: World, viewers: readonly Viewer[] = world.viewers): Figures {
  const bytes = viewers.map(({ swarm }) => swarm.bytes);
  const origin = sum(bytes.map((counts) => counts.origin));
  const peers = sum(bytes.map((counts) => counts.peers));
  const duplicate = sum(bytes.map((counts) => counts.duplicate));
  const watched = sum(viewers.map((viewer) => watchedBytes(world, viewer)));
  const first = sum(viewers.map(() => firstSegments(world)));
  const frames = viewers.map(({ player }) => player.firstFrameMs ?? Number.POSITIVE_INFINITY);
  const sorted = frames.toSorted((a, b) => a - b);
  const possible = (viewers.length - 1) / viewers.length;
  return {
    originMb: round(origin / 1e6),
    originByWatched: round(origin / watched),
    fetchedByWatched: round((origin + peers) / watched),
    saved: round(peers / Math.max(1, origin + peers - first) / possible),
    duplicates: round(duplicate / (origin + peers)),
    firstFrameMs: { median: sorted[sorted.length >> 1] ?? 0, worst: sorted.at(-1) ?? 0 },
    stalls: sum(viewers.map(({ player }) => player.stalls)),
    stallSeconds: round(sum(viewers.map(({ player }) => player.stallMs)) / 1000),
    wrongBytes: sum(viewers.map(({ player }) => player.wrongBytes)),
    failures: sum(viewers.map(({ player }) => player.failures)),
  };
}

function watchedBytes({ film }: World, { player }: Viewer): number {
  const all = [...film.renditions.values()].flat();
  return (sum(all.map(({ bytes }) => bytes.byteLength)) / film.seconds) * player.watched;
}

function firstSegments({ film }: World): number {
  return sum([...film.renditions.values()].map((segments) => segments[0]?.bytes.byteLength ?? 0));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}

function round(number: number): number {
  return Math.round(number * 1000) / 1000;
}
