import { readFile } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Box, startBox } from "./box.ts";
import { openPage, startBrowser, untilFramesAreDrawn } from "./browser.ts";
import { type Films, makeFilms } from "./films.ts";

let box: Box;
let browser: Browser;
let films: Films;
let filmId: string;

beforeAll(async () => {
  [box, browser, films] = await Promise.all([startBox(), startBrowser(), makeFilms()]);
  filmId = await box.add("Garden.mp4", await readFile(films.kept));
  await box.waitForState(filmId, "ready");
});

afterAll(async () => {
  await Promise.all([browser?.close(), box?.stop(), films?.remove()]);
});

const srt = (words: string) => `1\n00:00:00,000 --> 00:00:24,000\n${words}\n`;

async function adminPage(path: string) {
  const watched = await openPage(browser);
  await watched.page.goto(await box.adminLink());
  await watched.page.getByText("You are admin on this device now.").waitFor();
  await watched.page.goto(box.lanUrl + path);
  return watched;
}

/** Drops files on the page, as from another window. */
async function drop(page: Page, files: Record<string, string>): Promise<void> {
  await page.evaluate((entries) => {
    const dataTransfer = new DataTransfer();
    for (const [name, text] of entries) dataTransfer.items.add(new File([text], name));
    window.dispatchEvent(new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true }));
  }, Object.entries(files));
}

/** Waits until the player shows these words. */
async function untilShown(page: Page, words: string): Promise<void> {
  await page.waitForFunction((text) => {
    const tracks = [...(document.querySelector("video")?.textTracks ?? [])];
    const shown = tracks
      .filter(({ mode }) => mode === "showing")
      .flatMap((track) => [...(track.activeCues ?? [])]);
    return shown.some((cue) => (cue as VTTCue).text === text);
  }, words);
}

test("an admin adds subtitles on the page of a video, sees them at once, and removes them", async () => {
  const { page, complaints } = await adminPage(`/watch/${filmId}`);
  await untilFramesAreDrawn(page, 0);
  await page.keyboard.press("Digit5");
  await untilFramesAreDrawn(page, 11);
  await page.getByRole("button", { name: /^More for/ }).click();
  await page.getByRole("menuitem", { name: "Subtitles" }).click();
  const dialog = page.getByRole("dialog", { name: "Subtitles" });
  await dialog.getByText("This video has none.").waitFor();
  const buffer = Buffer.from(srt("Grüße"), "latin1");
  await dialog.locator("input[type=file]").setInputFiles({ name: "any.srt", mimeType: "text/plain", buffer });
  await dialog.getByLabel("Language").selectOption("de");
  await dialog.getByRole("button", { name: "Add", exact: true }).click();
  await dialog.getByText("German · added").waitFor();
  await page.keyboard.press("Escape");

  await untilFramesAreDrawn(page, 9);
  await page.keyboard.press("c");
  await untilShown(page, "Grüße");

  await page.getByRole("button", { name: /^More for/ }).click();
  await page.getByRole("menuitem", { name: "Subtitles" }).click();
  await dialog.getByRole("button", { name: "Remove German" }).click();
  await dialog.getByText("This video has none.").waitFor();
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("what are no subtitles is refused with words that help", async () => {
  const { page } = await adminPage(`/watch/${filmId}`);
  await page.getByRole("button", { name: /^More for/ }).click();
  await page.getByRole("menuitem", { name: "Subtitles" }).click();
  const dialog = page.getByRole("dialog", { name: "Subtitles" });
  const buffer = Buffer.from("Dear diary");
  await dialog
    .locator("input[type=file]")
    .setInputFiles({ name: "diary.srt", mimeType: "text/plain", buffer });
  await dialog.getByRole("button", { name: "Add", exact: true }).click();
  await dialog.getByText("There are no subtitles in the file").waitFor();
  await page.context().close();
});

test("subtitles that are dropped on the page of a video are its own", async () => {
  const { page, complaints } = await adminPage(`/watch/${filmId}`);
  await untilFramesAreDrawn(page, 0);
  await drop(page, { "dropped.fr.srt": srt("Bonjour") });
  await page.getByText("The subtitles are added.").waitFor();
  await untilFramesAreDrawn(page, 0);
  await page.keyboard.press("c");
  await untilShown(page, "Bonjour");
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("a film and the subtitles of its name are added together", async () => {
  const { page, complaints } = await adminPage("/add");
  await page.locator("input[type=file]").setInputFiles([
    { name: "Two.en.srt", mimeType: "text/plain", buffer: Buffer.from(srt("Good day")) },
    { name: "Two.mp4", mimeType: "video/mp4", buffer: await readFile(films.bilingual) },
    { name: "lonely.srt", mimeType: "text/plain", buffer: Buffer.from(srt("?")) },
  ]);
  await page.getByText("“lonely.srt” has no film of its name here.").waitFor();
  await page.getByText("Subtitles: Two.en.srt").waitFor();
  await page.getByText(/^Ready · /).waitFor();
  await page.getByRole("link", { name: "Watch now" }).click();
  await untilFramesAreDrawn(page, 0);
  await page.keyboard.press("c");
  await untilShown(page, "Good day");
  expect(complaints).toEqual([]);
  await page.context().close();
});
