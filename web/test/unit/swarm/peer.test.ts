import { describe, expect, test } from "vitest";
import { encodeControl, encodePiece, maxFrameBytes } from "../../../src/protocol/frames.ts";
import { maxHoldings } from "../../../src/swarm/holdings.ts";
import { highWaterBytes } from "../../../src/swarm/sender.ts";
import { UploadLimit } from "../../../src/swarm/upload-limit.ts";
import { damaged, randomBytes, seed, seeded } from "../random.ts";
import { chunkBytes, chunkOf, connected, HandSource, Pair } from "./pair.ts";

describe("opening", () => {
  test("both sides greet, and tell whether they give", () => {
    const { a, b } = connected({ gives: false });
    expect([a.events, b.events]).toEqual([["open"], ["open"]]);
    expect([a.peer.gives, b.peer.gives]).toEqual([true, false]);
  });

  test("nothing is sent before both channels are open, and what comes before that is not lost", () => {
    const { a, b } = new Pair({}, {}, "connecting");
    for (const channel of [b.control, b.data, a.control]) channel.open();
    b.control.deliver();
    expect(a.control.outbox).toEqual([]);
    expect(a.events).toEqual([]);
    a.data.open();
    expect(a.events).toEqual(["open"]);
    expect(a.told).toEqual([{ kind: "hello", givesNothing: false }]);
  });

  test("the switch can be turned while connected", () => {
    const source = new HandSource();
    const pair = connected({}, { source });
    const answer = pair.a.ask(1);
    pair.settle();
    pair.b.peer.setGives(false);
    pair.settle();
    expect(pair.a.peer.gives).toBe(false);
    expect(answer.failed).toEqual(["refused"]);
    expect(source.reads[0]?.stopped).toBe(true);
    pair.b.peer.setGives(true);
    pair.settle();
    expect(pair.a.peer.gives).toBe(true);
  });
});

describe("asking", () => {
  test("a chunk comes whole, in frames that are not too long", () => {
    const pair = connected();
    const answer = pair.a.ask(3);
    pair.settle();
    expect(answer.is(3)).toBe(true);
    expect([answer.got, answer.done, answer.failed]).toEqual([chunkBytes, 1, []]);
    expect(pair.b.peer.stats.sent).toBe(chunkBytes);
    expect(pair.a.peer.stats.received).toBe(chunkBytes);
    expect(pair.clock.waiting).toBe(0);
  });

  test("the other side's longest message is not exceeded", () => {
    const pair = connected({}, { maxMessageBytes: () => 16_384 });
    pair.a.ask(3);
    pair.a.control.deliver();
    expect(Math.max(...pair.b.data.outbox.map(({ length }) => length))).toBe(16_384);
  });

  test("a range comes, and nothing beside it", () => {
    const pair = connected();
    const answer = pair.a.ask(5, { offset: 100_000, length: 300_001 });
    pair.settle();
    expect(answer.is(5, 100_000, 400_001)).toBe(true);
    expect([answer.got, answer.done]).toEqual([300_001, 1]);
  });

  test(`pieces may come in any order (seed ${seed})`, () => {
    const random = seeded(seed);
    const pair = connected();
    const answers = [1, 2, 3, 4].map((ordinal) => pair.a.ask(ordinal));
    pair.settle((count) => Math.floor(random() * count));
    expect(answers.map((answer, index) => answer.is(index + 1))).toEqual([true, true, true, true]);
    expect(pair.a.events).toEqual(["open"]);
  });

  test("what is not asked for any more is passed over", () => {
    const pair = connected();
    const answer = pair.a.ask(1);
    pair.a.control.deliver();
    pair.b.data.deliver();
    const got = answer.got;
    answer.cancel();
    answer.cancel();
    pair.settle();
    expect([answer.got, answer.done, answer.failed]).toEqual([got, 0, []]);
    expect(pair.clock.waiting).toBe(0);
    expect(pair.a.events).toEqual(["open"]);
  });

  test("more than sixteen at a time fail here at once, but never before request has returned", async () => {
    const source = new HandSource();
    const pair = connected({}, { source });
    const answers = Array.from({ length: 20 }, (_, ordinal) => pair.a.ask(ordinal));
    expect(answers.flatMap(({ failed }) => failed)).toEqual([]);
    await Promise.resolve();
    expect(answers.flatMap(({ failed }) => failed)).toEqual(["busy", "busy", "busy", "busy"]);
    pair.settle();
    expect(source.reads.length).toBe(16);
  });

  test("after the end a request fails", async () => {
    const pair = connected();
    const before = pair.a.ask(1);
    pair.a.peer.close();
    expect(before.failed).toEqual(["closed"]);
    const after = pair.a.ask(2);
    await Promise.resolve();
    expect(after.failed).toEqual(["closed"]);
  });

  test.each([
    ["not-here", "refused"],
    ["busy", "busy"],
    ["not-a-range", "refused"],
  ] as const)("refused as %s", (why, told) => {
    const source = new HandSource();
    const pair = connected({}, { source });
    const answer = pair.a.ask(1);
    pair.settle();
    source.reads[0]?.onEnd(why);
    pair.settle();
    expect(answer.failed).toEqual([told]);
  });

  test("pieces that are overtaken by a refusal are passed over", () => {
    const source = new HandSource();
    const pair = connected({}, { source });
    const answer = pair.a.ask(1);
    pair.settle();
    source.reads[0]?.onBytes(0, new Uint8Array(100_000));
    source.reads[0]?.onEnd("not-here");
    pair.b.control.deliver();
    expect(answer.failed).toEqual(["refused"]);
    pair.settle();
    expect([answer.got, pair.a.events]).toEqual([0, ["open"]]);
  });
});

describe("silence", () => {
  test("a transfer without bytes for two seconds is silent, and the peer is told to stop", () => {
    const source = new HandSource();
    const pair = connected({}, { source });
    const answer = pair.a.ask(1);
    pair.settle();
    pair.clock.advance(1999);
    expect(answer.failed).toEqual([]);
    pair.clock.advance(1);
    expect(answer.failed).toEqual(["silent"]);
    pair.settle();
    expect(source.reads[0]?.stopped).toBe(true);
    expect(pair.clock.waiting).toBe(0);
  });

  test("one that waits for its turn is not silent while others come", () => {
    const source = new HandSource();
    const pair = connected({}, { source });
    const [first, second] = [pair.a.ask(1), pair.a.ask(2)];
    pair.settle();
    for (let at = 0; at < 5; at++) {
      pair.clock.advance(1500);
      source.reads[0]?.onBytes(at * 1000, new Uint8Array(1000));
      pair.settle();
    }
    expect([first.failed, second.failed]).toEqual([[], []]);
    pair.clock.advance(2000);
    expect([first.failed, second.failed]).toEqual([["silent"], ["silent"]]);
  });

  test("one of a chunk that the peer is fetching itself may take ten seconds", () => {
    const source = new HandSource();
    const pair = connected({}, { source });
    pair.b.peer.tell([{ rendition: "v0", first: 1, count: 1, state: "fetching" }], false);
    pair.settle();
    const answer = pair.a.ask(1);
    pair.settle();
    pair.clock.advance(9999);
    expect(answer.failed).toEqual([]);
    pair.clock.advance(1);
    expect(answer.failed).toEqual(["silent"]);
  });

  test("a sleep of the machine makes nobody silent", () => {
    const pair = connected();
    const answer = pair.a.ask(1);
    pair.clock.sleep(60_000);
    expect(answer.failed).toEqual([]);
    pair.settle();
    expect(answer.done).toBe(1);
  });

  test("its pieces are passed over for ten seconds, and end the connection later", () => {
    const source = new HandSource();
    const pair = connected({}, { source });
    pair.a.ask(1);
    pair.clock.advance(2000);
    const late = encodePiece({ id: 0, offset: 0, bytes: new Uint8Array(9) });
    pair.clock.advance(10_000);
    pair.a.data.receive(late);
    expect(pair.a.events).toEqual(["open"]);
    pair.clock.advance(1);
    pair.a.data.receive(late);
    expect(pair.a.events).toEqual(["open", "breach"]);
  });
});

describe("answering", () => {
  test("the channel is never given more than the high water mark and one frame", () => {
    const pair = connected();
    for (let ordinal = 0; ordinal < 8; ordinal++) pair.a.ask(ordinal);
    while (pair.a.control.deliver());
    expect(pair.b.data.bufferedAmount).toBeGreaterThanOrEqual(highWaterBytes);
    expect(pair.b.data.bufferedAmount).toBeLessThan(highWaterBytes + maxFrameBytes);
    let lowest = highWaterBytes;
    while (pair.b.data.deliver() && pair.b.peer.stats.sent < 8 * chunkBytes) {
      lowest = Math.min(lowest, pair.b.data.bufferedAmount);
      expect(pair.b.data.bufferedAmount).toBeLessThan(highWaterBytes + maxFrameBytes);
    }
    expect(lowest).toBeGreaterThan(0);
  });

  test("requests are answered in turn, and an urgent one goes before", () => {
    const pair = connected();
    const answers = [1, 2, 3].map((ordinal) => pair.a.ask(ordinal));
    pair.settleUntil(() => answers.every(({ got }) => got > 0));
    expect(answers.some(({ done }) => done > 0)).toBe(false);
    const urgent = pair.a.ask(4, { urgent: true });
    while (pair.a.control.deliver());
    pair.settleUntil(() => urgent.done > 0);
    expect(answers.some(({ done }) => done > 0)).toBe(false);
    pair.settle();
    expect(answers.map(({ done }) => done)).toEqual([1, 1, 1]);
  });

  test("after a cancel nothing more of it is sent", () => {
    const pair = connected();
    const answer = pair.a.ask(1);
    pair.settleUntil(() => answer.got > 0);
    answer.cancel();
    while (pair.a.control.deliver());
    const sent = pair.b.peer.stats.sent;
    pair.settle();
    expect(pair.b.peer.stats.sent).toBe(sent);
    expect(sent).toBeLessThan(highWaterBytes + 2 * maxFrameBytes);
  });

  test("ten thousand requests at once: sixteen are answered, the others refused", () => {
    const source = new HandSource();
    const { a, b } = connected({}, { source });
    const piece = { rendition: "v0", ordinal: 0, offset: 0, length: 1, urgent: false };
    for (let id = 0; id < 10_000; id++) a.forge({ kind: "request", id, ...piece });
    while (a.control.deliver());
    expect(source.reads.length).toBe(16);
    expect(b.told.filter((frame) => frame.kind === "refuse" && frame.why === "busy").length).toBe(9984);
    expect(b.events).toEqual(["open"]);
  });

  test("who asks on and on and takes no answer is given up", () => {
    const { b } = connected({}, { gives: false });
    const piece = { rendition: "v0", ordinal: 0, offset: 0, length: 1, urgent: false };
    const frame = encodeControl({ kind: "request", id: 0, ...piece });
    for (let id = 0; id < 200_000 && b.control.readyState === "open"; id++) {
      new DataView(frame.buffer).setUint32(1, id);
      b.control.receive(frame);
    }
    expect(b.events).toEqual(["open", "closed"]);
  }, 30_000);

  test("who gives nothing refuses everything", () => {
    const pair = connected({}, { gives: false });
    const answer = pair.a.ask(1);
    pair.settle();
    expect(answer.failed).toEqual(["refused"]);
  });

  test("bytes that are still coming in are passed on as they come", () => {
    const source = new HandSource();
    const pair = connected({}, { source });
    const answer = pair.a.ask(1, { length: 300 });
    pair.settle();
    for (const at of [200, 0, 100]) {
      source.reads[0]?.onBytes(at, chunkOf(1).subarray(at, at + 100));
      pair.settle();
    }
    source.reads[0]?.onEnd();
    expect([answer.got, answer.done]).toEqual([300, 1]);
    expect(answer.is(1, 0, 300)).toBe(true);
  });

  test("a source that ends before it gave all refuses what is left", () => {
    const source = new HandSource();
    const pair = connected({}, { source });
    const answer = pair.a.ask(1, { length: 300 });
    pair.settle();
    source.reads[0]?.onBytes(0, new Uint8Array(100));
    source.reads[0]?.onEnd();
    pair.settle();
    expect(answer.failed).toEqual(["refused"]);
  });

  test("a side that closes in mid piece ends both sides, and stops what was read", () => {
    const source = new HandSource();
    const pair = connected({}, { source });
    const answer = pair.a.ask(1);
    pair.settle();
    source.reads[0]?.onBytes(0, new Uint8Array(500_000));
    pair.b.data.deliver();
    pair.a.data.close();
    expect(answer.failed).toEqual(["closed"]);
    expect([pair.a.events, pair.b.events]).toEqual([
      ["open", "closed"],
      ["open", "closed"],
    ]);
    expect(source.reads[0]?.stopped).toBe(true);
    expect(pair.clock.waiting).toBe(0);
  });

  test("a channel that takes nothing ends the connection", () => {
    const pair = connected();
    pair.b.data.refuses = true;
    const answer = pair.a.ask(1);
    pair.settle();
    expect(pair.b.events).toEqual(["open", "closed"]);
    expect(answer.failed).toEqual(["closed"]);
  });
});

describe("limits on giving", () => {
  test("no more leaves than the limit allows, and peers take turns", () => {
    const rate = 1_000_000;
    const first = connected();
    const limit = new UploadLimit(first.clock, rate);
    const pairs = [1, 2, 3].map(() => connected({ clock: first.clock }, { limit, clock: first.clock }));
    for (const pair of pairs) for (let ordinal = 0; ordinal < 4; ordinal++) pair.a.ask(ordinal);
    for (let step = 0; step < 400; step++) {
      for (const pair of pairs) pair.settle();
      first.clock.advance(10);
    }
    const sent = pairs.map((pair) => pair.b.peer.stats.sent);
    const total = sent.reduce((sum, bytes) => sum + bytes, 0);
    expect(total).toBeGreaterThan(rate * 3.9);
    expect(total).toBeLessThan(rate * 4.25 + maxFrameBytes);
    expect(Math.max(...sent) - Math.min(...sent)).toBeLessThanOrEqual(rate / 4 + 2 * maxFrameBytes);
  });

  test("the limit can be lifted, and set, at any time", () => {
    const pair = connected();
    const limit = new UploadLimit(pair.clock, 1000);
    const slow = connected({ clock: pair.clock }, { limit, clock: pair.clock });
    const answer = slow.a.ask(1);
    slow.settle();
    expect(answer.done).toBe(0);
    limit.setRate(Number.POSITIVE_INFINITY);
    slow.settle();
    expect(answer.done).toBe(1);
    limit.setRate(0);
    const none = slow.a.ask(2);
    slow.settle();
    expect(none.got).toBe(0);
  });

  test("who left the line does not hold up the others", () => {
    const { clock } = connected();
    const limit = new UploadLimit(clock, 100_000);
    const [one, two] = [1, 2].map(() => connected({ clock }, { limit, clock }));
    const answers = [one?.a.ask(1), two?.a.ask(1)];
    one?.settle();
    two?.settle();
    one?.a.peer.close();
    for (let step = 0; step < 300; step++) {
      clock.advance(50);
      two?.settle();
    }
    expect(answers.map((answer) => answer?.done)).toEqual([0, 1]);
  });
});

describe("inventories", () => {
  test("what was told can be asked for by place", () => {
    const pair = connected();
    pair.b.peer.tell([{ rendition: "v0", first: 10, count: 3, state: "here" }], false);
    pair.b.peer.tell([{ rendition: "v0", first: 11, count: 1, state: "gone" }], false);
    pair.b.peer.tell([{ rendition: "a0", first: 0, count: 1, state: "fetching" }], false);
    pair.settle();
    const held = [10, 11, 12, 13].map((ordinal) => pair.a.peer.holds({ rendition: "v0", ordinal }));
    expect(held).toEqual(["here", undefined, "here", undefined]);
    expect(pair.a.peer.holds({ rendition: "a0", ordinal: 0 })).toBe("fetching");
    expect(pair.a.events).toEqual(["open", "change", "change", "change"]);
    pair.b.peer.tell([], true);
    pair.settle();
    expect(pair.a.peer.holds({ rendition: "v0", ordinal: 10 })).toBeUndefined();
  });

  test("a long inventory is told in several frames, and only the first forgets", () => {
    const pair = connected();
    const changes = Array.from({ length: 3000 }, (_, at) => {
      return { rendition: "v0", first: at * 2, count: 1, state: "here" } as const;
    });
    pair.b.peer.tell(changes, true);
    pair.settle();
    expect(changes.every(({ first }) => pair.a.peer.holds({ rendition: "v0", ordinal: first }))).toBe(true);
  });

  test("who tells of more than a browser can have is given up", () => {
    const { a, b } = connected();
    const tell = (rendition: string, first: number) => {
      a.forge({
        kind: "inventory",
        full: false,
        changes: [{ rendition, first, count: 1024, state: "here" }],
      });
    };
    for (let first = 0; first < maxHoldings; first += 1024) tell(first % 2048 === 0 ? "v0" : "a0", first);
    tell("v0", 0);
    while (a.control.deliver());
    expect(b.events.at(-1)).toBe("change");
    tell("v1", 0);
    a.control.deliver();
    expect(b.events.at(-1)).toBe("breach");
  });
});

describe("what breaks the protocol ends the connection", () => {
  const bytes = new Uint8Array(10);
  test.each([
    ["a piece that was not asked for", encodePiece({ id: 99, offset: 0, bytes })],
    ["a piece before its range", encodePiece({ id: 0, offset: 99_999, bytes })],
    ["a piece behind its range", encodePiece({ id: 0, offset: 199_991, bytes })],
    ["an empty message", new Uint8Array(0)],
    ["a piece without bytes", encodePiece({ id: 0, offset: 100_000, bytes }).slice(0, 12)],
    ["a piece that is too long", new Uint8Array(maxFrameBytes + 1).fill(16)],
    ["a text", "hello"],
  ])("%s", (_, message) => {
    const pair = connected();
    const answer = pair.a.ask(1, { offset: 100_000, length: 100_000 });
    pair.a.data.receive(message);
    expect(pair.a.events).toEqual(["open", "breach"]);
    expect(answer.failed).toEqual(["closed"]);
    expect(pair.b.events).toEqual(["open", "closed"]);
  });

  test.each([
    ["the same piece twice", 0, 10],
    ["a piece that overlaps another", 5, 10],
    ["a piece around another", 0, 30],
  ])("%s", (_, offset, length) => {
    const { a } = connected();
    const answer = a.ask(1);
    a.data.receive(encodePiece({ id: 0, offset: 0, bytes }));
    a.data.receive(encodePiece({ id: 0, offset: 20, bytes }));
    a.data.receive(encodePiece({ id: 0, offset, bytes: new Uint8Array(length) }));
    expect(a.events).toEqual(["open", "breach"]);
    expect(answer.got).toBe(20);
  });

  test("a piece of a request that is done", () => {
    const { a } = connected();
    a.ask(1, { length: 10 });
    const piece = encodePiece({ id: 0, offset: 0, bytes });
    a.data.receive(piece);
    a.data.receive(piece);
    expect(a.events).toEqual(["open", "breach"]);
  });

  test("bytes scattered one by one", () => {
    const { a } = connected();
    a.ask(1);
    for (let offset = 0; a.events.length === 1 && offset < 10_000; offset += 2) {
      a.data.receive(encodePiece({ id: 0, offset, bytes: Uint8Array.of(1) }));
    }
    expect(a.events).toEqual(["open", "breach"]);
  });

  test("anything before hello", () => {
    const { a } = new Pair();
    a.control.receive(encodeControl({ kind: "cancel", id: 0 }));
    expect(a.events).toEqual(["breach"]);
  });

  test("two requests of one id at a time", () => {
    const { a, b } = connected({}, { source: new HandSource() });
    const request = { kind: "request", id: 5, rendition: "v0", ordinal: 0, offset: 0, length: 1 } as const;
    a.forge({ ...request, urgent: false });
    a.forge({ ...request, urgent: true });
    while (a.control.deliver());
    expect(b.events).toEqual(["open", "breach"]);
  });
});

test("cancels and refusals of what is not there any more are passed over", () => {
  const { a, b } = connected();
  a.forge({ kind: "cancel", id: 4 });
  a.forge({ kind: "refuse", id: 4, why: "busy" });
  while (a.control.deliver());
  expect(b.events).toEqual(["open"]);
});

test(`requests and cancels in any order keep both sides in step (seed ${seed})`, () => {
  const random = seeded(seed);
  const source = new HandSource();
  const pair = connected({}, { source });
  const answers: ReturnType<typeof pair.a.ask>[] = [];
  for (let step = 0; step < 1500; step++) {
    const chance = random();
    if (chance < 0.3) answers.push(pair.a.ask(step, { length: 1 + Math.floor(random() * 100_000) }));
    else if (chance < 0.5) answers[Math.floor(random() * answers.length)]?.cancel();
    else if (chance < 0.7) {
      const read = source.reads[Math.floor(random() * source.reads.length)];
      if (read !== undefined && !read.stopped) {
        read.stopped = true;
        read.onBytes(0, new Uint8Array(read.piece.length));
        read.onEnd();
      }
    } else if (chance < 0.8) pair.a.control.deliver();
    else if (chance < 0.9) pair.b.control.deliver();
    else pair.b.data.deliver(Math.floor(random() * pair.b.data.outbox.length));
    if (random() < 0.01) pair.clock.advance(300);
  }
  pair.settle();
  expect([pair.a.events, pair.b.events]).toEqual([["open"], ["open"]]);
  expect(answers.filter(({ done, failed }) => done + failed.length > 1)).toEqual([]);
  pair.clock.advance(30_000);
  expect(pair.clock.waiting).toBe(0);
});

test(`whatever comes in, nothing is thrown (seed ${seed})`, () => {
  const random = seeded(seed);
  const good = [
    encodeControl({ kind: "hello", givesNothing: false }),
    encodeControl({
      kind: "inventory",
      full: false,
      changes: [{ rendition: "v0", first: 1, count: 9, state: "here" }],
    }),
    encodeControl({
      kind: "request",
      id: 1,
      rendition: "v0",
      ordinal: 0,
      offset: 0,
      length: 1,
      urgent: true,
    }),
    encodePiece({ id: 0, offset: 5, bytes: new Uint8Array(40) }),
  ];
  for (let i = 0; i < 400; i++) {
    const { a } = connected();
    a.ask(1);
    for (let n = 0; n < 4; n++) {
      const base = good[Math.floor(random() * good.length)] ?? randomBytes(random, 9);
      const message = random() < 0.4 ? base : damaged(base, random);
      (random() < 0.5 ? a.control : a.data).receive(Uint8Array.from(message));
    }
    if (a.events.filter((event) => event === "breach").length > 1) throw new Error("it ended twice");
  }
});

test("how long a peer takes to its first byte is measured, and what comes after that is not", () => {
  const source = new HandSource();
  const pair = connected({}, { source });
  expect(pair.a.peer.stats.firstByteMs).toBe(0);
  for (let ordinal = 0; ordinal < 4; ordinal++) {
    pair.a.ask(ordinal, { length: 100_000 });
    pair.settle();
    for (let at = 0; at < 100_000; at += 50_000) {
      pair.clock.advance(at === 0 ? 100 : 900);
      source.reads[ordinal]?.onBytes(at, new Uint8Array(50_000));
      pair.settle();
    }
  }
  expect(pair.a.peer.stats.firstByteMs).toBe(100);
});
