import type { ChunkPlace } from "../protocol/runs.ts";
import type { OriginFetcher } from "./origin.ts";
import type { PeerPool, RoomLink } from "./parts.ts";
import type { PeerBook } from "./peer-book.ts";
import { keyOf } from "./places.ts";
import type { Snapshot } from "./snapshot.ts";
import type { Standing } from "./standing.ts";
import { type WantedParts, wantedChunks } from "./wanted-chunks.ts";

/** What a snapshot is taken of. Times are in seconds. */
export interface LookoutParts extends WantedParts {
  readonly origin: OriginFetcher;
  readonly peers: PeerBook;
  readonly standing: Standing;
  readonly stripe: number;
  readonly seed: number;
}

/** What changes from one snapshot to the next beside the parts. */
export interface Moment {
  readonly now: number;
  /** The room, or null for a viewer who takes no part. */
  readonly room: RoomLink | null;
  readonly pool: PeerPool | null;
  /** The origin is left alone until then because it failed. */
  readonly originRests: number;
  readonly servingUrgent: boolean;
}

/** Takes a snapshot for the scheduler. */
export function lookOut(parts: LookoutParts, moment: Moment): Snapshot {
  const { origin, peers, standing, stripe, seed, playback, cache, transfers, loads } = parts;
  const { now, room, pool, originRests, servingUrgent } = moment;
  const chunks = wantedChunks(parts);
  const isWanted = wantedTest(chunks);
  const segments = new Set(chunks.map(({ place, segment }) => `${place.rendition}/${segment}`));
  return {
    ...{ now, seed, stripe, chunks, servingUrgent },
    ...standing.of(room, pool?.peers.size ?? 0, now),
    joined: room?.joined ?? false,
    viewers: room?.viewers ?? 1,
    ...playback.view(),
    room: cache.room,
    origin: {
      rate: Math.max(1000, origin.rate),
      firstByte: origin.firstByte,
      restingUntil: Math.max(originRests, origin.restingUntil / 1000),
    },
    peers: [...(pool?.peers.values() ?? [])].map((peer) => peers.view(peer, now)),
    strays: transfers.strays(
      isWanted,
      ({ rendition, segment }) => segments.has(`${rendition}/${segment}`) || loads.has(rendition, segment),
    ),
  };
}

/** Tells whether a chunk is one of those. */
export function wantedTest(chunks: Snapshot["chunks"]): (place: ChunkPlace) => boolean {
  const keys = new Set(chunks.map(({ place }) => keyOf(place)));
  return (place) => keys.has(keyOf(place));
}
