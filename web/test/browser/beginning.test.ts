import { readFile } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Box, startBox } from "./box.ts";
import { openPage, startBrowser, untilFramesAreDrawn } from "./browser.ts";
import { type Films, makeFilms } from "./films.ts";

let box: Box;
let browser: Browser;
let films: Films;
let film: string;
let bilingual: string;
let sound: string;

beforeAll(async () => {
  [box, browser, films] = await Promise.all([startBox(), startBrowser(), makeFilms()]);
  film = await box.add("Garden.mp4", await readFile(films.kept));
  bilingual = await box.add("Two voices.mp4", await readFile(films.bilingual));
  sound = await box.add("Morning talk.m4a", await readFile(films.sound));
  for (const id of [film, bilingual, sound]) await box.waitForState(id, "ready");
});

afterAll(async () => {
  await Promise.all([browser?.close(), box?.stop(), films?.remove()]);
});

/** Opens a page for whom nobody else begins at the same time, whatever this test has asked the box before. */
async function openAlone() {
  const opened = await openPage(browser);
  await opened.page.route("**/master.m3u8", async (route) => {
    const answer = await fetch(box.url + new URL(route.request().url()).pathname);
    await route.fulfill({
      body: await answer.text(),
      contentType: "application/vnd.apple.mpegurl",
      headers: { "Shoal-Viewer": answer.headers.get("Shoal-Viewer") ?? "", "Shoal-Stripe": "0" },
    });
  });
  return opened;
}

const playerCode = "**/assets/player-view-*.js";

/** Notes the segments that a page asks for, in order, as rendition/number in the playlist. */
async function watchSegments(page: Page, id: string): Promise<string[]> {
  const names = new Map<string, string>();
  const master = await text(`/hls/${id}/master.m3u8`);
  for (const [rendition] of master.matchAll(/[a-z0-9]+(?=\/index\.m3u8)/g)) {
    const playlist = await text(`/hls/${id}/${rendition}/index.m3u8`);
    const segments = playlist.split("\n").filter((line) => line.endsWith(".m4s"));
    for (const [index, segment] of segments.entries()) names.set(segment, `${rendition}/${index}`);
  }
  const asked: string[] = [];
  page.on("request", (request) => {
    const name = names.get(request.url().split("/").at(-1) ?? "");
    if (name !== undefined && request.url().includes(id)) asked.push(name);
  });
  return asked;
}

async function text(path: string): Promise<string> {
  return (await fetch(box.url + path)).text();
}

/** Keeps the player's code back until it is called. */
async function holdBackPlayer(page: Page): Promise<() => void> {
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  await page.route(playerCode, async (route) => {
    await released;
    await route.continue();
  });
  return release;
}

async function untilAsked(page: Page, asked: readonly string[], count: number): Promise<void> {
  while (asked.length < count) await page.waitForEvent("request");
}

function twice(asked: readonly string[]): string[] {
  return asked.filter((name, index) => asked.indexOf(name) !== index);
}

test("a film is on its way before the player's code is, and comes once", async () => {
  const { page, complaints } = await openAlone();
  const asked = await watchSegments(page, film);
  const release = await holdBackPlayer(page);
  await page.goto(`${box.lanUrl}/watch/${film}`, { waitUntil: "commit" });
  await untilAsked(page, asked, 2);
  expect([...asked].sort()).toEqual(["audio0/0", "source/0"]);
  release();
  await untilFramesAreDrawn(page, 2);
  expect(twice(asked)).toEqual([]);
  const stats = await page.evaluate(() => window.shoal?.stats());
  expect(stats?.segments.filter(({ index }) => index === 0)).toHaveLength(2);
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("a film that goes on where it was left begins with the segment there", async () => {
  const { page, complaints } = await openAlone();
  await page.addInitScript((id) => {
    const point = { position: 17.2, duration: 24, at: 1 };
    localStorage.setItem("shoal.resume", JSON.stringify({ [id]: point }));
  }, film);
  const asked = await watchSegments(page, film);
  await page.goto(`${box.lanUrl}/watch/${film}`, { waitUntil: "commit" });
  const first = await untilFramesAreDrawn(page, 17.1);
  expect(first.time).toBeLessThan(20);
  expect(asked.slice(0, 2).map((name) => Number(name.split("/")[1]) > 3)).toEqual([true, true]);
  expect(asked).not.toContain("source/0");
  expect(twice(asked)).toEqual([]);
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("the sound is that of the language which was chosen last", async () => {
  const { page, complaints } = await openAlone();
  const [, tag = ""] = /LANGUAGE="(\w+)",DEFAULT=NO/.exec(await text(`/hls/${bilingual}/master.m3u8`)) ?? [];
  await page.addInitScript((chosen) => localStorage.setItem("shoal.sound-language", chosen), tag);
  const asked = await watchSegments(page, bilingual);
  await page.goto(`${box.lanUrl}/watch/${bilingual}`, { waitUntil: "commit" });
  await untilFramesAreDrawn(page, 0);
  expect(asked.slice(0, 2).sort()).toEqual(["audio1/0", "source/0"]);
  expect(asked.filter((name) => name.startsWith("audio0"))).toEqual([]);
  expect(twice(asked)).toEqual([]);
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("sound alone comes once too", async () => {
  const { page, complaints } = await openAlone();
  const asked = await watchSegments(page, sound);
  await page.goto(`${box.lanUrl}/watch/${sound}`, { waitUntil: "commit" });
  await page.waitForFunction(() => (document.querySelector("video")?.currentTime ?? 0) > 1);
  expect(asked[0]).toBe("audio0/0");
  expect(twice(asked)).toEqual([]);
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("what fails before the player is there is asked for again by it", async () => {
  const { page } = await openAlone();
  const refused: string[] = [];
  await page.route(/\.(m4s|mp4)$/, async (route) => {
    const url = route.request().url();
    if (refused.includes(url)) return route.continue();
    refused.push(url);
    await route.fulfill({ status: 503, body: "later" });
  });
  await page.goto(`${box.lanUrl}/watch/${film}`, { waitUntil: "commit" });
  await untilFramesAreDrawn(page, 0);
  expect(refused.length).toBeGreaterThan(3);
  await page.context().close();
});

test("a page that says nothing of the beginning reads the playlists for it", async () => {
  const { page, complaints } = await openAlone();
  const asked = await watchSegments(page, film);
  const release = await holdBackPlayer(page);
  await page.addInitScript(() => {
    document.addEventListener("readystatechange", () => document.getElementById("opening")?.remove());
  });
  await page.goto(`${box.lanUrl}/watch/${film}`, { waitUntil: "commit" });
  await untilAsked(page, asked, 2);
  release();
  await untilFramesAreDrawn(page, 0);
  expect(twice(asked)).toEqual([]);
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("who may not read the films is sent nothing ahead", async () => {
  const { page } = await openAlone();
  const asked = await watchSegments(page, film);
  await page.setExtraHTTPHeaders({ Authorization: "Bearer wrong" });
  await page.goto(`${box.lanUrl}/watch/${film}`);
  await page.getByRole("heading", { name: "The video cannot be shown" }).waitFor();
  expect(asked).toEqual([]);
  await page.context().close();
});

test("a film that is chosen in the library comes once, and plays again after leaving it", async () => {
  const { page, complaints } = await openAlone();
  const asked = await watchSegments(page, film);
  await page.goto(box.lanUrl);
  await page.locator(`a[href="/watch/${film}"]`).click();
  await untilFramesAreDrawn(page, 0);
  expect(twice(asked)).toEqual([]);
  await page.goBack();
  await page.getByRole("heading", { name: "Library" }).waitFor();
  expect(await page.locator("video").count()).toBe(0);
  await page.goForward();
  await untilFramesAreDrawn(page, 0);
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("after a jump the sound is asked for beside the picture, and comes once", async () => {
  const { page, complaints } = await openAlone();
  const asked = await watchSegments(page, film);
  const early = new Set<string>();
  let release = () => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  // The picture stands after its first segments; the sound is ahead then, and hls.js lets it wait for the picture.
  await page.route("**/source/*.m4s", async (route) => {
    early.add(route.request().url());
    if (early.size > 3) await released;
    await route.continue().catch(() => {}); // the player may have given it up
  });
  await page.goto(`${box.lanUrl}/watch/${film}`);
  await untilFramesAreDrawn(page, 0);
  await page.waitForFunction(() =>
    window.shoal?.stats().segments.some(({ rendition, index }) => rendition === "audio0" && index === 3),
  );
  const before = asked.length;
  await page.keyboard.press("Digit9");
  await untilAsked(page, asked, before + 2);
  expect(
    asked
      .slice(before)
      .map((name) => name.split("/")[0])
      .sort(),
  ).toEqual(["audio0", "source"]);
  release();
  await untilFramesAreDrawn(page, 21);
  expect(twice(asked)).toEqual([]);
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("the controls come after the first frame, and nothing moves for them", async () => {
  const { page, complaints } = await openAlone();
  let release = () => {};
  await page.route("**/assets/controls-*.js", async (route) => {
    await new Promise<void>((resolve) => {
      release = resolve;
    });
    await route.continue();
  });
  await page.goto(`${box.lanUrl}/watch/${film}`);
  await untilFramesAreDrawn(page, 0);
  const box1 = await page.locator("video").boundingBox();
  expect(await page.locator(".player-bar").isVisible()).toBe(false);
  release();
  await page.locator(".player-bar").waitFor();
  expect(await page.locator("video").boundingBox()).toEqual(box1);
  expect(await page.getByRole("button", { name: /^pause/i }).count()).toBe(1);
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("without the controls' code the browser's own controls are there", async () => {
  const { page } = await openAlone();
  await page.route("**/assets/controls-*.js", (route) => route.abort("connectionrefused"));
  await page.goto(`${box.lanUrl}/watch/${film}`);
  await untilFramesAreDrawn(page, 0);
  await page.locator("video[controls]").waitFor();
  await page.context().close();
});

test("the screen stays on while a film plays, where the browser can do that", async () => {
  const { page, complaints } = await openAlone();
  await page.addInitScript(() => {
    const locks: WakeLockSentinel[] = [];
    const request = navigator.wakeLock.request.bind(navigator.wakeLock);
    navigator.wakeLock.request = async (type) => {
      const lock = await request(type);
      locks.push(lock);
      return lock;
    };
    Object.assign(window, { heldLocks: () => locks.filter(({ released }) => !released).length });
  });
  const held = (count: number) =>
    page.waitForFunction((n) => (window as unknown as { heldLocks(): number }).heldLocks() === n, count);
  await page.goto(`${box.url}/watch/${film}`);
  await held(1);
  await page.keyboard.press("k");
  await held(0);
  await page.keyboard.press("k");
  await held(1);
  await page.getByRole("link", { name: "Library" }).first().click();
  await held(0);
  expect(complaints).toEqual([]);
  await page.context().close();
});
