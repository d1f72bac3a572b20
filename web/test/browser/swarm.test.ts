import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { openPage, startBrowser } from "./browser.ts";
import { type PageServer, servePage } from "./swarm/server.ts";
import { until } from "./until.ts";

const [a, b] = ["aaaaaaaaaaaa", "bbbbbbbbbbbb"];
const eight = [1, 2, 3, 4, 5, 6, 7, 8];

let browser: Browser;
let server: PageServer;
let pages: Map<string, Page>;

beforeAll(async () => {
  // A machine without a network has no address but its own, and hides it behind a name that nobody resolves.
  const alone = ["--allow-loopback-in-peer-connection", "--disable-features=WebRtcHideLocalIpsWithMdns"];
  [browser, server] = await Promise.all([startBrowser(...alone), servePage()]);
  pages = new Map();
});

afterAll(async () => {
  await Promise.all([browser?.close(), server?.stop()]);
});

afterEach(async () => {
  for (const page of pages.values()) await page.context().close();
  pages.clear();
});

/** Opens a viewer's page. Its signals go to the page of the one that they are for, as a room passes them on. */
async function open(id: string, from: PageServer = server): Promise<Page> {
  const { page, complaints } = await openPage(browser);
  await page.exposeFunction("relay", async (to: string, kind: string, data: string) => {
    const other = pages.get(to);
    await other?.evaluate((signal) => window.viewer.pool.takeSignal(signal.id, signal.kind, signal.data), {
      id,
      kind: kind as "offer",
      data,
    });
  });
  await page.goto(from.address(id));
  await page.waitForFunction(() => window.viewer !== undefined);
  expect(complaints).toEqual([]);
  pages.set(id, page);
  return page;
}

function meet(page: Page, id: string, offer: boolean): Promise<void> {
  return page.evaluate((introduction) => window.viewer.meet(introduction.id, introduction.offer), {
    id,
    offer,
  });
}

function eventsOf(page: Page): Promise<string[]> {
  return page.evaluate(() => window.viewer.events);
}

async function untilEvents(page: Page, events: string[], limitMs?: number): Promise<void> {
  const probe = async () => (await eventsOf(page)).join() === events.join() || undefined;
  await until(`the events ${events}`, probe, limitMs).catch(async (error) => {
    throw new Error(`saw ${await eventsOf(page)}`, { cause: error });
  });
}

test("two pages connect, and move and check eight MiB both ways at once", async () => {
  const [one, two] = [await open(a), await open(b)];
  expect(await one.evaluate(() => window.isSecureContext)).toBe(false);
  await Promise.all([meet(one, b, true), meet(two, a, false)]);
  await Promise.all([untilEvents(one, ["open b"]), untilEvents(two, ["open a"])]);
  const fetch = (page: Page, from: string) =>
    page.evaluate(({ from, eight }) => window.viewer.fetch(from, eight), { from, eight });
  const [got, given] = await Promise.all([fetch(one, b), fetch(two, a)]);
  const expected = (owner: string) =>
    one.evaluate(({ owner, eight }) => window.viewer.expected(owner, eight), { owner, eight });
  expect([got.failed, given.failed]).toEqual([[], []]);
  expect([got.hashes, given.hashes]).toEqual([await expected(b), await expected(a)]);
  expect([got.bytes, given.bytes]).toEqual([8 << 20, 8 << 20]);
  expect(await two.evaluate(() => window.viewer.sent)).toBe(8 << 20);
  const rate = (bytes: number, ms: number) => `${((bytes * 8) / 1000 / ms).toFixed(0)} Mbit/s`;
  console.info(`each way, checked: ${rate(got.bytes, got.ms)} and ${rate(given.bytes, given.ms)}`);
});

// More than once, because it depends on how far each has come with its own offer.
test.each([1, 2, 3, 4, 5, 6])("when both make an offer one connection comes of it (%i)", async () => {
  const [one, two] = [await open(a), await open(b)];
  await Promise.all([meet(one, b, true), meet(two, a, true)]);
  await Promise.all([untilEvents(one, ["open b"]), untilEvents(two, ["open a"])]);
  const got = await two.evaluate((from) => window.viewer.fetch(from, [1]), a);
  expect(got.hashes).toEqual(await one.evaluate((owner) => window.viewer.expected(owner, [1]), a));
});

test("a side that goes in mid piece ends its transfers, and can come back", async () => {
  const [one, two] = [await open(a), await open(b)];
  await Promise.all([meet(one, b, true), meet(two, a, false)]);
  await Promise.all([untilEvents(one, ["open b"]), untilEvents(two, ["open a"])]);
  const many = Array.from({ length: 200 }, (_, ordinal) => ordinal);
  const fetching = one.evaluate(({ from, many }) => window.viewer.fetch(from, many), { from: b, many });
  await two.waitForFunction(() => window.viewer.sent > 2 << 20);
  await two.evaluate(() => window.viewer.pool.stop());
  const { failed } = await fetching;
  expect(new Set(failed)).toEqual(new Set(["closed", "no peer"]));
  await untilEvents(one, ["open b", "lost b", "failed b closed"]);
  await two.evaluate(() => window.viewer.pool.start());
  await Promise.all([meet(one, b, true), meet(two, a, false)]);
  await untilEvents(one, ["open b", "lost b", "failed b closed", "open b"]);
});

test("a page that is left says so: nobody has to find out by silence", async () => {
  const [one, two] = [await open(a), await open(b)];
  await Promise.all([meet(one, b, true), meet(two, a, false)]);
  await untilEvents(one, ["open b"]);
  await two.goto("about:blank");
  // Without a word the browser takes some 15 s to notice.
  await untilEvents(one, ["open b", "lost b", "failed b closed"], 10_000);
});

test.each([
  ["offer", "v=0\r\n"],
  ["candidate", '{"candidate":"candidate:1 1 udp 1 nowhere.local 9 typ host","sdpMid":"0"}'],
  ["candidate", '{"candidate":7}'],
] as const)("a garbage %s breaks nothing", async (kind, data) => {
  const [one, two] = [await open(a), await open(b)];
  await two.evaluate(
    ({ from, kind, data }) => {
      window.viewer.meet(from, false);
      window.viewer.pool.takeSignal(from, kind, data);
    },
    { from: a, kind, data },
  );
  await meet(one, b, true);
  await Promise.all([untilEvents(one, ["open b"]), untilEvents(two, ["open a"])]);
});

test("hashes are computed in the worker by WebAssembly, under the node's policy and over plain http", async () => {
  const page = await open(a);
  expect(await page.evaluate(() => typeof crypto.subtle)).toBe("undefined");
  const { rate, longestPause } = await page.evaluate(() => window.viewer.hashSpeed(64));
  console.info(
    `by WebAssembly in the worker: ${rate.toFixed(0)} MB/s, longest pause ${longestPause.toFixed(0)} ms`,
  );
  expect(server.asked.some((path) => path.startsWith("/assets/hash-worker-"))).toBe(true);
  // The page itself may not compile WebAssembly.
  const compiled = await page.evaluate(async () => {
    const empty = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);
    return WebAssembly.compile(empty).then(
      () => "yes",
      () => "no",
    );
  });
  expect(compiled).toBe("no");
});

test("where WebAssembly is forbidden the worker hashes in JavaScript", async () => {
  const strict = await servePage({ wasm: false });
  try {
    const page = await open(a, strict);
    const [hash] = await page.evaluate(() => window.viewer.expected("x", [1]));
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    const { rate } = await page.evaluate(() => window.viewer.hashSpeed(16));
    console.info(`by JavaScript in the worker: ${rate.toFixed(0)} MB/s`);
    const other = await open(b);
    expect(await other.evaluate(() => window.viewer.expected("x", [1]))).toEqual([hash]);
  } finally {
    await strict.stop();
  }
});
