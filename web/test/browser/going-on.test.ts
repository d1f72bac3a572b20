import { truncate } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Box, startBox } from "./box.ts";
import { openPage, startBrowser } from "./browser.ts";
import { type Films, makeFilms } from "./films.ts";

const mebi = 1024 * 1024;

let box: Box;
let browser: Browser;
let films: Films;

beforeAll(async () => {
  [box, browser, films] = await Promise.all([startBox(), startBrowser(), makeFilms()]);
  // What follows a film does not matter to it; so this one takes three pieces to send.
  await truncate(films.kept, 40 * mebi);
});

afterAll(async () => {
  await Promise.all([browser?.close(), box?.stop(), films?.remove()]);
});

/** A page on which pieces travel only when the test lets them. */
async function addPage(): Promise<{ page: Page; pieces: Pieces }> {
  const { page } = await openPage(browser);
  await page.goto(await box.adminLink());
  await page.getByText("You are admin on this device now.").waitFor();
  const pieces = new Pieces();
  await page.route("**/api/v1/uploads/*", async (route) => {
    if (route.request().method() === "PATCH") await pieces.leave();
    await route.continue().catch(() => {}); // the page may be gone by now
  });
  page.on("dialog", (dialog) => void dialog.accept());
  await openAdd(page);
  return { page, pieces };
}

async function openAdd(page: Page): Promise<void> {
  await page.getByRole("link", { name: "Add", exact: true }).click();
  await page.getByRole("heading", { name: "Add", level: 1 }).waitFor();
}

/** Lets through as many pieces as it is told; the others wait. */
class Pieces {
  #allowed = 0;
  readonly #waiting: (() => void)[] = [];

  allow(count: number): void {
    this.#allowed += count;
    while (this.#allowed > 0 && this.#waiting.length > 0) {
      this.#allowed -= 1;
      this.#waiting.shift()?.();
    }
  }

  leave(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.allow(0);
    });
  }
}

test("after a reload, a file that is added again goes on where it ended", async () => {
  const { page, pieces } = await addPage();
  pieces.allow(1);
  await page.setInputFiles("input[type=file]", films.kept);
  await page.getByText(/^Send 1[67](\.\d)? of 4[12]/).waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "Add", level: 1 }).waitFor();

  await page.setInputFiles("input[type=file]", films.kept);
  await page.getByText(/^Going on at 40\s%/).waitFor();
  pieces.allow(10);
  await page.getByRole("link", { name: "Watch now" }).waitFor();
  expect(
    await page.evaluate(() => Object.keys(localStorage).filter((key) => key.includes("upload"))),
  ).toEqual([]);
  await page.context().close();
});

test("a file can be paused, gone on with, and cancelled", async () => {
  await truncate(films.kept, 41 * mebi);
  const { page, pieces } = await addPage();
  pieces.allow(1);
  await page.setInputFiles("input[type=file]", films.kept);
  await page.getByText(/^Send 1[67]/).waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await page.getByText(/^Paused at/).waitFor();
  const place = await page.evaluate(() => {
    const key = Object.keys(localStorage).find((name) => name.includes("upload"));
    return String(JSON.parse(localStorage.getItem(key ?? "") ?? "{}").url);
  });
  await page.getByRole("button", { name: "Go on" }).click();
  await page.getByText(/^Going on at/).waitFor();
  await page.getByRole("button", { name: "Cancel" }).click();
  await page.getByText("Cancelled.", { exact: true }).waitFor();
  await page.waitForFunction(async (url) => (await fetch(url, { method: "HEAD" })).status === 404, place);
  await page.context().close();
});
