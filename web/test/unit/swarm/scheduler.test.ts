import { expect, test } from "vitest";
import { keyOf } from "../../../src/swarm/places.ts";
import { bytesIn, intersect, subtract } from "../../../src/swarm/ranges.ts";
import { aheadOf, rules } from "../../../src/swarm/rules.ts";
import { decide } from "../../../src/swarm/scheduler.ts";
import type { ChunkView, Decision, PeerView, Snapshot } from "../../../src/swarm/snapshot.ts";
import { randomSnapshot } from "./random-snapshot.ts";
import { randomFrom } from "./sim/random.ts";

const seed = Number(process.env.SWARM_SEED ?? Date.now() % 100_000);
const rounds = 150;

/** Runs a check over many snapshots; what fails names the seed. */
function always(check: (snapshot: Snapshot, decisions: readonly Decision[]) => void): void {
  const random = randomFrom(seed);
  for (let i = 0; i < rounds; i++) {
    const snapshot = randomSnapshot(random);
    try {
      check(snapshot, decide(snapshot).decisions);
    } catch (error) {
      throw new Error(`seed ${seed}, round ${i}`, { cause: error });
    }
  }
}

function ofKind<Kind extends Decision["do"]>(decisions: readonly Decision[], kind: Kind) {
  return decisions.filter((decision): decision is Extract<Decision, { do: Kind }> => decision.do === kind);
}

function chunkAt(snapshot: Snapshot, key: string): ChunkView {
  const chunk = snapshot.chunks.find(({ place }) => keyOf(place) === key);
  if (chunk === undefined) throw new Error(`${key} is not wanted`);
  return chunk;
}

/** The transfers that a plan leaves alone. */
function goingOn(chunk: ChunkView, decisions: readonly Decision[]) {
  const cancelled = new Set(ofKind(decisions, "cancel").map(({ id }) => id));
  return chunk.transfers.filter(({ id }) => !cancelled.has(id));
}

test("the same snapshot gives the same plan", () => {
  always((snapshot, decisions) => expect(decide(snapshot).decisions).toEqual(decisions));
});

test("peers are asked only for what is missing, and what they said they have or fetch", () => {
  always((snapshot, decisions) => {
    for (const { peer, place, start, end } of ofKind(decisions, "request")) {
      const chunk = chunkAt(snapshot, keyOf(place));
      expect(bytesIn(intersect(chunk.missing, { start, end }))).toBe(end - start);
      expect(Number.isInteger(start) && Number.isInteger(end) && end > start).toBe(true);
      const asked = snapshot.peers.find(({ id }) => id === peer);
      expect(asked?.holds(place)).toBeDefined();
      expect(asked?.gives).toBe(true);
      expect(asked?.restingUntil).toBeLessThanOrEqual(snapshot.now);
    }
  });
});

test("nobody who has a chunk is asked for what another one who has it was asked for", () => {
  always((snapshot, decisions) => {
    const taken = new Map<string, { start: number; end: number }[]>();
    for (const { peer, place, start, end } of ofKind(decisions, "request")) {
      const holds = (id: string | null) => snapshot.peers.find((other) => other.id === id)?.holds(place);
      if (holds(peer) !== "here") continue;
      const chunk = chunkAt(snapshot, keyOf(place));
      const sure = goingOn(chunk, decisions).filter(({ from }) => holds(from) === "here");
      const others = taken.get(keyOf(place)) ?? [];
      expect(subtract([{ start, end }], [...sure, ...others])).toEqual([{ start, end }]);
      taken.set(keyOf(place), [...others, { start, end }]);
    }
  });
});

test("no peer has more requests than it takes", () => {
  always((snapshot, decisions) => {
    for (const { id, requests } of snapshot.peers) {
      const more = ofKind(decisions, "request").filter(({ peer }) => peer === id).length;
      const mine = snapshot.chunks.flatMap(({ transfers }) => transfers.filter(({ from }) => from === id));
      const ended = mine.filter((transfer) =>
        ofKind(decisions, "cancel").some((c) => c.id === transfer.id),
      ).length;
      if (more > 0) expect(requests - ended + more).toBeLessThanOrEqual(rules.peerRequests);
    }
  });
});

test("the origin is not asked for what it is bringing, nor twice for the same", () => {
  always((snapshot, decisions) => {
    const planned: { key: string; start: number; end: number }[] = [];
    for (const { rendition, segment, start, end } of ofKind(decisions, "origin")) {
      const chunks = snapshot.chunks.filter((c) => c.segment === segment && c.place.rendition === rendition);
      const parts = chunks.flatMap((chunk) => {
        const part = { start: start - chunk.offset, end: end - chunk.offset };
        const inChunk = intersect([{ start: 0, end: chunk.size }], part);
        return inChunk.map((range) => ({ chunk, range }));
      });
      expect(parts.length).toBeGreaterThan(0);
      for (const { chunk, range } of parts) {
        const coming = goingOn(chunk, decisions).filter(({ from }) => from === null);
        expect(subtract([range], coming)).toEqual([range]);
      }
      const key = `${rendition}/${segment}`;
      for (const other of planned) {
        if (other.key === key) expect(other.start < end && other.end > start).toBe(false);
      }
      planned.push({ key, start, end });
    }
  });
});

test("a resting origin is left alone", () => {
  always((snapshot, decisions) => {
    if (snapshot.origin.restingUntil > snapshot.now) expect(ofKind(decisions, "origin")).toEqual([]);
  });
});

test("nothing is fetched or asked for beyond the window, or the cache", () => {
  always((snapshot, decisions) => {
    const last = aheadOf(snapshot.watched);
    let room = snapshot.room;
    const allowed = new Set<string>();
    for (const { place, size, start, asked } of snapshot.chunks) {
      const due = (start - snapshot.playhead) / Math.max(snapshot.rate, 0.1) - rules.handOver;
      room -= size;
      if (asked || (room >= 0 && due <= last)) allowed.add(keyOf(place));
    }
    for (const { place } of ofKind(decisions, "request")) expect(allowed).toContain(keyOf(place));
    for (const { places } of ofKind(decisions, "lease")) {
      for (const place of places) expect(allowed).toContain(keyOf(place));
    }
  });
});

test("few leases are asked for at a time", () => {
  always((_, decisions) => {
    for (const { places, urgent } of ofKind(decisions, "lease"))
      if (!urgent) expect(places.length).toBeLessThanOrEqual(rules.leaseChunks);
  });
});

test("each chunk that the player must have now has a way, or a turn, or a time to look again", () => {
  always((snapshot, decisions) => {
    if (snapshot.paused) return;
    // The origin brings one thing of a rendition after the other, and each end is looked at.
    const busy = new Set(
      snapshot.chunks
        .filter((chunk) => goingOn(chunk, decisions).some(({ from }) => from === null))
        .map(({ place }) => place.rendition),
    );
    for (const chunk of snapshot.chunks) {
      const due = (chunk.start - snapshot.playhead) / Math.max(snapshot.rate, 0.1) - rules.handOver;
      if (!chunk.asked || due > 0) continue;
      const isComing =
        goingOn(chunk, decisions).length > 0 ||
        busy.has(chunk.place.rendition) ||
        ofKind(decisions, "request").some(({ place }) => keyOf(place) === keyOf(chunk.place)) ||
        ofKind(decisions, "origin").some(({ rendition }) => rendition === chunk.place.rendition);
      if (!isComing) expect(decide(snapshot).lookAgain).toBeLessThan(Number.POSITIVE_INFINITY);
    }
  });
});

const chunk = (ordinal: number, start: number, more: Partial<ChunkView> = {}): ChunkView => ({
  place: { rendition: "v0", ordinal },
  size: 1 << 20,
  segment: ordinal,
  segmentSize: 1 << 20,
  offset: 0,
  start,
  asked: false,
  missing: [{ start: 0, end: 1 << 20 }],
  transfers: [],
  lease: undefined,
  ...more,
});

const peer = (id: string, holding: "here" | "fetching", more: Partial<PeerView> = {}): PeerView => ({
  id,
  near: true,
  gives: true,
  rate: 5e6,
  outstanding: 0,
  requests: 0,
  failures: 0,
  restingUntil: 0,
  holds: () => holding,
  ...more,
});

const calm: Snapshot = {
  now: 1000,
  seed: 7,
  mode: "sharing",
  settling: false,
  joined: true,
  viewers: 4,
  stripe: 0,
  playhead: 0,
  rate: 1,
  paused: false,
  bufferEnd: 0,
  watched: 0,
  room: 80e6,
  origin: { rate: 2e6, firstByte: 0.05, restingUntil: 0 },
  peers: [],
  chunks: [],
  strays: [],
  servingUrgent: false,
};

test("ahead is 20 s or half of what was watched, and 90 s at most", () => {
  expect([0, 30, 40, 60, 120, 180, 181, 7200].map(aheadOf)).toEqual([20, 20, 20, 30, 60, 90, 90, 90]);
});

test("alone, whole segments are fetched as the player asks for them, and nothing ahead", () => {
  const { decisions } = decide({
    ...calm,
    mode: "alone",
    viewers: 1,
    chunks: [chunk(0, 0, { asked: true }), chunk(1, 4)],
  });
  expect(decisions).toEqual([{ do: "origin", rendition: "v0", segment: 0, start: 0, end: 1 << 20 }]);
});

test("what nobody has and can wait is leased before it is fetched", () => {
  const { decisions } = decide({
    ...calm,
    peers: [peer("a", "here", { holds: () => undefined })],
    chunks: [chunk(3, 12)],
  });
  expect(decisions).toEqual([{ do: "lease", places: [{ rendition: "v0", ordinal: 3 }], urgent: false }]);
});

test("a granted chunk is fetched", () => {
  const lease = { state: "granted", since: 1000 } as const;
  const { decisions } = decide({ ...calm, chunks: [chunk(3, 12, { lease })] });
  expect(decisions).toEqual([{ do: "origin", rendition: "v0", segment: 3, start: 0, end: 1 << 20 }]);
});

test("a held chunk is waited for until the origin would need all the time that is left", () => {
  const lease = { state: "held", since: 999 } as const;
  const waiting = decide({ ...calm, chunks: [chunk(1, 6, { lease })] });
  expect(waiting.decisions).toEqual([]);
  expect(waiting.lookAgain).toBeLessThanOrEqual(1006);
  const late = decide({ ...calm, chunks: [chunk(1, 1, { lease })] });
  expect(ofKind(late.decisions, "origin")).toHaveLength(1);
});

test("an urgent chunk comes in parts from several peers", () => {
  const { decisions } = decide({
    ...calm,
    peers: [peer("a", "here"), peer("b", "here")],
    chunks: [chunk(1, 3)],
  });
  const requests = ofKind(decisions, "request");
  expect(new Set(requests.map((request) => request.peer))).toEqual(new Set(["a", "b"]));
  expect(bytesIn(requests)).toBe(1 << 20);
  expect(ofKind(decisions, "origin")).toEqual([]);
});

test("what few have is asked for before what many have, when both can wait", () => {
  const rare = peer("a", "here", { rate: 1e6 });
  const common = peer("b", "here", {
    gives: false,
    holds: ({ ordinal }) => (ordinal === 3 ? "here" : undefined),
  });
  const { decisions } = decide({ ...calm, peers: [rare, common], chunks: [chunk(3, 11), chunk(4, 15)] });
  expect(ofKind(decisions, "request")[0]?.place.ordinal).toBe(4);
});

test("when the origin is slow and a neighbour sends in time, the origin is not asked", () => {
  const { decisions } = decide({
    ...calm,
    origin: { rate: 40_000, firstByte: 0.3, restingUntil: 0 },
    peers: [peer("a", "here")],
    chunks: [chunk(1, 4)],
  });
  expect(ofKind(decisions, "origin")).toEqual([]);
  expect(ofKind(decisions, "request").length).toBeGreaterThan(0);
});

test("viewers that fetch the same late chunk begin in different places", () => {
  const starts = [0, 0.618, 0.236].map((stripe) => {
    const { decisions } = decide({ ...calm, stripe, peers: [peer("a", "fetching")], chunks: [chunk(0, 0)] });
    return ofKind(decisions, "origin")[0]?.start;
  });
  expect(new Set(starts).size).toBe(3);
});

test.each([0, 0.2, 0.618, 0.944, 0.999])(
  "what a slow peer promised comes from the origin in a few parts (stripe %d)",
  (stripe) => {
    // Two parts are here already, and the rest is the slow peer's to send.
    let missing = [
      { start: 0, end: 600_000 },
      { start: 700_000, end: 1_000_000 },
    ];
    const promise = {
      id: 9,
      from: "a",
      got: 0,
      reached: 0,
      since: 1000,
      lastByte: 1000,
      active: true,
      early: false,
    };
    let fetches = 0;
    for (; missing.length > 0 && fetches < 20; fetches++) {
      const transfers = missing.map((range, i) => ({ ...promise, ...range, id: 9 + i }));
      const peers = [peer("a", "here", { rate: 20_000, outstanding: bytesIn(missing), requests: 2 })];
      const { decisions } = decide({
        ...calm,
        stripe,
        peers,
        chunks: [chunk(1, 0.5, { asked: true, missing, transfers })],
      });
      const [fetched] = ofKind(decisions, "origin");
      missing = fetched === undefined ? missing : subtract(missing, [fetched]);
    }
    expect(fetches).toBeLessThanOrEqual(3);
  },
);

test("the gaps of a late chunk are fetched together where asking takes longer than sending, else one by one", () => {
  const missing = [0, 1, 2, 3, 4, 5].map((i) => ({ start: i * 100_000, end: i * 100_000 + 20_000 }));
  const fetches = (rate: number) => {
    const origin = { rate, firstByte: 0.04, restingUntil: 0 };
    return ofKind(
      decide({ ...calm, origin, chunks: [chunk(1, 0.1, { asked: true, missing })] }).decisions,
      "origin",
    );
  };
  expect(fetches(15e6)).toHaveLength(rules.originFetches);
  expect(fetches(200_000)).toHaveLength(1);
});

/** A crowd beyond the neighbours, at an origin that is far too slow for it. */
const crowd: Snapshot = {
  ...calm,
  viewers: 40,
  origin: { rate: 40_000, firstByte: 0.3, restingUntil: 0 },
  peers: [peer("a", "here", { holds: () => undefined }), peer("b", "here", { holds: () => undefined })],
};

test("in a crowd at a slow origin the room is asked first also for what is late, and the origin only with leave", () => {
  const wanted = (state?: "asked" | "held" | "ready" | "granted", since = 999.9) =>
    decide({
      ...crowd,
      chunks: [chunk(1, 0.1, { asked: true, lease: state === undefined ? undefined : { state, since } })],
    }).decisions;
  expect(wanted()).toEqual([{ do: "lease", places: [{ rendition: "v0", ordinal: 1 }], urgent: false }]);
  for (const state of ["asked", "held", "ready"] as const) expect(wanted(state)).toEqual([]);
  expect(ofKind(wanted("granted"), "origin")).toHaveLength(1);
  // A room that does not answer is not waited for.
  expect(ofKind(wanted("asked", 999), "origin")).toHaveLength(1);
});

test("nobody asks first where the neighbours are all there are, where the origin is fast, or without a room", () => {
  const chunks = [chunk(1, 0.1, { asked: true })];
  const origin = { rate: 20e6, firstByte: 0.05, restingUntil: 0 };
  for (const other of [{ viewers: 3 }, { origin }, { joined: false }, { peers: [] }])
    expect(ofKind(decide({ ...crowd, chunks, ...other }).decisions, "origin")).toHaveLength(1);
});

test("who waits for a lease of a crowd takes what neighbours bring, and waits for no lease of its own", () => {
  const lease = { state: "held", since: 999.9 } as const;
  const peers = [peer("a", "fetching")];
  const { decisions } = decide({ ...crowd, peers, chunks: [chunk(1, 0.1, { asked: true, lease })] });
  expect(ofKind(decisions, "origin")).toEqual([]);
  expect(ofKind(decisions, "request").map((request) => request.peer)).toEqual(["a"]);
});

test("a late chunk that a peer sends is not fetched from an origin that would take longer", () => {
  const peers = [peer("a", "here", { rate: 400_000 })];
  const chunks = [chunk(1, 0.1, { asked: true, missing: [{ start: 0, end: 400_000 }] })];
  const slow = { ...calm, peers, chunks, origin: { rate: 300_000, firstByte: 0.3, restingUntil: 0 } };
  expect(ofKind(decide(slow).decisions, "origin")).toEqual([]);
  expect(ofKind(decide({ ...slow, origin: calm.origin }).decisions, "origin")).toHaveLength(1);
});

test("a peer that was asked while it fetched is asked anew for what others have not sent meanwhile", () => {
  const early = {
    ...{ id: 9, from: "a", start: 0, end: 1 << 20, got: 100_000, reached: 100_000 },
    ...{ since: 999, lastByte: 999.9, active: true, early: true },
  };
  const missing = [{ start: 600_000, end: 1 << 20 }];
  const chunks = [chunk(1, 6, { missing, transfers: [early] })];
  const { decisions } = decide({ ...calm, peers: [peer("a", "here", { requests: 1 })], chunks });
  expect(decisions).toContainEqual({ do: "cancel", id: 9, why: "redundant" });
  expect(ofKind(decisions, "request")).toMatchObject(missing);
  const still = decide({ ...calm, peers: [peer("a", "fetching", { requests: 1 })], chunks });
  expect(ofKind(still.decisions, "cancel")).toEqual([]);
});

test("own prefetch waits while a peer needs something urgently", () => {
  const busy = { ...calm, servingUrgent: true, peers: [peer("a", "here")], chunks: [chunk(4, 15)] };
  expect(ofKind(decide(busy).decisions, "request")).toEqual([]);
  expect(ofKind(decide({ ...busy, servingUrgent: false }).decisions, "request").length).toBeGreaterThan(0);
});

test("a silent peer's ranges are given to another", () => {
  const transfer = {
    id: 9,
    from: "a",
    start: 0,
    end: 1 << 20,
    got: 0,
    reached: 0,
    since: 990,
    lastByte: 990,
    active: true,
    early: false,
  };
  const { decisions } = decide({
    ...calm,
    peers: [peer("a", "here", { requests: 1 }), peer("b", "here")],
    chunks: [chunk(1, 4, { transfers: [transfer] })],
  });
  expect(decisions).toContainEqual({ do: "cancel", id: 9, why: "silent" });
  expect(ofKind(decisions, "request").some((request) => request.peer === "b")).toBe(true);
});

test("what nobody wants any more is cancelled, unless it is nearly done", () => {
  const stray = {
    id: 1,
    from: "a",
    start: 0,
    end: 1000,
    got: 100,
    reached: 0,
    since: 999,
    lastByte: 999,
    active: true,
    early: false,
  };
  const { decisions } = decide({ ...calm, strays: [stray, { ...stray, id: 2, got: 5000 }] });
  expect(decisions).toEqual([{ do: "cancel", id: 1, why: "unwanted" }]);
});

test("who fails again and again is dropped", () => {
  const { decisions } = decide({ ...calm, peers: [peer("a", "here", { failures: 3 })] });
  expect(decisions).toEqual([{ do: "drop", peer: "a" }]);
});
