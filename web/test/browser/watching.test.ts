import { readFile } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Box, startBox } from "./box.ts";
import { openPage, startBrowser, untilFramesAreDrawn } from "./browser.ts";
import { serveExtras } from "./extras.ts";
import { type Films, makeFilms } from "./films.ts";

let box: Box;
let browser: Browser;
let films: Films;
let filmId: string;
let bilingualId: string;

beforeAll(async () => {
  [box, browser, films] = await Promise.all([startBox(), startBrowser(), makeFilms()]);
  filmId = await box.add("Garden.mp4", await readFile(films.kept));
  bilingualId = await box.add("Two voices.mp4", await readFile(films.bilingual));
  await box.waitForState(filmId, "ready");
  await box.waitForState(bilingualId, "ready");
});

afterAll(async () => {
  await Promise.all([browser?.close(), box?.stop(), films?.remove()]);
});

async function watch(id: string, prepare?: (page: Page) => Promise<void>) {
  const watched = await openPage(browser);
  await prepare?.(watched.page);
  await watched.page.addInitScript(() => {
    const echoes: string[] = [];
    Object.assign(window, { echoes });
    new MutationObserver(() => {
      const text = document.querySelector(".player-echo")?.textContent;
      if (text) echoes.push(text);
    }).observe(document, { subtree: true, childList: true, characterData: true });
  });
  await watched.page.goto(`${box.lanUrl}/watch/${id}`);
  await untilFramesAreDrawn(watched.page, 0);
  return watched;
}

/** Waits until a key was said to have done this; what is shown goes soon. */
async function untilEchoed(page: Page, words: string): Promise<void> {
  await page.waitForFunction((text) => (Reflect.get(window, "echoes") as string[]).includes(text), words);
}

const time = (page: Page) => page.locator("video").evaluate((video: HTMLVideoElement) => video.currentTime);

test("the statistics follow the playing, can be copied on plain HTTP, and Escape closes them", async () => {
  const { page, complaints } = await watch(filmId);
  await page.keyboard.press("i");
  const panel = page.getByRole("region", { name: "Statistics" });
  const fact = (name: string) =>
    panel.locator("div", { has: page.locator("dt", { hasText: name }) }).locator("dd");
  expect(await fact("Start").textContent()).toMatch(/^[\d,]+ ms$/);
  expect(await fact("Quality").textContent()).toBe("360p, picked by the player");
  expect(await fact("Codecs").textContent()).toMatch(/^avc1\.\w+, mp4a\.\S+$/);
  expect(await fact("Secure context").textContent()).toBe("no, plain HTTP");
  const frames = await fact("Frames").textContent();
  await page.waitForFunction(
    (before) => ![...document.querySelectorAll(".player-stats dd")].some((dd) => dd.textContent === before),
    frames,
  );
  await page.evaluate(() => {
    document.addEventListener("copy", () => {
      const field = document.activeElement as HTMLTextAreaElement;
      Object.assign(window, { copied: field.value });
    });
  });
  await panel.getByRole("button", { name: "Copy as text" }).click();
  await panel.getByText("Copied.").waitFor();
  expect(await page.evaluate(() => Reflect.get(window, "copied"))).toMatch(/^Start: .*\nBuffer: .*\n/);
  await page.keyboard.press("Escape");
  expect(await panel.count()).toBe(0);
  await page.getByRole("button", { name: "Settings", exact: true }).click();
  await page.getByRole("button", { name: "Statistics" }).click();
  await panel.getByRole("button", { name: "Close" }).click();
  expect(await panel.count()).toBe(0);
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("? shows the keys above every page, and they can be switched off there", async () => {
  const { page, complaints } = await watch(filmId);
  await page.keyboard.press("?");
  const dialog = page.getByRole("dialog", { name: "Keys" });
  await dialog.getByText("Picture in picture").waitFor();
  const paused = () => page.locator("video").evaluate((video: HTMLVideoElement) => video.paused);
  await page.keyboard.press("k");
  expect(await paused()).toBe(false);
  await dialog.getByLabel("Use these keys").uncheck();
  await page.keyboard.press("Escape");
  await dialog.waitFor({ state: "detached" });
  await page.keyboard.press("k");
  expect(await paused()).toBe(false);
  await page.getByRole("link", { name: "Settings", exact: true }).click();
  await page.keyboard.press("?");
  expect(await dialog.count()).toBe(0);
  await page.getByLabel("Use these keys").check();
  await page.getByRole("heading", { level: 1 }).click();
  await page.keyboard.press("?");
  await dialog.waitFor();
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("keys step through pictures, widen the page, share and search, and say so", async () => {
  const { page, complaints } = await watch(filmId);
  await page.keyboard.press("k");
  const before = await time(page);
  await page.keyboard.press(".");
  await untilEchoed(page, "+1 picture");
  expect((await time(page)) - before).toBeCloseTo(1 / 25, 2);
  await page.keyboard.press(",");
  expect(await time(page)).toBeCloseTo(before, 2);
  const width = () => page.locator(".stage").evaluate((stage) => stage.clientWidth);
  const usual = await width();
  await page.keyboard.press("t");
  await untilEchoed(page, "Theatre");
  expect(await width()).toBeGreaterThan(usual);
  await page.keyboard.press("t");
  expect(await width()).toBe(usual);
  await page.keyboard.press("c");
  await untilEchoed(page, "No subtitles here");
  await page.keyboard.press("s");
  await page.getByRole("dialog", { name: "Share this video" }).waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("/");
  await page.getByRole("heading", { name: "Library", level: 1 }).waitFor();
  await page.waitForFunction(() => document.activeElement?.id === "search");
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("a key by its place serves who types no Latin letters", async () => {
  const { page } = await watch(filmId);
  await page.evaluate(() => {
    const press = { code: "KeyK", key: "л", bubbles: true, cancelable: true };
    document.body.dispatchEvent(new KeyboardEvent("keydown", press));
  });
  expect(await page.locator("video").evaluate((video: HTMLVideoElement) => video.paused)).toBe(true);
  await page.context().close();
});

test("sound is chosen by its language, and the next visit keeps it", async () => {
  const { page, complaints } = await watch(bilingualId);
  await page.getByRole("button", { name: "Settings", exact: true }).click();
  const sound = page.getByRole("group", { name: "Sound" });
  expect(await sound.getByRole("radio", { name: "English" }).isChecked()).toBe(true);
  await sound.getByText("German").click();
  await page.reload();
  await untilFramesAreDrawn(page, 0);
  await page.getByRole("button", { name: "Settings", exact: true }).click();
  expect(await sound.getByRole("radio", { name: "German" }).isChecked()).toBe(true);
  await page.keyboard.press("Escape");
  await page.keyboard.press("a");
  await untilEchoed(page, "English");
  expect(complaints).toEqual([]);
  await page.context().close();
});

/** The text that stands in the picture. */
const subtitle = (page: Page) =>
  page.locator("video").evaluate((video: HTMLVideoElement) =>
    [...video.textTracks]
      .filter((track) => track.mode === "showing")
      .flatMap((track) => [...(track.activeCues ?? [])].map((cue) => (cue as VTTCue).text))
      .join(),
  );

test("subtitles are chosen by their language, the next visit keeps them, and C hides them", async () => {
  const { page, complaints } = await watch(filmId, (fresh) => serveExtras(fresh, box));
  expect(await subtitle(page)).toBe("");
  await page.getByRole("button", { name: "Settings", exact: true }).click();
  const texts = page.getByRole("group", { name: "Subtitles" });
  expect(await texts.getByRole("radio", { name: "Off" }).isChecked()).toBe(true);
  await texts.getByText("French").click();
  await expect.poll(() => subtitle(page), { timeout: 10_000 }).toBe("Bonjour");
  await page.reload();
  await untilFramesAreDrawn(page, 0);
  await expect.poll(() => subtitle(page), { timeout: 10_000 }).toBe("Bonjour");
  await page.keyboard.press("c");
  await untilEchoed(page, "Subtitles off");
  expect(await subtitle(page)).toBe("");
  await page.reload();
  await untilFramesAreDrawn(page, 0);
  expect(await subtitle(page)).toBe("");
  await page.keyboard.press("c");
  await expect.poll(() => subtitle(page), { timeout: 10_000 }).toBe("Good day");
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("the seek bar shows pictures and chapters, and chapters can be gone to", async () => {
  const { page, complaints } = await watch(filmId, (fresh) => serveExtras(fresh, box));
  await page.keyboard.press("k");
  const bar = await page.locator("media-time-range").boundingBox();
  if (bar === null) throw new Error("the seek bar is not there");
  await page.mouse.move(bar.x + bar.width * 0.75, bar.y + bar.height / 2, { steps: 4 });
  const thumbnail = page.locator("media-preview-thumbnail img");
  await expect.poll(() => thumbnail.getAttribute("src")).toContain("/sprite.jpg");
  await thumbnail.waitFor();
  expect(await page.locator("media-preview-chapter-display").getAttribute("aria-valuetext")).toContain(
    "The <other> side",
  );
  const marks = await page
    .locator("media-time-range")
    .evaluate((range) => range.shadowRoot?.querySelectorAll("#segments-clipping rect").length);
  expect(marks).toBe(3);
  await page.getByRole("button", { name: /The <other> side$/ }).click();
  await expect.poll(() => time(page)).toBe(16);
  await page.keyboard.press("PageUp");
  await untilEchoed(page, "The lake");
  await expect.poll(() => time(page)).toBe(8);
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("a card shows what is in its video to a mouse and to the keyboard", async () => {
  const { page, complaints } = await openPage(browser);
  await serveExtras(page, box);
  await page.goto(box.lanUrl);
  const card = page.locator(".card-link", { hasText: "Garden" });
  const preview = card.locator("canvas");
  await card.hover();
  await preview.waitFor();
  await page.mouse.move(0, 0);
  await preview.waitFor({ state: "detached" });
  await card.focus();
  await page.keyboard.press("Shift+Tab");
  await page.keyboard.press("Tab");
  await preview.waitFor();
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("who wants no motion sees posters only", async () => {
  const { page } = await openPage(browser, { reducedMotion: "reduce" });
  await serveExtras(page, box);
  let asked = false;
  page.on("request", (request) => {
    asked ||= request.url().endsWith("/storyboard.vtt");
  });
  await page.goto(box.lanUrl);
  await page.locator(".card-link", { hasText: "Garden" }).hover();
  expect(await page.locator(".card-preview").count()).toBe(0);
  expect(asked).toBe(false);
  await page.context().close();
});
