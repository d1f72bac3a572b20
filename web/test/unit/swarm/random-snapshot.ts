import type { Holding } from "../../../src/swarm/parts.ts";
import { keyOf } from "../../../src/swarm/places.ts";
import { RangeSet } from "../../../src/swarm/ranges.ts";
import type { ChunkView, LeaseView, PeerView, Snapshot, TransferView } from "../../../src/swarm/snapshot.ts";

type Random = () => number;

/** A snapshot of anything that may happen, and some that may not. */
export function randomSnapshot(random: Random): Snapshot {
  const now = 100;
  const playhead = random() * 100;
  const peers = Array.from({ length: Math.floor(random() * 7) }, (_, i) => randomPeer(random, i, now));
  const chunks = randomChunks(random, playhead, now, peers);
  return {
    now,
    seed: Math.floor(random() * 2 ** 32),
    mode: random() < 0.1 ? "alone" : "sharing",
    settling: random() < 0.1,
    joined: random() < 0.8,
    viewers: 1 + peers.length,
    stripe: random() < 0.5 ? 0 : random(),
    playhead,
    rate: random() < 0.8 ? 1 : 0.25 + random() * 2,
    paused: random() < 0.2,
    bufferEnd: playhead + random() * 20,
    watched: random() * 200,
    room: random() * 100e6,
    origin: {
      rate: 10 ** (4 + random() * 4),
      firstByte: random() * 0.5,
      restingUntil: random() < 0.1 ? now + 3 : 0,
    },
    peers,
    chunks,
    strays: [],
    servingUrgent: random() < 0.1,
  };
}

function randomPeer(random: Random, index: number, now: number): PeerView {
  const holdings = new Map<string, Holding>();
  const share = random();
  for (let ordinal = 0; ordinal < 200; ordinal++) {
    for (const rendition of ["v0", "a0"]) {
      if (random() < share) holdings.set(keyOf({ rendition, ordinal }), random() < 0.8 ? "here" : "fetching");
    }
  }
  return {
    id: `peer${index}`,
    near: random() < 0.5,
    gives: random() < 0.9,
    rate: 10 ** (4 + random() * 3),
    outstanding: 0,
    requests: Math.floor(random() * 14),
    failures: Math.floor(random() * 3),
    restingUntil: random() < 0.2 ? now + 1 : 0,
    holds: (place) => holdings.get(keyOf(place)),
  };
}

function randomChunks(
  random: Random,
  playhead: number,
  now: number,
  peers: readonly PeerView[],
): ChunkView[] {
  const chunks: ChunkView[] = [];
  let id = 1;
  for (const rendition of ["v0", "a0"]) {
    let ordinal = 0;
    const asked = Math.floor(random() * 4);
    for (let segment = 0; segment < 12; segment++) {
      const sizes = Array.from(
        { length: 1 + Math.floor(random() * 2) },
        () => 1 + Math.floor(random() * 2 ** 20),
      );
      const segmentSize = sizes.reduce((a, b) => a + b);
      let offset = 0;
      for (const size of sizes) {
        const place = { rendition, ordinal };
        const missing = randomMissing(random, size);
        const transfers = randomTransfers(random, size, now, peers, () => id++);
        const start = playhead - 2 + segment * 4;
        const lease = randomLease(random, now);
        const base = { place, size, segment, segmentSize, offset, start, asked: segment === asked };
        if (missing.length > 0) chunks.push({ ...base, missing, transfers, lease });
        ordinal += 1;
        offset += size;
      }
    }
  }
  return chunks.sort((a, b) => a.start - b.start);
}

function randomMissing(random: Random, size: number) {
  const here = new RangeSet();
  for (let i = Math.floor(random() * 3); i > 0; i--) {
    const start = Math.floor(random() * size);
    here.add(start, Math.min(size, start + Math.floor(random() * size)));
  }
  return here.gaps(0, size);
}

function randomTransfers(
  random: Random,
  size: number,
  now: number,
  peers: readonly PeerView[],
  nextId: () => number,
): TransferView[] {
  return Array.from({ length: Math.floor(random() * 1.5) }, () => {
    const start = Math.floor(random() * size);
    const end = start + 1 + Math.floor(random() * (size - start - 1));
    const peer = peers[Math.floor(random() * peers.length)];
    const from = random() < 0.5 || peer === undefined ? null : peer.id;
    const since = now - random() * 3;
    const got = random() < 0.5 ? 0 : 1000;
    return {
      id: nextId(),
      from,
      start,
      end,
      got,
      reached: start,
      since,
      lastByte: since + 0.1,
      active: true,
      early: from !== null && random() < 0.3,
    };
  });
}

function randomLease(random: Random, now: number): LeaseView | undefined {
  const state = (["asked", "granted", "held", "ready"] as const)[Math.floor(random() * 8)];
  return state && { state, since: now - random() * 15 };
}
