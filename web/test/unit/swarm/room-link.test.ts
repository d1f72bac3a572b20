import { beforeEach, describe, expect, test } from "vitest";
import type { ViewerState } from "../../../src/protocol/messages.ts";
import type { Run } from "../../../src/protocol/runs.ts";
import type { LeaseAnswer } from "../../../src/swarm/parts.ts";
import { rejoinAfter } from "../../../src/swarm/rejoin.ts";
import { type RoomSocket, SocketRoomLink } from "../../../src/swarm/room-link.ts";
import { seed, seeded } from "../random.ts";
import { FakeClock } from "./fake-clock.ts";

const ticket = "mzxw6ytboi2a.proof";
const peer = "abcdefgh2345";

class FakeSocket extends EventTarget implements RoomSocket {
  readyState = 0;
  bufferedAmount = 0;
  readonly sent: Record<string, unknown>[] = [];
  closedWith: number | undefined;

  send(text: string): void {
    if (this.readyState !== 1) throw new Error("not open");
    this.sent.push(JSON.parse(text));
  }

  close(code?: number): void {
    if (this.readyState >= 2) return;
    this.readyState = 3;
    this.closedWith = code;
  }

  open(): void {
    this.readyState = 1;
    this.dispatchEvent(new Event("open"));
  }

  say(data: unknown): void {
    this.dispatchEvent(
      new MessageEvent("message", { data: typeof data === "string" ? data : JSON.stringify(data) }),
    );
  }

  /** As when the node or the network ends it. */
  break(code: number): void {
    this.readyState = 3;
    this.dispatchEvent(Object.assign(new Event("close"), { code }));
  }

  welcome(epoch = 1): void {
    this.open();
    const times = { state_ms: 2000, have_ms: 500, lease_ms: 8000 };
    this.say({ t: "welcome", viewer: "mzxw6ytboi2a", epoch, viewers: 3, ...times });
  }

  of(t: string): Record<string, unknown>[] {
    return this.sent.filter((message) => message.t === t);
  }
}

const state: ViewerState = {
  position: 1.5,
  buffer: 10,
  playing: true,
  renditions: ["v0"],
  peers: 2,
  bytes: { origin: 1, peers: 2, cache: 3, uploaded: 4, duplicate: 5, rejected: 6 },
};

let clock: FakeClock;
let sockets: FakeSocket[];
let events: string[];
let answers: LeaseAnswer[];
let tickets: (string | undefined | Error)[];
let random: () => number;
let now: ViewerState;

beforeEach(() => {
  clock = new FakeClock();
  sockets = [];
  events = [];
  answers = [];
  tickets = [];
  random = () => 0.5;
  now = state;
});

function link(open?: () => RoomSocket): SocketRoomLink {
  const made: SocketRoomLink = new SocketRoomLink({
    url: "ws://box.lan/api/v1/swarm?video=x",
    ticket,
    newTicket: async () => {
      const next = tickets.shift();
      if (next instanceof Error) throw next;
      return next;
    },
    name: "Ada\n",
    share: "all",
    open:
      open ??
      ((_, protocol) => {
        expect(protocol).toBe("shoal.swarm.1");
        const socket = new FakeSocket();
        sockets.push(socket);
        return socket;
      }),
    state: () => now,
    clock,
    random: () => random(),
    events: {
      onRoom: () => events.push(`${made.joined ? "joined" : "away"} ${made.viewers}`),
      onLeases: (answer) => answers.push(answer),
      onPeers: (add, remove) => events.push(`peers +${add.length} -${remove.length}`),
      onSignal: (from, kind, data) => events.push(`signal ${from} ${kind} ${data}`),
      onBanned: (id) => events.push(`banned ${id}`),
    },
  });
  return made;
}

function last(): FakeSocket {
  const socket = sockets.at(-1);
  if (socket === undefined) throw new Error("no socket was opened");
  return socket;
}

function joined(): SocketRoomLink {
  const made = link();
  made.start();
  last().welcome();
  return made;
}

/** Lets time go on until so many sockets were opened. */
function untilSocket(count: number): void {
  for (let ms = 0; sockets.length < count; ms += 50) {
    if (ms > 60_000) throw new Error("no socket was opened in a minute");
    clock.advance(50);
  }
}

const run = (first: number, count = 1, rendition = "v0"): Run => ({ rendition, first, count });
const microtasks = () => new Promise((resolve) => setImmediate(resolve));

describe("joining", () => {
  test("it joins with its ticket, and the first messages tell all", () => {
    const room = link();
    expect([room.viewer, room.joined, room.viewers]).toEqual(["mzxw6ytboi2a", false, 1]);
    room.tellHave([run(0, 3)], []);
    room.start();
    last().welcome();
    expect(last().sent).toEqual([
      { t: "join", viewer: ticket, name: "Ada", share: "all" },
      { t: "have", full: true, add: [["v0", 0, 3]], drop: [] },
      { t: "state", ...state },
    ]);
    expect([room.joined, room.viewers]).toEqual([true, 3]);
    expect(events).toEqual(["joined 3"]);
  });

  test("what the room says is handed on", () => {
    joined();
    last().say({ t: "room", viewers: 9 });
    last().say({ t: "peers", add: [{ viewer: peer, name: "", near: true, offer: true }], remove: [] });
    last().say({ t: "signal", from: peer, kind: "offer", data: "x" });
    last().say({ t: "banned", peer });
    expect(events.slice(1)).toEqual(["joined 9", "peers +1 -0", `signal ${peer} offer x`, `banned ${peer}`]);
  });

  test.each([
    "no JSON",
    '{"t":"news"}',
    '{"t":"room","viewers":-1}',
    '{"t":"welcome","viewer":"mzxw6ytboi2a","epoch":1,"viewers":1,"state_ms":1,"have_ms":1,"lease_ms":1}',
  ])("after a message that is none (%s) it stays away", (text) => {
    joined();
    last().say(text);
    expect(last().closedWith).toBe(4000);
    expect(events.at(-1)).toBe("away 1");
    clock.advance(1_000_000);
    expect(sockets.length).toBe(1);
  });

  test("whoever speaks before welcome is no room", () => {
    link().start();
    last().open();
    last().say({ t: "room", viewers: 2 });
    expect(last().closedWith).toBe(4000);
  });

  test("bytes instead of text are no message", () => {
    joined();
    last().dispatchEvent(new MessageEvent("message", { data: new ArrayBuffer(3) }));
    expect(last().closedWith).toBe(4000);
  });

  test("a room that does not answer is tried again", () => {
    link().start();
    last().open();
    clock.advance(10_000);
    expect(last().closedWith).toBe(3000);
    clock.advance(500);
    expect(sockets.length).toBe(2);
  });

  test("a socket that cannot be opened is tried again, and nothing is thrown", () => {
    let tries = 0;
    const room = link(() => {
      tries += 1;
      throw new Error("forbidden");
    });
    room.start();
    clock.advance(60_000);
    expect(tries).toBeGreaterThan(4);
    expect(tries).toBeLessThan(12);
    room.close();
    expect(clock.waiting).toBe(0);
  });
});

describe("coming back", () => {
  test.each([
    [1001, 500, 3000],
    [1006, 250, 500],
    [1000, 250, 500],
    [4001, 30_000, 35_000],
    [4002, 1000, 5000],
    [4006, 30_000, 35_000],
  ])("after %i it waits between %i and %i ms", (code, least, most) => {
    expect(rejoinAfter(code, 0, 0)).toEqual({ waitMs: least });
    const longest = rejoinAfter(code, 0, 1);
    expect(longest).toEqual({ waitMs: most });
  });

  test.each([4000, 4003, 4005])("after %i it stays away", (code) => {
    const room = joined();
    last().break(code);
    clock.advance(10_000_000);
    room.onNetworkChange();
    clock.advance(10_000);
    expect(sockets.length).toBe(1);
    expect([room.joined, clock.waiting]).toEqual([false, 0]);
  });

  test("the times double up to 15 s, each at random between half and the whole", () => {
    const waits = Array.from({ length: 8 }, (_, tries) => rejoinAfter(1006, tries, 0));
    expect(waits).toEqual([250, 500, 1000, 2000, 4000, 7500, 7500, 7500].map((waitMs) => ({ waitMs })));
  });

  test("a room that throws everybody out at once is not stormed", () => {
    const room = link();
    room.start();
    for (let ms = 0; ms < 60_000; ms += 50) {
      if (last().readyState === 0) {
        last().welcome();
        last().break(1006);
      }
      clock.advance(50);
    }
    expect(sockets.length).toBeLessThan(14);
    room.close();
  });

  test("after a connection that held the times begin anew", () => {
    joined();
    for (let i = 0; i < 5; i++) {
      last().break(1006);
      untilSocket(sockets.length + 1);
      last().welcome();
    }
    clock.advance(15_000);
    last().break(1006);
    clock.advance(499);
    expect(sockets.length).toBe(7);
  });

  test("it tells all again, with the same ticket", () => {
    const room = joined();
    room.tellHave([run(0, 5)], []);
    clock.advance(500);
    last().break(1006);
    expect([room.joined, room.viewers]).toEqual([false, 1]);
    room.tellHave([run(9)], [run(0, 2)]);
    room.report(peer, { rendition: "v0", ordinal: 4 });
    room.failed(peer, "closed");
    room.signal(peer, "offer", "is lost");
    room.setShare("lan");
    clock.advance(500);
    last().welcome(2);
    expect(last().sent).toEqual([
      { t: "join", viewer: ticket, name: "Ada", share: "lan" },
      {
        t: "have",
        full: true,
        add: [
          ["v0", 2, 3],
          ["v0", 9, 1],
        ],
        drop: [],
      },
      { t: "state", ...state },
      { t: "report", peer, chunk: ["v0", 4, 1] },
      { t: "failed", peer, why: "closed" },
    ]);
    expect(events).toEqual(["joined 3", "away 1", "joined 3"]);
  });

  test("another ticket is fetched when this one is not good, and used", async () => {
    const room = joined();
    tickets = ["aaaaaaaaaaaa.new"];
    last().break(4004);
    await microtasks();
    last().welcome();
    expect(last().sent[0]?.viewer).toBe("aaaaaaaaaaaa.new");
    expect(room.viewer).toBe("aaaaaaaaaaaa");
  });

  test("without another ticket it stays away; where none can be fetched it tries later", async () => {
    joined();
    tickets = [undefined];
    last().break(4004);
    await microtasks();
    expect(clock.waiting).toBe(0);
    joined();
    tickets = [new Error("no answer"), "aaaaaaaaaaaa.new"];
    last().break(4004);
    await microtasks();
    expect(sockets.length).toBe(2);
    untilSocket(3);
  });

  test("a page that is put away leaves, and joins again when it is back", () => {
    const room = joined();
    room.rest();
    expect(last().closedWith).toBe(1000);
    expect(events).toEqual(["joined 3", "away 1"]);
    expect(clock.waiting).toBe(0);
    room.start();
    room.start();
    last().welcome();
    expect([sockets.length, room.joined]).toEqual([2, true]);
    room.close();
    room.start();
    room.rest();
    expect([sockets.length, clock.waiting]).toEqual([2, 0]);
  });

  test("when the network is back it does not wait for the old connection to die", () => {
    const room = joined();
    room.onNetworkChange();
    expect(last().closedWith).toBe(3000);
    clock.advance(250);
    last().welcome();
    expect(events).toEqual(["joined 3", "away 1", "joined 3"]);
    last().break(1006);
    room.onNetworkChange();
    clock.advance(250);
    expect(sockets.length).toBe(3);
  });

  test("after a sleep of the machine it connects anew; a page in the background does not", () => {
    joined();
    clock.sleep(60_000);
    expect(sockets.length).toBe(1);
    clock.sleep(100_000);
    clock.advance(500);
    expect(sockets.length).toBe(2);
  });

  test("a room that takes nothing is left", () => {
    const room = joined();
    last().bufferedAmount = 2 << 20;
    room.signal(peer, "offer", "x");
    expect(room.joined).toBe(true);
    clock.advance(0);
    expect(room.joined).toBe(false);
  });
});

describe("telling", () => {
  test("changes of what is here are told together, once in a while", () => {
    const room = joined();
    for (let ordinal = 0; ordinal < 10; ordinal++) room.tellHave([run(ordinal)], []);
    room.tellHave([], [run(3)]);
    room.tellHave([], [run(50)]);
    clock.advance(499);
    expect(last().of("have").length).toBe(1);
    clock.advance(1);
    expect(last().of("have")[1]).toEqual({
      t: "have",
      full: false,
      add: [
        ["v0", 0, 3],
        ["v0", 4, 6],
      ],
      drop: [],
    });
    room.tellHave([run(3)], [run(0)]);
    room.tellHave([run(0)], [run(3)]);
    clock.advance(5000);
    expect(last().of("have").length).toBe(2);
  });

  test(`the room knows what is here, whatever is told when (seed ${seed})`, () => {
    const numbers = seeded(seed);
    const room = joined();
    const here = new Set<number>();
    const known = new Set<number>();
    let read = 0;
    const take = () => {
      for (const { full, add, drop } of last().of("have").slice(read) as unknown as Have[]) {
        read += 1;
        expect(add.length + drop.length).toBeLessThanOrEqual(512);
        if (full) known.clear();
        for (const [, first, count] of add) for (let i = 0; i < count; i++) known.add(first + i);
        for (const [, first, count] of drop) for (let i = 0; i < count; i++) known.delete(first + i);
      }
    };
    for (let step = 0; step < 300; step++) {
      // Every second one, so that the runs are many.
      const ordinals = Array.from({ length: 40 }, () => Math.floor(numbers() * 1500) * 2);
      const adds = numbers() < 0.7;
      for (const ordinal of ordinals) adds ? here.add(ordinal) : here.delete(ordinal);
      const runs = ordinals.map((ordinal) => run(ordinal));
      room.tellHave(adds ? runs : [], adds ? [] : runs);
      if (numbers() < 0.3) clock.advance(200);
      take();
      if (numbers() < 0.02) {
        last().break(1006);
        clock.advance(60_000);
        last().welcome();
        known.clear();
        read = 0;
      }
    }
    clock.advance(1000);
    take();
    expect([...known].sort()).toEqual([...here].sort());
  });

  test("the state is told in time, and soon after it was said to have changed", () => {
    const room = joined();
    clock.advance(6000);
    expect(last().of("state").length).toBe(4);
    room.tellState();
    room.tellState();
    clock.advance(249);
    expect(last().of("state").length).toBe(4);
    clock.advance(1);
    expect(last().of("state").length).toBe(5);
    clock.advance(2000);
    expect(last().of("state").length).toBe(6);
  });

  test("a state that the room would not take is made to fit", () => {
    now = { ...state, position: Number.NaN, buffer: -1, peers: 1.5, renditions: Array(20).fill("v0") };
    joined();
    const [told] = last().of("state");
    expect(told).toMatchObject({ position: 0, buffer: 0, peers: 2 });
    expect(told?.renditions).toHaveLength(8);
  });

  test("the switch is told when it changed", () => {
    const room = joined();
    room.setShare("all");
    room.setShare("off");
    expect(last().of("share")).toEqual([{ t: "share", share: "off" }]);
  });
});

interface Have {
  readonly full: boolean;
  readonly add: [string, number, number][];
  readonly drop: [string, number, number][];
}

describe("leases", () => {
  test("what one task asks for goes in one message", async () => {
    const room = joined();
    room.lease([run(3)], false);
    room.lease([run(1), run(2)], false);
    room.lease([run(2)], true);
    room.release([run(9)]);
    expect(last().of("lease")).toEqual([]);
    await microtasks();
    expect(last().sent.slice(-3)).toEqual([
      { t: "release", chunks: [["v0", 9, 1]] },
      { t: "lease", chunks: [["v0", 2, 1]], urgent: true },
      {
        t: "lease",
        chunks: [
          ["v0", 1, 1],
          ["v0", 3, 1],
        ],
        urgent: false,
      },
    ]);
  });

  test("many are asked for in several messages, and not too often", async () => {
    const room = joined();
    room.lease([run(0, 150)], false);
    await microtasks();
    expect(
      last()
        .of("lease")
        .map(({ chunks }) => chunks),
    ).toEqual([[["v0", 0, 64]], [["v0", 64, 64]], [["v0", 128, 22]]]);
    for (let i = 0; i < 50; i++) {
      room.lease([run(1000 + i)], false);
      await microtasks();
      clock.advance(10);
    }
    expect(last().of("lease").length).toBeLessThan(3 + 7);
  });

  test("answers are handed on; those of another epoch are not", () => {
    joined();
    const runs = { granted: [["v0", 1, 2]], held: [["v0", 3, 1]], ready: [["a0", 0, 1]] };
    last().say({ t: "leases", epoch: 2, ...runs });
    last().say({ t: "leases", epoch: 1, ...runs });
    expect(answers).toEqual([{ granted: [run(1, 2)], held: [run(3)], ready: [run(0, 1, "a0")] }]);
  });

  test("what is being fetched is told to the room that one comes back to, what was asked is not", async () => {
    const room = joined();
    room.lease([run(1, 4)], false);
    room.lease([run(10)], true);
    room.lease([run(20)], true);
    await microtasks();
    last().say({ t: "leases", epoch: 1, granted: [["v0", 1, 2]], held: [["v0", 3, 1]], ready: [] });
    room.release([run(2)]);
    room.tellHave([run(20)], []);
    last().break(1001);
    room.lease([run(30)], true);
    room.lease([run(40)], false);
    clock.advance(3000);
    last().welcome(2);
    expect(last().of("lease")).toEqual([
      {
        t: "lease",
        chunks: [
          ["v0", 1, 1],
          ["v0", 10, 1],
          ["v0", 30, 1],
        ],
        urgent: true,
      },
      { t: "lease", chunks: [["v0", 40, 1]], urgent: false },
    ]);
  });
});
