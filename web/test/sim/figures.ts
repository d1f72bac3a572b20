import { rates, type World } from "./world.ts";

/** What a run came to. Bytes are those of the film, times are in seconds. */
export interface Figures {
  readonly viewers: number;
  readonly hours: number;
  /** The part of what was watched that the origin did not send; below 0 where it sent more. */
  readonly saved: number;
  readonly stallsPerHour: number;
  readonly stalledPerHour: number;
  /** How many times the origin sent a segment, of those that anybody got. */
  readonly copies: { readonly mean: number; readonly most: number };
  /** The most that one gave beside the mean of those who give, and Jain's index: 1 when all give alike. */
  readonly uploads: { readonly mostByMean: number; readonly jain: number };
  readonly duplicates: number;
  readonly firstFrame: { readonly median: number; readonly p95: number };
  readonly seek: { readonly median: number; readonly p95: number };
  readonly never: number;
  readonly messagesPerSecond: number;
  readonly wrong: number;
}

export function figuresOf(world: World, seconds: number): Figures {
  const { all, viewers, film, origin, room } = world;
  for (const { player } of viewers.values()) player.stop();
  const bytes = all.map(({ swarm }) => swarm.bytes);
  const watched = sum(all.map(({ player }) => player.watched));
  const fromOrigin = sum(bytes.map((counts) => counts.origin));
  const fetched = fromOrigin + sum(bytes.map((counts) => counts.peers));
  const hours = watched / 3600;
  const sizes = [...film.renditions].flatMap(([rendition, segments]) =>
    segments.map(({ index, bytes }) => (origin.sent.get(`${rendition}/${index}`) ?? 0) / bytes.byteLength),
  );
  const sent = sizes.filter((copies) => copies > 0);
  const given = all.filter(({ far }) => far.gives).map(({ swarm }) => swarm.bytes.uploaded);
  const frames = all.map(({ player }) => player.firstFrameMs).filter((ms) => ms !== null);
  const seeks = all.flatMap(({ player }) => player.seekMs);
  return {
    viewers: all.length,
    hours,
    saved: 1 - fromOrigin / (watched * ((rates.v0 + rates.a0) / 8)),
    stallsPerHour: sum(all.map(({ player }) => player.stalls)) / hours,
    stalledPerHour: sum(all.map(({ player }) => player.stallMs)) / 1000 / hours,
    copies: { mean: sum(sent) / sent.length, most: sent.reduce((a, b) => Math.max(a, b), 0) },
    uploads: {
      mostByMean: (given.reduce((a, b) => Math.max(a, b), 0) * given.length) / Math.max(1, sum(given)),
      jain: sum(given) ** 2 / Math.max(1, given.length * sum(given.map((x) => x * x))),
    },
    duplicates: sum(bytes.map((counts) => counts.duplicate)) / fetched,
    firstFrame: { median: rank(frames, 0.5), p95: rank(frames, 0.95) },
    seek: { median: rank(seeks, 0.5), p95: rank(seeks, 0.95) },
    never: all.length - frames.length,
    messagesPerSecond: room.messages / seconds,
    wrong: sum(all.map(({ player }) => player.wrongBytes + player.failures)) + world.closed,
  };
}

function rank(ms: readonly number[], part: number): number {
  const sorted = ms.toSorted((a, b) => a - b);
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0) / 1000;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
