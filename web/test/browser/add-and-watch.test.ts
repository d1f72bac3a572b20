import { readFile } from "node:fs/promises";
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Box, startBox } from "./box.ts";
import { openPage, startBrowser, untilFramesAreDrawn, type WatchedPage } from "./browser.ts";
import { type Films, keptSeconds, makeFilms } from "./films.ts";

let box: Box;
let browser: Browser;
let films: Films;

beforeAll(async () => {
  [box, browser, films] = await Promise.all([startBox(), startBrowser(), makeFilms()]);
});

afterAll(async () => {
  await Promise.all([browser?.close(), box?.stop(), films?.remove()]);
});

/** A page whose browser is admin, on the Add page. */
async function addPage(): Promise<WatchedPage> {
  const watched = await openPage(browser);
  await watched.page.goto(await box.adminLink());
  await watched.page.getByText("You are admin on this device now.").waitFor();
  await watched.page.getByRole("link", { name: "Add", exact: true }).click();
  await watched.page.getByRole("heading", { name: "Add", level: 1 }).waitFor();
  return watched;
}

test("the page is a plain HTTP page on a name of the network, as for most viewers", async () => {
  const { page } = await openPage(browser);
  await page.goto(box.lanUrl);
  expect(await page.evaluate(() => [window.isSecureContext, "subtle" in crypto])).toEqual([false, false]);
  await page.context().close();
});

test("the admin link's key leaves the address at once, and works once", async () => {
  const { page } = await openPage(browser);
  const link = await box.adminLink();
  await page.goto(link);
  await page.getByText("You are admin on this device now.").waitFor();
  expect(page.url()).toBe(`${box.lanUrl}/`);
  await page.context().close();

  const second = await openPage(browser);
  await second.page.goto(link);
  await second.page.getByText(/^You are not signed in\. ./).waitFor();
  expect(second.page.url()).toBe(`${box.lanUrl}/`);
  await second.page.context().close();
});

test("a film is added, watched while it is prepared, and sought in", async () => {
  const { page, complaints } = await addPage();
  await page.setInputFiles("input[type=file]", films.kept);
  await page.getByRole("heading", { name: "Summer on the lake" }).waitFor();
  await page.getByRole("link", { name: "Watch now" }).click();

  const first = await untilFramesAreDrawn(page, 0);
  expect(first.width).toBe(640);
  await page.getByRole("heading", { name: "Summer on the lake", level: 1 }).waitFor();

  // The bar covers what exists; all of it exists when the film is ready.
  const target = keptSeconds * 0.8;
  await page.waitForFunction((end) => (document.querySelector("video")?.duration ?? 0) > end, target + 2);
  await page.keyboard.press("Digit8");
  const later = await untilFramesAreDrawn(page, target - 1);
  expect(later.time).toBeGreaterThan(target - 1);

  const stats = await page.evaluate(() => window.shoal?.stats());
  expect(stats?.firstFrameMs).toBeGreaterThan(0);
  expect(stats?.bytes.origin).toBeGreaterThan(10_000);
  expect(stats?.bytes.peers).toBe(0);
  expect(stats?.segments.map((segment) => segment.source)).not.toHaveLength(0);
  expect(new Set(stats?.segments.map((segment) => segment.kind))).toEqual(new Set(["video", "audio"]));
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("a film that must be re-encoded plays as soon as its beginning is ready", async () => {
  const { page, complaints } = await addPage();
  await page.setInputFiles("input[type=file]", films.reencoded);
  await page.getByRole("link", { name: "Watch now" }).click({ timeout: 60_000 });
  const picture = await untilFramesAreDrawn(page, 0);
  expect(picture.time).toBeLessThan(10);
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("the same file again is told to be here, with a link to it", async () => {
  await box.add("Summer on the lake.mp4", await readFile(films.kept));
  const { page, complaints } = await addPage();
  await page.setInputFiles("input[type=file]", films.kept);
  await page.getByText("Already here.", { exact: true }).waitFor();
  await page.getByRole("link", { name: "Open it" }).click();
  await page.getByRole("heading", { name: "Summer on the lake", level: 1 }).waitFor();
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("sound alone plays, with a calm picture", async () => {
  const { page, complaints } = await addPage();
  await page.setInputFiles("input[type=file]", films.sound);
  await page.getByRole("link", { name: "Watch now" }).click();
  await page.getByText("Sound only").waitFor();
  await page.waitForFunction(() => (document.querySelector("video")?.currentTime ?? 0) > 1);
  expect(await page.evaluate(() => window.shoal?.stats().firstFrameMs)).toBeGreaterThan(0);
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("what is no video fails in words", async () => {
  const { page } = await addPage();
  const buffer = Buffer.from("Dear diary, today I did not make a film.\n".repeat(400));
  await page.setInputFiles("input[type=file]", { name: "diary.mp4", mimeType: "video/mp4", buffer });
  const line = page.locator(".queue-line.problem");
  await line.waitFor();
  expect(await line.textContent()).toMatch(/^[A-Z].{15,}\.$/s);
  expect(await page.getByRole("link", { name: "Watch now" }).count()).toBe(0);
  await page.context().close();
});

test("an empty file is refused in words", async () => {
  const { page } = await addPage();
  await page.setInputFiles("input[type=file]", {
    name: "nothing.mp4",
    mimeType: "video/mp4",
    buffer: Buffer.alloc(0),
  });
  const line = page.locator(".queue-line.problem");
  await line.waitFor();
  expect(await line.textContent()).toMatch(/empty/i);
  await page.context().close();
});
