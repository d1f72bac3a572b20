import { beforeEach, expect, test } from "vitest";
import type { SignalKind } from "../../../src/protocol/messages.ts";
import { openWithinMs } from "../../../src/swarm/connection.ts";
import { Connections, maxConnections, maxOpening } from "../../../src/swarm/connections.ts";
import { UploadLimit } from "../../../src/swarm/upload-limit.ts";
import { seed, seeded } from "../random.ts";
import { FakeClock } from "./fake-clock.ts";
import { FakeNetwork } from "./fake-rtc.ts";
import { fullSource, Outcome } from "./pair.ts";

interface Signal {
  readonly from: string;
  readonly to: string;
  readonly kind: SignalKind;
  readonly data: string;
}

let clock: FakeClock;
let network: FakeNetwork;
let post: Signal[];
let viewers: Map<string, Viewer>;

beforeEach(() => {
  clock = new FakeClock();
  network = new FakeNetwork();
  post = [];
  viewers = new Map();
});

/** One viewer's pool, and all that it told. */
class Viewer {
  readonly events: string[] = [];
  readonly pool: Connections;

  readonly id: string;
  sent = 0;
  /** How many others are in the room. */
  others = 9;

  constructor(id: string) {
    this.id = id;
    this.pool = new Connections({
      viewer: () => id,
      others: () => this.others,
      create: network.create,
      source: fullSource,
      limit: new UploadLimit(clock),
      clock,
      events: {
        onPeer: (peer) => this.events.push(`open ${peer.id[0]}`),
        onChange: (peer) => this.events.push(`change ${peer.id[0]}`),
        onSent: (bytes) => {
          this.sent += bytes;
        },
        onLost: (peer) => this.events.push(`lost ${peer.id[0]}`),
      },
      signal: (to, kind, data) => post.push({ from: id, to, kind, data }),
      failed: (peer, why) => this.events.push(`failed ${peer[0]} ${why}`),
    });
    viewers.set(id, this);
  }

  meet(id: string, offer: boolean, near = true, name = ""): void {
    this.pool.introduce([{ viewer: id, name, near, offer }]);
  }
}

const idOf = (letter: string) => letter.repeat(12);

/** Two pools that were started. */
function two(): [Viewer, Viewer] {
  const [a, b] = [new Viewer(idOf("a")), new Viewer(idOf("b"))];
  a.pool.start();
  b.pool.start();
  return [a, b];
}

function introduceEachOther(a: Viewer, b: Viewer, [aOffers, bOffers] = [true, false]): void {
  a.meet(b.id, aOffers ?? true);
  b.meet(a.id, bOffers ?? false);
}

/** Lets the room and the browsers work until nothing is left to do; take chooses what is delivered next. */
async function settle(take = () => post.shift()): Promise<void> {
  for (let idle = 0; idle < 3; ) {
    await new Promise((resolve) => setImmediate(resolve));
    const signal = take();
    const channels = network.made.flatMap(({ channels }) => [...channels.values()]);
    const moved = channels.filter((channel) => channel.deliver()).length > 0;
    idle = signal === undefined && !moved ? idle + 1 : 0;
    if (signal !== undefined) viewers.get(signal.to)?.pool.takeSignal(signal.from, signal.kind, signal.data);
  }
}

test("two who are introduced connect, and a chunk comes through", async () => {
  const [a, b] = two();
  introduceEachOther(a, b);
  await settle();
  expect([a.events, b.events]).toEqual([["open b"], ["open a"]]);
  expect(network.made.length).toBe(2);
  const outcome = new Outcome();
  const piece = { rendition: "v0", ordinal: 4, offset: 0, length: 1000, urgent: false };
  a.pool.peers.get(b.id)?.request(piece, outcome);
  await settle();
  expect(outcome.is(4, 0, 1000)).toBe(true);
  expect([a.sent, b.sent]).toEqual([0, 1000]);
  expect(clock.waiting).toBe(0);
});

test("nothing is created before the start; what was told before it is not lost", async () => {
  const [a, b] = [new Viewer(idOf("a")), new Viewer(idOf("b"))];
  b.pool.start();
  introduceEachOther(a, b, [false, true]);
  await settle();
  expect(network.made.length).toBe(1);
  a.pool.start();
  await settle();
  expect([a.events, b.events]).toEqual([["open b"], ["open a"]]);
});

test("who waits for an offer creates nothing, and blames no network when none comes", async () => {
  const [a] = two();
  for (const letter of "cde") a.meet(idOf(letter), false);
  await settle();
  clock.advance(openWithinMs);
  expect(network.made.length).toBe(0);
  expect(a.events).toEqual(["failed c closed", "failed d closed", "failed e closed"]);
});

test("when both offer, the lower id's offer counts", async () => {
  const [a, b] = two();
  introduceEachOther(a, b, [true, true]);
  await settle();
  expect([a.events, b.events]).toEqual([["open b"], ["open a"]]);
  expect(network.made[0]?.localDescription?.type).toBe("offer");
  expect(network.living).toBe(2);
});

test(`signals of the two sides may cross in any order (seed ${seed})`, async () => {
  const random = seeded(seed);
  for (let round = 0; round < 20; round++) {
    const [a, b] = two();
    introduceEachOther(a, b, round % 2 === 0 ? [true, true] : [true, false]);
    // Of each sender in order, as the room passes them on.
    await settle(() => {
      const from = random() < 0.5 ? a.id : b.id;
      const at = post.findIndex((signal) => signal.from === from);
      return at === -1 ? post.shift() : post.splice(at, 1)[0];
    });
    expect([a.events, b.events]).toEqual([["open b"], ["open a"]]);
    a.pool.close();
    b.pool.close();
    post = [];
  }
  expect(network.living).toBe(0);
});

test("candidates that come before the description are kept", async () => {
  const [a, b] = two();
  introduceEachOther(a, b);
  await settle(() => {
    const at = post.findIndex(({ kind }) => kind === "candidate");
    // Descriptions wait until their candidates are through.
    return at === -1 && post.length < 2 ? post.shift() : post.splice(Math.max(0, at), 1)[0];
  });
  expect(a.events).toEqual(["open b"]);
});

test("one that does not open in time is unreachable, and is not tried again at once", async () => {
  const [a, b] = two();
  network.reachable = false;
  introduceEachOther(a, b);
  await settle();
  clock.advance(openWithinMs);
  expect([a.events, b.events]).toEqual([["failed b unreachable"], ["failed a unreachable"]]);
  expect(network.living).toBe(0);
  a.meet(b.id, true);
  expect(a.events).toEqual(["failed b unreachable", "failed b unreachable"]);
  expect(network.made.length).toBe(2);
  network.reachable = true;
  clock.advance(10_000);
  introduceEachOther(a, b);
  await settle();
  expect(a.events.at(-1)).toBe("open b");
});

test("one that could not open because this page slept blames no network", async () => {
  const [a, b] = two();
  network.reachable = false;
  introduceEachOther(a, b);
  await settle();
  clock.sleep(3_600_000);
  expect([a.events, b.events]).toEqual([["failed b closed"], ["failed a closed"]]);
});

test("one that the browser gives up is unreachable at once", async () => {
  const [a] = two();
  a.meet(idOf("c"), true);
  await settle();
  network.made[0]?.become("failed");
  expect(a.events).toEqual(["failed c unreachable"]);
  expect(clock.waiting).toBe(0);
});

test.each([
  ["offer", "v=0"],
  ["offer", ""],
  ["candidate", "null"],
  ["candidate", "{"],
  ["candidate", "[1]"],
  ["candidate", '{"candidate":7}'],
  ["answer", "v=0"],
  ["answer", "sdp 99 99"],
] as const)("a garbage %s (%s) breaks nothing", async (kind, data) => {
  const [a, b] = two();
  introduceEachOther(a, b);
  for (let i = 0; i < 100; i++) b.pool.takeSignal(a.id, kind, data);
  await settle();
  expect([a.events, b.events]).toEqual([["open b"], ["open a"]]);
});

test("signals of those who were not introduced are passed over", async () => {
  const [a] = two();
  a.pool.takeSignal(idOf("x"), "offer", "sdp 0 1");
  await settle();
  expect(network.made.length).toBe(0);
});

test("an introduction to a connected peer is answered by nothing at all", async () => {
  const [a, b] = two();
  introduceEachOther(a, b);
  await settle();
  introduceEachOther(a, b);
  await settle();
  expect([a.events, b.events, network.made.length]).toEqual([["open b"], ["open a"], 2]);
});

test("what the room tells anew of a peer is taken over while it is connected, and kept by the next connection", async () => {
  const [a, b] = two();
  introduceEachOther(a, b);
  await settle();
  const peer = a.pool.peers.get(b.id);
  expect(peer).toMatchObject({ name: "", near: true });
  a.meet(b.id, false, false, "Grace");
  expect(a.pool.peers.get(b.id)).toBe(peer);
  expect(peer).toMatchObject({ name: "Grace", near: false });
  expect(a.events).toEqual(["open b", "change b"]);
  // The other side begins anew, and this one has not heard of it.
  for (const channel of network.made.flatMap(({ channels }) => [...channels.values()]))
    channel.other = undefined;
  b.pool.stop();
  b.pool.start();
  b.meet(a.id, true);
  await settle();
  expect(a.events.slice(2)).toEqual(["lost b", "open b"]);
  expect(a.pool.peers.get(b.id)).toMatchObject({ name: "Grace", near: false });
});

test("a name that is told while a connection is being made is that of the peer", async () => {
  const [a, b] = two();
  introduceEachOther(a, b);
  a.meet(b.id, true, true, "Grace");
  await settle();
  expect(a.pool.peers.get(b.id)?.name).toBe("Grace");
  expect(network.made.length).toBe(2);
});

test("an offer from a connected peer means that it lost the connection", async () => {
  const [a, b] = two();
  introduceEachOther(a, b, [false, true]);
  await settle();
  for (const channel of network.made.flatMap(({ channels }) => [...channels.values()]))
    channel.other = undefined;
  b.pool.stop();
  b.pool.start();
  introduceEachOther(a, b, [false, true]);
  await settle();
  expect(a.events).toEqual(["open b", "lost b", "open b"]);
  expect(a.pool.peers.size).toBe(1);
  expect(network.living).toBe(2);
});

test("one side leaves: the other is told, tells the room, and keeps nothing", async () => {
  const [a, b] = two();
  introduceEachOther(a, b);
  await settle();
  b.pool.stop();
  await settle();
  expect(a.events).toEqual(["open b", "lost b", "failed b closed"]);
  expect(b.events).toEqual(["open a", "lost a"]);
  expect([a.pool.peers.size, network.living, clock.waiting]).toEqual([0, 0, 0]);
});

test("who is banned is never connected again", async () => {
  const [a, b] = two();
  introduceEachOther(a, b);
  await settle();
  a.pool.ban(b.id);
  await settle();
  introduceEachOther(a, b);
  clock.advance(1_000_000);
  await settle();
  expect(a.events).toEqual(["open b", "lost b"]);
  expect(network.living).toBe(0);
});

test("who breaks the protocol is banned", async () => {
  const [a, b] = two();
  introduceEachOther(a, b);
  await settle();
  network.made[0]?.channels.get(1)?.receive(Uint8Array.of(1));
  expect(a.events).toEqual(["open b", "lost b", "failed b closed"]);
  introduceEachOther(a, b);
  await settle();
  expect(a.events.length).toBe(3);
});

test("who is too slow is dropped and tried later", async () => {
  const [a, b] = two();
  introduceEachOther(a, b);
  await settle();
  a.pool.drop(b.id, "slow");
  expect(a.events).toEqual(["open b", "lost b", "failed b slow"]);
});

test("a connection that is being made is withdrawn by bye", async () => {
  const [a, b] = two();
  network.reachable = false;
  introduceEachOther(a, b);
  await settle();
  a.pool.ban(b.id);
  await settle();
  expect(b.events).toEqual([]);
  expect([network.living, clock.waiting]).toEqual([0, 0]);
});

test("no more than so many open at a time, and no more are kept than so many", async () => {
  const [a] = two();
  network.reachable = false;
  const ids = [..."cdefghijklmnopqrstuvwxyz"].map(idOf);
  for (const id of ids) a.meet(id, true);
  await settle();
  expect(network.living).toBe(maxOpening);
  expect(a.events).toEqual(ids.slice(maxConnections).map((id) => `failed ${id[0]} closed`));
  network.made[0]?.become("failed");
  await settle();
  expect(network.living).toBe(maxOpening);
  clock.advance(openWithinMs);
  await settle();
  expect(network.living).toBe(0);
  expect(a.events.length).toBe(ids.length);
});

test("whom the room parts from this viewer is left", async () => {
  const [a, b] = two();
  introduceEachOther(a, b);
  await settle();
  a.pool.part([b.id]);
  b.pool.part([a.id]);
  expect([a.events, b.events]).toEqual([
    ["open b", "lost b"],
    ["open a", "lost a", "failed a closed"],
  ]);
  expect(network.living).toBe(0);
});

test("whom the room parts before it is open is given up", async () => {
  const [a] = two();
  a.meet(idOf("c"), true);
  await settle();
  a.pool.part([idOf("c")]);
  expect([network.living, clock.waiting, a.events]).toEqual([0, 0, []]);
});

test.each([
  [true, "same-network"],
  [false, "other-networks"],
])("that nobody can be reached is told with its reason (near: %s)", async (near, reason) => {
  const [a] = two();
  for (const letter of "cde") {
    a.meet(idOf(letter), true, near);
    await settle();
    expect(a.pool.isolation).toBeNull();
    network.made.at(-1)?.become("failed");
  }
  expect(a.pool.isolation).toBe(reason);
  const b = new Viewer(idOf("b"));
  b.pool.start();
  introduceEachOther(a, b);
  await settle();
  expect(a.pool.isolation).toBeNull();
});

test("two who are alone in a room and cannot reach each other both learn it", async () => {
  const [a, b] = two();
  a.others = 1;
  b.others = 1;
  network.reachable = false;
  introduceEachOther(a, b);
  await settle();
  clock.advance(openWithinMs - 1);
  expect([a.pool.isolation, b.pool.isolation]).toEqual([null, null]);
  network.made[0]?.become("failed");
  // The room heard of it from the one side and parts the other, whose time was not quite over.
  b.pool.part([a.id]);
  expect([a.pool.isolation, b.pool.isolation]).toEqual(["same-network", "same-network"]);
});

test("who left while it was being connected tells nothing of the network", async () => {
  const [a, b] = two();
  b.others = 1;
  network.reachable = false;
  introduceEachOther(a, b);
  await settle();
  clock.advance(1000);
  b.pool.part([a.id]);
  expect(b.pool.isolation).toBeNull();
});

test("who reaches neither those near nor those far is isolated where there are no more of them", async () => {
  const [a] = two();
  a.others = 2;
  for (const [letter, near] of [
    ["c", false],
    ["d", true],
  ] as const) {
    a.meet(idOf(letter), true, near);
    await settle();
    network.made.at(-1)?.become("failed");
  }
  expect(a.pool.isolation).toBe("same-network");
});

test("who once reached somebody is not isolated", async () => {
  const [a, b] = two();
  introduceEachOther(a, b);
  await settle();
  for (const letter of "cdefg") {
    a.meet(idOf(letter), true);
    await settle();
    network.made.at(-1)?.become("failed");
  }
  expect(a.pool.isolation).toBeNull();
});

test("without WebRTC nothing is tried, and it is said", async () => {
  const none = new Connections({
    viewer: () => idOf("a"),
    others: () => 1,
    create: undefined,
    source: fullSource,
    limit: new UploadLimit(clock),
    clock,
    events: { onPeer() {}, onChange() {}, onSent() {}, onLost() {} },
    signal: () => {},
    failed: () => {},
  });
  none.start();
  none.introduce([{ viewer: idOf("b"), name: "", near: true, offer: true }]);
  expect(none.isolation).toBe("no-webrtc");
});

test("the switch reaches every peer", async () => {
  const [a, b] = two();
  a.pool.setGives(false);
  introduceEachOther(a, b);
  await settle();
  expect(b.pool.peers.get(a.id)?.gives).toBe(false);
  a.pool.setGives(true);
  await settle();
  expect(b.pool.peers.get(a.id)?.gives).toBe(true);
});
