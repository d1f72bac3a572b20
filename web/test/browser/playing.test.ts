import { readFile } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Box, startBox } from "./box.ts";
import { openPage, startBrowser, strictAutoplay, untilFramesAreDrawn } from "./browser.ts";
import { type Films, keptSeconds, makeFilms } from "./films.ts";

let box: Box;
let browser: Browser;
let films: Films;
let address: string;

beforeAll(async () => {
  [box, browser, films] = await Promise.all([startBox(), startBrowser(strictAutoplay), makeFilms()]);
  const id = await box.add("Garden.mp4", await readFile(films.kept));
  await box.waitForState(id, "ready");
  address = `${box.lanUrl}/watch/${id}`;
});

afterAll(async () => {
  await Promise.all([browser?.close(), box?.stop(), films?.remove()]);
});

function video<T>(page: Page, read: (video: HTMLVideoElement) => T): Promise<T> {
  return page.locator("video").evaluate(read as (element: Element) => T);
}

test("where the browser insists it begins without sound, and a press brings the sound", async () => {
  const { page, complaints } = await openPage(browser);
  // Whatever the driver evaluates counts as a gesture of the viewer, so the page itself must tell.
  await page.addInitScript(() => {
    const tell = (event: Event) => {
      if (event.target instanceof HTMLVideoElement) console.info(`plays, muted: ${event.target.muted}`);
    };
    document.addEventListener("playing", tell, { capture: true, once: true });
  });
  const told = page.waitForEvent("console", (message) => message.text().startsWith("plays"));
  await page.goto(address);
  expect((await told).text()).toBe("plays, muted: true");
  await untilFramesAreDrawn(page, 0);
  const unmute = page.getByRole("button", { name: "Sound is off. Turn it on" });
  await unmute.click();
  expect(await video(page, (element) => [element.muted, element.paused])).toEqual([false, false]);
  expect(await unmute.count()).toBe(0);
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("the statistics are there from the start, and count no stall while all goes well", async () => {
  const { page } = await openPage(browser);
  await page.goto(address, { waitUntil: "domcontentloaded" });
  await page.waitForFunction(() => window.shoal !== undefined);
  await page.waitForFunction(() => /^[a-z2-7]{12}$/.test(window.shoal?.stats().viewer ?? ""));
  await untilFramesAreDrawn(page, 1);
  const { stats, now } = await page.evaluate(() => ({
    stats: window.shoal?.stats(),
    now: performance.now(),
  }));
  expect(stats?.firstFrameMs).toBeGreaterThan(0);
  expect(stats?.firstFrameMs).toBeLessThan(now);
  expect(stats).toMatchObject({ stalls: 0, stallMs: 0, peers: 0 });
  expect(stats?.bufferSeconds).toBeGreaterThan(0);
  await page.getByRole("link", { name: "Settings", exact: true }).click();
  expect(await page.evaluate(() => window.shoal)).toBeUndefined();
  await page.context().close();
});

test("nothing but the picture moves while a film plays", async () => {
  const { page } = await openPage(browser);
  await page.goto(address);
  await untilFramesAreDrawn(page, 1);
  await page.waitForFunction(() => document.querySelector("media-controller")?.hasAttribute("userinactive"));
  const moving = await page.evaluate(() => {
    const within = (root: Document | ShadowRoot): string[] => {
      const running = root.getAnimations().filter(({ playState }) => playState === "running");
      const elements = [...root.querySelectorAll("*")];
      // What is see-through is drawn too.
      const inDrawing = elements.filter(
        (element) => /^animate/i.test(element.tagName) && element.closest("svg")?.checkVisibility(),
      );
      const inShadow = elements.flatMap(({ shadowRoot }) => (shadowRoot === null ? [] : within(shadowRoot)));
      return [...running.map(String), ...inDrawing.map(({ outerHTML }) => outerHTML), ...inShadow];
    };
    return within(document);
  });
  expect(moving).toEqual([]);
  await page.context().close();
});

test("keys work wherever the focus is, except in fields", async () => {
  const { page, complaints } = await openPage(browser);
  await page.goto(address);
  await untilFramesAreDrawn(page, 0);
  await page.keyboard.press("k");
  expect(await video(page, (element) => element.paused)).toBe(true);
  await page.keyboard.press("Digit5");
  expect(await video(page, (element) => element.currentTime)).toBeCloseTo(12, 0);
  await page.keyboard.press("ArrowRight");
  expect(await video(page, (element) => element.currentTime)).toBeCloseTo(17, 0);
  await page.keyboard.press("j");
  expect(await video(page, (element) => element.currentTime)).toBeCloseTo(7, 0);
  const muted = await video(page, (element) => element.muted);
  await page.keyboard.press("m");
  expect(await video(page, (element) => element.muted)).toBe(!muted);
  await page.keyboard.press("ArrowDown");
  expect(await video(page, (element) => element.volume)).toBeCloseTo(0.95);
  await page.keyboard.press("Shift+Period");
  expect(await video(page, (element) => element.playbackRate)).toBe(1.25);
  await page.keyboard.press("f");
  await page.waitForFunction(() => document.fullscreenElement?.localName === "media-controller");
  await page.keyboard.press("f");
  await page.waitForFunction(() => document.fullscreenElement === null);
  await page.getByRole("button", { name: "Share" }).click();
  await page.keyboard.press("Digit0");
  expect(await video(page, (element) => element.currentTime)).toBeCloseTo(7, 0);
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("speed is chosen in the settings of the player", async () => {
  const { page, complaints } = await openPage(browser);
  await page.goto(address);
  await untilFramesAreDrawn(page, 0);
  await page.getByRole("button", { name: "Settings", exact: true }).click();
  await page.getByRole("radio", { name: /^Auto/ }).waitFor();
  await page.getByText("1.5×").click();
  expect(await video(page, (element) => element.playbackRate)).toBe(1.5);
  await page.keyboard.press("Escape");
  expect(await page.getByText("1.5×").count()).toBe(0);
  expect(complaints).toEqual([]);
  await page.context().close();
});

/** Lets the first segments of every rendition through, and no more until it is called. */
async function holdBackSegments(page: Page, first: number): Promise<() => Promise<void>> {
  const seen = new Map<string, number>();
  await page.route("**/*.m4s", async (route) => {
    const rendition = new URL(route.request().url()).pathname.split("/")[3] ?? "";
    const count = (seen.get(rendition) ?? 0) + 1;
    seen.set(rendition, count);
    await (count <= first ? route.continue() : route.abort("connectionrefused"));
  });
  // A segment of one chunk may be asked for by the chunk's name.
  await page.route("**/chunks/*", (route) => route.abort("connectionrefused"));
  return async () => {
    await page.unroute("**/*.m4s");
    await page.unroute("**/chunks/*");
  };
}

test("while the box does not answer the page says so, counts the stall, and goes on by itself", async () => {
  const { page } = await openPage(browser);
  const release = await holdBackSegments(page, 3);
  await page.goto(address);
  await untilFramesAreDrawn(page, 0);
  const banner = page.getByText("The box is not answering. Trying again…");
  await banner.waitFor();
  await page.waitForFunction(() => window.shoal?.stats().stalls === 1);
  const stalledAt = await video(page, (element) => element.currentTime);
  await release();
  await untilFramesAreDrawn(page, stalledAt + 0.5);
  await banner.waitFor({ state: "detached" });
  const stats = await page.evaluate(() => window.shoal?.stats());
  expect(stats?.stalls).toBe(1);
  expect(stats?.stallMs).toBeGreaterThan(0);
  await page.context().close();
});

test("a seek is no stall", async () => {
  const { page, complaints } = await openPage(browser);
  await page.goto(address);
  await untilFramesAreDrawn(page, 0);
  for (const [key, from] of [
    ["Digit7", 16],
    ["Digit2", 4],
    ["Digit9", 21],
  ] as const) {
    await page.keyboard.press(key);
    await untilFramesAreDrawn(page, from);
  }
  expect(await page.evaluate(() => window.shoal?.stats())).toMatchObject({ stalls: 0, stallMs: 0 });
  expect(complaints).toEqual([]);
  await page.context().close();
});

/** Serves every media playlist as if it still grew, with its first segments only, until it is called. */
async function growPlaylists(page: Page, first: number): Promise<() => void> {
  let complete = false;
  await page.route("**/index.m3u8", async (route) => {
    const { pathname } = new URL(route.request().url());
    const text = await (await fetch(box.url + pathname)).text();
    const body = complete ? text : beginningOf(text, first);
    await route.fulfill({ body, contentType: "application/vnd.apple.mpegurl" });
  });
  return () => {
    complete = true;
  };
}

function beginningOf(playlist: string, segments: number): string {
  const parts = playlist.replace("TYPE:VOD", "TYPE:EVENT").split("#EXTINF");
  return [`${parts[0]}#EXT-X-START:TIME-OFFSET=0\n`, ...parts.slice(1, segments + 1)].join("#EXTINF");
}

test("a film that still grows plays from its start, and to its end without a reload", async () => {
  const { page, complaints } = await openPage(browser);
  const completePlaylists = await growPlaylists(page, 5);
  await page.goto(address);
  const first = await untilFramesAreDrawn(page, 0);
  expect(first.time).toBeLessThan(4);
  const known = await video(page, (element) => element.duration);
  expect(known).toBeLessThan(keptSeconds - 5);
  await page.evaluate(() => Object.assign(window, { samePage: true }));
  completePlaylists();
  await page.waitForFunction(
    (end) => (document.querySelector("video")?.duration ?? 0) > end,
    keptSeconds - 1,
  );
  await page.keyboard.press("Digit9");
  await untilFramesAreDrawn(page, keptSeconds * 0.9 - 1);
  await page.waitForFunction(() => document.querySelector("video")?.ended);
  expect(await page.evaluate(() => "samePage" in window)).toBe(true);
  expect(complaints).toEqual([]);
  await page.context().close();
});
