/** The numbers that the scheduler goes by; DESIGN.md has their reasons. Spans are seconds, sizes bytes. */
export const rules = {
  /** Ahead of the playhead, before anything was watched. */
  ahead: 20,
  aheadMost: 90,
  /** The urgent zone; it must stay well below the player's buffer, or nobody ever waits for a peer. */
  urgentLeast: 8,
  urgentMost: 10,
  /** A segment must be with the player this long before it plays. */
  handOver: 0.2,
  /** The origin is asked without a lease when what is left is less than its time × factor + margin. */
  originFactor: 1.5,
  originMargin: 0.3,
  /** An origin that needs longer for a chunk is slow. */
  slowOrigin: 0.5,
  /** Fetches from the origin at a time, and how much they may have before them. */
  originFetches: 4,
  originPipeline: 1,
  /** Chunks whose deadlines are no further apart are for the same moment. */
  sameTime: 0.5,
  /** Leases asked for at a time. */
  leaseBytes: 2 << 20,
  leaseChunks: 8,
  answerWithin: 2,
  /** And so long where time is short. */
  answerSoon: 0.5,
  /** A lease that another viewer has, and one that lies unused here, are asked for or given back after this. */
  heldFor: 12,
  readyFor: 5,
  /** So soon after the room said that somebody has a chunk it may not have been heard of from any peer yet. */
  readyPatience: 1.5,
  unusedFor: 3,
  /** What a peer is asked for ahead of what it sent. */
  peerPipeline: 0.5,
  peerPipelineLeast: 256 << 10,
  peerRequests: 12,
  peersPerChunk: 3,
  leastPiece: 64 << 10,
  /** The origin is stopped where at least so much ahead of it is here. */
  leastSkip: 16 << 10,
  /** No smaller part is asked for while the rest comes anyway. */
  leastPart: 16 << 10,
  /** A peer that has the bytes and sends none for this long, beyond what its queue takes, is silent. */
  silence: 1,
  dropAfter: 3,
  /** How the future's probability falls. */
  futureFall: 15,
  /** A transfer that nobody waits for any more may end when this much of it came. */
  nearlyDone: 0.7,
} as const;

/** How far ahead of the playhead anything is fetched, in seconds, after so many seconds were watched. */
export function aheadOf(watched: number): number {
  return Math.min(rules.aheadMost, Math.max(rules.ahead, watched / 2));
}
