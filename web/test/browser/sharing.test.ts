import { readFile } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { ShoalStats } from "../../src/player/playback-stats.ts";
import { type Box, lanName, startBox } from "./box.ts";
import { openPage, startBrowser, untilFramesAreDrawn, type WatchedPage } from "./browser.ts";
import { makeLongFilm, makeSlowFilm } from "./films.ts";
import { RestartableBox } from "./restartable-box.ts";
import { fingerprintsOf } from "./sharing/origin.ts";
import { isolate, noteAppended, poison, removeWebRtc } from "./sharing/page.ts";
import { until } from "./until.ts";

let box: Box;
let browser: Browser;
let film: Awaited<ReturnType<typeof makeLongFilm>>;
let filmId: string;
let known: ReadonlySet<string>;
let opened: WatchedPage[] = [];

beforeAll(async () => {
  // A machine without a network has no address but its own, and hides it behind a name that nobody resolves.
  const alone = ["--allow-loopback-in-peer-connection", "--disable-features=WebRtcHideLocalIpsWithMdns"];
  [box, browser, film] = await Promise.all([startBox(), startBrowser(...alone), makeLongFilm(60)]);
  filmId = await box.add("Long walk.mp4", await readFile(film.file));
  await box.waitForState(filmId, "ready");
  known = await fingerprintsOf(box.url, filmId);
});

afterAll(async () => {
  await Promise.all([browser?.close(), box?.stop(), film?.remove()]);
});

afterEach(async () => {
  for (const { page } of opened) await page.context().close();
  opened = [];
});

interface Wishes {
  readonly share?: string;
  readonly before?: () => void;
  readonly node?: string;
  readonly video?: string;
}

/** Opens the film for a viewer with a name, and waits until it plays. */
async function watch(name: string, wishes: Wishes = {}): Promise<Page> {
  const watched = await openPage(browser);
  opened.push(watched);
  const { page } = watched;
  await page.addInitScript(
    ([name = "", share = ""]) => {
      localStorage.setItem("shoal.name", name);
      localStorage.setItem("shoal.share", share);
    },
    [name, wishes.share ?? "lan"],
  );
  await page.addInitScript(noteAppended);
  if (wishes.before !== undefined) await page.addInitScript(wishes.before);
  await page.goto(`${wishes.node ?? box.lanUrl}/watch/${wishes.video ?? filmId}`);
  await untilFramesAreDrawn(page, 0);
  return page;
}

/** Waits until a page plays on from where it is. */
async function untilPlaysOn(page: Page): Promise<void> {
  const now = await page.evaluate(() => document.querySelector("video")?.currentTime ?? 0);
  await untilFramesAreDrawn(page, now);
}

async function leave(page: Page): Promise<void> {
  opened = opened.filter((watched) => watched.page !== page);
  await page.context().close();
}

async function statsOf(page: Page): Promise<ShoalStats> {
  const stats = await page.evaluate(() => window.shoal?.stats());
  if (stats === undefined) throw new Error("the page tells no statistics");
  return stats;
}

/** Waits until the statistics of a page are as wanted, and tells what they were if they never are. */
async function untilStats(page: Page, what: string, wanted: (stats: ShoalStats) => boolean): Promise<void> {
  let last: ShoalStats | undefined;
  const probe = async () => {
    last = await statsOf(page);
    return wanted(last) || undefined;
  };
  await until(what, probe).catch((error: Error) => {
    throw new Error(`${error.message}: ${JSON.stringify({ ...last, segments: undefined })}`);
  });
}

const untilPeers = (page: Page, peers: number) =>
  untilStats(page, `${peers} peers`, (stats) => stats.peers === peers);

const untilGiven = (page: Page) => untilStats(page, "bytes of a peer", ({ bytes }) => bytes.peers > 0);

/** Everything that the decoder was given is the film as the node has it. */
async function expectOnlyTheFilm(page: Page, prints = async () => known): Promise<void> {
  const appended = await page.evaluate(() => window.appended);
  const right = await prints();
  expect(appended.length).toBeGreaterThan(2);
  expect(appended.map((print) => print.join(" ")).filter((print) => !right.has(print))).toEqual([]);
}

interface Status {
  readonly viewers: { readonly name: string; readonly peers: number }[];
}

async function viewersAt(node: string, headers: Record<string, string> = {}): Promise<Status["viewers"]> {
  const text = await (await fetch(`${node}/api/v1/status`, { headers })).text();
  const { viewers } = JSON.parse(text) as Status;
  expect(JSON.stringify(viewers)).not.toMatch(/\d+\.\d+\.\d+\.\d+|::1|\.local\b/);
  return viewers;
}

/** Waits until the status lists these viewers and no others, each with so many peers. */
async function untilListed(node: string, ...wanted: [name: string, peers: number][]): Promise<void> {
  const words = (viewers: [string, number][]) =>
    viewers
      .map((viewer) => viewer.join())
      .sort()
      .join("; ");
  let last = "";
  const probe = async () => {
    last = words((await viewersAt(node)).map(({ name, peers }) => [name, peers]));
    return last === words(wanted) || undefined;
  };
  await until(`the status to list ${words(wanted)}`, probe).catch((error: Error) => {
    throw new Error(`${error.message}: ${last}`);
  });
}

test("the second viewer gets the film from the first, byte by byte as the box has it", async () => {
  const anna = await watch("Anna");
  expect(await anna.evaluate(() => window.isSecureContext)).toBe(false);
  const ben = await watch("Ben");
  await untilGiven(ben);
  await untilListed(box.url, ["Anna", 1], ["Ben", 1]);
  await untilStats(anna, "bytes given", ({ bytes }) => bytes.uploaded > 0);
  await untilStats(ben, "a segment of a peer", ({ segments }) =>
    segments.some(({ source }) => source === "peer"),
  );
  for (const page of [anna, ben]) await expectOnlyTheFilm(page);
  expect((await statsOf(ben)).bytes.rejected).toBe(0);
  await ben.keyboard.press("i");
  const panel = ben.getByRole("region", { name: "Statistics" });
  const fromBox = panel.locator("div", { has: ben.locator("dt", { hasText: "From the box" }) }).locator("dd");
  expect(Number.parseFloat((await fromBox.textContent()) ?? "")).toBeGreaterThan(0);
  expect(opened.flatMap(({ complaints }) => complaints)).toEqual([]);
});

test("who comes late gets the film from whoever is left", async () => {
  const anna = await watch("Anna");
  const ben = await watch("Ben");
  await untilGiven(ben);
  await leave(anna);
  await untilPeers(ben, 0);
  const carla = await watch("Carla");
  await untilGiven(carla);
  await untilListed(box.url, ["Ben", 1], ["Carla", 1]);
  for (const page of [ben, carla]) await expectOnlyTheFilm(page);
  expect(opened.flatMap(({ complaints }) => complaints)).toEqual([]);
});

test("a film that is still being prepared is shared", async () => {
  const slow = await makeSlowFilm(40);
  try {
    const video = await box.add("Old reel.avi", await readFile(slow.file));
    await until("the film to begin", async () => {
      const { ok } = await fetch(`${box.url}/hls/${video}/master.m3u8`);
      return ok || undefined;
    });
    const anna = await watch("Anna", { video });
    const ben = await watch("Ben", { video });
    for (const page of [anna, ben]) await untilGiven(page);
    await untilStats(ben, "segments of a peer", ({ segments }) => {
      return segments.filter(({ source }) => source === "peer").length > 2;
    });
    for (const page of [anna, ben]) await expectOnlyTheFilm(page, () => fingerprintsOf(box.url, video));
    await box.trash(video);
  } finally {
    await slow.remove();
  }
});

test("what a peer spoils is noticed before it plays, and the peer is left", async () => {
  const mallory = await watch("Mallory", { before: poison });
  const ben = await watch("Ben");
  await untilStats(ben, "bytes that were rejected", ({ bytes }) => bytes.rejected > 0);
  await untilPeers(ben, 0);
  await ben.keyboard.press("i");
  await ben.getByRole("region", { name: "Statistics" }).getByText("1 banned").waitFor();
  await untilPlaysOn(ben);
  for (const page of [mallory, ben]) await expectOnlyTheFilm(page);
  expect(opened.flatMap(({ complaints }) => complaints)).toEqual([]);
});

test("when the node comes back the viewers that play on are joined again", async () => {
  const node = await RestartableBox.start();
  try {
    const port = node.address.split(":")[1];
    const lanUrl = `http://${lanName}:${port}`;
    const url = `http://${node.address}`;
    const added = await fetch(`${url}/api/v1/videos?name=Walk.mp4`, {
      method: "POST",
      headers: node.headers,
      body: await readFile(film.file),
    });
    const video = String(((await added.json()) as { id: string }).id);
    await until("the film to be ready", async () => {
      const answer = await node.ask("GET", `/api/v1/videos/${video}`);
      return ((await answer.json()) as { state: string }).state === "ready" || undefined;
    });
    const pages = [await watch("Anna", { node: lanUrl, video }), await watch("Ben", { node: lanUrl, video })];
    await untilListed(url, ["Anna", 1], ["Ben", 1]);
    await node.kill();
    await node.start();
    await untilListed(url, ["Anna", 1], ["Ben", 1]);
    for (const page of pages) {
      await untilPlaysOn(page);
      await expectOnlyTheFilm(page);
    }
  } finally {
    await node.stop();
  }
});

test("who shares nothing has no peers while others have, and plays", async () => {
  const loner = await watch("Loner", { share: "off" });
  const anna = await watch("Anna");
  const ben = await watch("Ben");
  await untilGiven(ben);
  await untilListed(box.url, ["Loner", 0], ["Anna", 1], ["Ben", 1]);
  await loner.keyboard.press("b");
  await loner.getByText("Sharing is off on this device.").waitFor();
  expect((await statsOf(loner)).bytes).toMatchObject({ peers: 0, uploaded: 0 });
  for (const page of [loner, anna, ben]) await expectOnlyTheFilm(page);
  expect(opened.flatMap(({ complaints }) => complaints)).toEqual([]);
});

test("who switches sharing off and on again, or changes the name, is with the others again", async () => {
  const anna = await watch("Anna");
  const ben = await watch("Ben");
  for (const page of [anna, ben]) {
    await untilPeers(page, 1);
    await page.keyboard.press("b");
  }
  await ben.getByRole("radio", { name: "Off" }).check();
  for (const page of [anna, ben]) await untilPeers(page, 0);
  await ben.getByRole("radio", { name: "Same network" }).check();
  for (const page of [anna, ben]) await untilPeers(page, 1);
  await ben.getByLabel("Others see you as").fill("Benjamin");
  await ben.getByLabel("Others see you as").blur();
  await anna.getByRole("rowheader", { name: "Benjamin" }).waitFor();
  await untilListed(box.url, ["Anna", 1], ["Benjamin", 1]);
  for (const page of [anna, ben]) await expectOnlyTheFilm(page);
  expect(opened.flatMap(({ complaints }) => complaints)).toEqual([]);
});

test("a page that was left and is gone back to is with the others again", async () => {
  const anna = await watch("Anna");
  const ben = await watch("Ben");
  await untilPeers(anna, 1);
  await ben.evaluate(() => {
    document.title = "kept";
  });
  await ben.goto(`${box.url}/`);
  await untilPeers(anna, 0);
  // A page that was kept loads nothing.
  await ben.goBack({ waitUntil: "commit" });
  for (const page of [anna, ben]) await untilPeers(page, 1);
  expect(await ben.title()).toBe("kept");
  await ben.evaluate(() => document.querySelector("video")?.play());
  for (const page of [anna, ben]) {
    await untilPlaysOn(page);
    await expectOnlyTheFilm(page);
  }
});

test("a browser without WebRTC plays from the box, and says why", async () => {
  const anna = await watch("Anna");
  const old = await watch("Old", { before: removeWebRtc });
  await old.keyboard.press("b");
  await old.getByText("This browser has no WebRTC").waitFor();
  await untilListed(box.url, ["Anna", 0], ["Old", 0]);
  for (const page of [anna, old]) await expectOnlyTheFilm(page);
  expect(opened.flatMap(({ complaints }) => complaints)).toEqual([]);
});

test("viewers that cannot reach each other play from the box", async () => {
  const pages = [await watch("Anna", { before: isolate }), await watch("Ben", { before: isolate })];
  for (const page of pages) {
    // Longer than a connection may take to open.
    await page.waitForFunction(() => (document.querySelector("video")?.currentTime ?? 0) > 13);
    expect(await statsOf(page)).toMatchObject({ peers: 0, bytes: { peers: 0 } });
    await expectOnlyTheFilm(page);
    await page.keyboard.press("b");
    await page.getByText("Devices on this network cannot reach each other").waitFor();
  }
  expect(opened.flatMap(({ complaints }) => complaints)).toEqual([]);
});
