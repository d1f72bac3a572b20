import { expect, test } from "vitest";
import { type Fetch, Origin } from "../../../src/swarm/origin.ts";
import { VirtualClock } from "./sim/virtual-clock.ts";

const film = Uint8Array.from({ length: 1000 }, (_, i) => i % 251);

interface Asked {
  readonly url: string;
  readonly range: string | null;
}

/** A server that answers by what it is told, one answer a request. */
function serving(answers: ((range: string | null, signal: AbortSignal) => Response | Promise<Response>)[]) {
  const asked: Asked[] = [];
  const fetch: Fetch = async (url, init) => {
    const range = new Headers(init.headers).get("Range");
    asked.push({ url, range });
    const answer = answers[Math.min(asked.length, answers.length) - 1];
    if (answer === undefined) throw new TypeError("no network");
    return answer(range, init.signal as AbortSignal);
  };
  return { fetch, asked };
}

const whole = () => new Response(film, { headers: { "Content-Length": "1000" } });

function part(range: string | null): Response {
  const [, from = "0", to = "999"] = /^bytes=(\d+)-(\d*)$/.exec(range ?? "") ?? [];
  return new Response(film.slice(Number(from), Number(to || 999) + 1), { status: 206 });
}

/** Sends some bytes and then breaks off. */
function broken(bytes: number): Response {
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (bytes === 0) controller.error(new TypeError("connection reset"));
      else controller.enqueue(film.slice(0, bytes));
      bytes = 0;
    },
  });
  return new Response(body, { headers: { "Content-Length": "1000" } });
}

async function get(origin: Origin, clock: VirtualClock, range: { start: number; end: number } | null) {
  const got: number[] = [];
  let end: string | undefined;
  const stop = origin.get("film", range, {
    onBytes: (bytes) => got.push(...bytes),
    onDone: () => (end = "done"),
    onFailed: (status) => (end = `failed ${status}`),
  });
  for (let i = 0; i < 400 && end === undefined; i++) {
    await new Promise((resolve) => setImmediate(resolve));
    await clock.runTo(clock.now() + 200);
  }
  return { got: Uint8Array.from(got), end, stop };
}

test("a whole segment is asked for without a range", async () => {
  const clock = new VirtualClock();
  const { fetch, asked } = serving([whole]);
  const { got, end } = await get(new Origin(fetch, clock), clock, null);
  expect(end).toBe("done");
  expect(got).toEqual(film);
  expect(asked).toEqual([{ url: "film", range: null }]);
});

test("a range is asked for, and its end is the last byte that is wanted", async () => {
  const clock = new VirtualClock();
  const { fetch, asked } = serving([part]);
  const { got } = await get(new Origin(fetch, clock), clock, { start: 100, end: 300 });
  expect(asked[0]?.range).toBe("bytes=100-299");
  expect(got).toEqual(film.slice(100, 300));
});

test("who knows no ranges and sends all is understood", async () => {
  const clock = new VirtualClock();
  const { fetch } = serving([whole]);
  const { got, end } = await get(new Origin(fetch, clock), clock, { start: 100, end: 300 });
  expect(end).toBe("done");
  expect(got).toEqual(film.slice(100, 300));
});

test("after a break the rest is asked for", async () => {
  const clock = new VirtualClock();
  const { fetch, asked } = serving([() => broken(400), part]);
  const { got, end } = await get(new Origin(fetch, clock), clock, null);
  expect(end).toBe("done");
  expect(got).toEqual(film);
  expect(asked[1]?.range).toBe("bytes=400-");
});

test("who is busy is left alone as long as it says", async () => {
  const clock = new VirtualClock();
  const { fetch, asked } = serving([
    () => new Response(null, { status: 503, headers: { "Retry-After": "4" } }),
    whole,
  ]);
  const origin = new Origin(fetch, clock);
  const { end } = await get(origin, clock, null);
  expect(end).toBe("done");
  expect(asked).toHaveLength(2);
  expect(origin.restingUntil).toBeGreaterThanOrEqual(4000);
  expect(clock.now()).toBeGreaterThanOrEqual(4000);
});

test("what is gone is not asked for again", async () => {
  const clock = new VirtualClock();
  const { fetch, asked } = serving([() => new Response(null, { status: 404 })]);
  const { end } = await get(new Origin(fetch, clock), clock, null);
  expect(end).toBe("failed 404");
  expect(asked).toHaveLength(1);
});

test("an origin that cannot be reached fails after a few tries", async () => {
  const clock = new VirtualClock();
  const { fetch, asked } = serving([]);
  const { end } = await get(new Origin(fetch, clock), clock, null);
  expect(end).toBe("failed 0");
  expect(asked).toHaveLength(3);
});

test("an answer that says nothing for long is tried again", async () => {
  const clock = new VirtualClock();
  const silent = (_: string | null, signal: AbortSignal) =>
    new Promise<Response>((_, reject) =>
      signal.addEventListener("abort", () => reject(new Error("aborted"))),
    );
  const { fetch } = serving([silent, whole]);
  const { end } = await get(new Origin(fetch, clock), clock, null);
  expect(end).toBe("done");
});

test("after a stop nothing is told any more", async () => {
  const clock = new VirtualClock();
  const { fetch } = serving([whole]);
  let told = 0;
  const count = () => {
    told += 1;
  };
  const stop = new Origin(fetch, clock).get("film", null, { onBytes: count, onDone: count, onFailed: count });
  stop();
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
  expect(told).toBe(0);
});
