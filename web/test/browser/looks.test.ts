import { readFile } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findingsOn } from "./axe.ts";
import { type Box, startBox } from "./box.ts";
import { openPage, startBrowser } from "./browser.ts";
import { type Films, makeFilms } from "./films.ts";

const longTitle = `${"Averylongwordthatdoesnotend".repeat(6)} and some more words after it.mp4`;

let box: Box;
let browser: Browser;
let films: Films;
let filmId: string;
let failedId: string;

beforeAll(async () => {
  [box, browser, films] = await Promise.all([startBox(), startBrowser(), makeFilms()]);
  filmId = await box.add(longTitle, await readFile(films.kept));
  failedId = await box.add("diary.mp4", new TextEncoder().encode("Dear diary. ".repeat(500)));
  await box.waitForState(filmId, "ready");
  await box.waitForState(failedId, "failed");
  const trashedId = await box.add(`Trashed ${longTitle}`, await readFile(films.sound));
  await box.waitForState(trashedId, "ready");
  await box.trash(trashedId);
});

afterAll(async () => {
  await Promise.all([browser?.close(), box?.stop(), films?.remove()]);
});

interface Place {
  readonly name: string;
  readonly path: () => string;
  /** What is there once the page is complete. */
  readonly shown: string;
  readonly admin: boolean;
}

const places: readonly Place[] = [
  { name: "library", path: () => "/", shown: ".card-link", admin: true },
  { name: "watch", path: () => `/watch/${filmId}`, shown: ".details-title", admin: true },
  { name: "failed video", path: () => `/watch/${failedId}`, shown: ".state-panel", admin: false },
  { name: "missing video", path: () => "/watch/none", shown: ".state-panel", admin: false },
  { name: "add", path: () => "/add", shown: ".chooser", admin: true },
  { name: "add, for a viewer", path: () => "/add", shown: ".sign-in", admin: false },
  { name: "network", path: () => "/network", shown: ".facts", admin: false },
  { name: "settings", path: () => "/settings", shown: ".qr-code", admin: false },
  { name: "settings, for an admin", path: () => "/settings", shown: "a[href='/trash']", admin: true },
  { name: "trash", path: () => "/trash", shown: ".trash-item", admin: true },
  { name: "trash, for a viewer", path: () => "/trash", shown: ".sign-in", admin: false },
];

async function open(page: Page, place: Place): Promise<void> {
  if (place.admin) {
    await page.goto(await box.adminLink());
    await page.getByText("You are admin on this device now.").waitFor();
  }
  await page.goto(box.lanUrl + place.path());
  await page.locator(place.shown).first().waitFor();
}

/** What opens above a page. */
const layers: readonly { name: string; open(page: Page): Promise<void> }[] = [
  {
    name: "the statistics and the player's settings",
    open: async (page) => {
      await page.goto(`${box.lanUrl}/watch/${filmId}`);
      await page.locator(".player-settings-button").waitFor();
      await page.keyboard.press("i");
      await page.locator(".player-stats").waitFor();
      await page.locator(".player-settings-button").click();
      await page.locator(".player-panel fieldset").first().waitFor();
    },
  },
  {
    name: "where it comes from",
    open: async (page) => {
      await page.goto(`${box.lanUrl}/watch/${filmId}`);
      await page.locator(".player-settings-button").waitFor();
      await page.keyboard.press("b");
      await page.locator(".sources-body").waitFor();
    },
  },
  {
    name: "the list of keys",
    open: async (page) => {
      await page.goto(box.lanUrl);
      await page.locator(".card-link").first().waitFor();
      await page.keyboard.press("?");
      await page.getByRole("dialog", { name: "Keys" }).waitFor();
    },
  },
  {
    name: "the menu of a card",
    open: async (page) => {
      await page.goto(await box.adminLink());
      await page.locator(".menu button").first().click();
      await page.getByRole("menuitem").first().waitFor();
    },
  },
  {
    name: "the subtitles of a video",
    open: async (page) => {
      await page.goto(await box.adminLink());
      await page.getByText("You are admin on this device now.").waitFor();
      await page.goto(`${box.lanUrl}/watch/${filmId}`);
      await page.getByRole("button", { name: /^More for/ }).click();
      await page.getByRole("menuitem", { name: "Subtitles" }).click();
      const buffer = Buffer.from("Dear diary");
      const file = { name: "diary.srt", mimeType: "text/plain", buffer };
      await page.getByRole("dialog").locator("input[type=file]").setInputFiles(file);
      await page.getByRole("button", { name: "Add", exact: true }).click();
      await page.getByText("There are no subtitles in the file").waitFor();
    },
  },
  {
    name: "the question before deleting",
    open: async (page) => {
      await page.goto(await box.adminLink());
      await page.getByText("You are admin on this device now.").waitFor();
      await page.goto(`${box.lanUrl}/trash`);
      await page.getByRole("button", { name: /^Delete for good/ }).click();
      await page.getByRole("dialog", { name: "Delete for good?" }).waitFor();
    },
  },
  {
    name: "the address to share",
    open: async (page) => {
      await page.goto(`${box.lanUrl}/watch/${filmId}`);
      await page.getByRole("button", { name: "Share" }).click();
      await page.getByRole("dialog").waitFor();
    },
  },
];

describe.each(["light", "dark"] as const)("in %s colours", (colorScheme) => {
  test.each(layers)("axe has no serious finding with $name open", async (layer) => {
    const { page } = await openPage(browser, { colorScheme });
    await layer.open(page);
    expect(await findingsOn(page)).toEqual([]);
    await page.context().close();
  });

  test.each(places)("axe has no serious finding on: $name", async (place) => {
    const { page } = await openPage(browser, { colorScheme });
    await open(page, place);
    expect(await findingsOn(page)).toEqual([]);
    await page.context().close();
  });
});

test.each(places)("a phone need not scroll sideways on: $name", async (place) => {
  const viewport = { width: 390, height: 844 };
  const { page } = await openPage(browser, { viewport, hasTouch: true, isMobile: true });
  await open(page, place);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(viewport.width);
  await page.context().close();
});

test.each(places)("what is pressed on a phone is large enough on: $name", async (place) => {
  const { page } = await openPage(browser, {
    viewport: { width: 390, height: 844 },
    hasTouch: true,
    isMobile: true,
  });
  await open(page, place);
  const small = await page.evaluate(() =>
    [...document.querySelectorAll<HTMLElement>("main button, main .button, nav a, main select")]
      .filter((element) => element.checkVisibility())
      .map((element) => ({ element, box: element.getBoundingClientRect() }))
      .filter(({ box }) => box.width < 44 || box.height < 44)
      .map(({ element }) => element.outerHTML.slice(0, 160)),
  );
  expect(small).toEqual([]);
  await page.context().close();
});

test("the chosen colours win over the system's, and stay", async () => {
  const { page } = await openPage(browser, { colorScheme: "light" });
  await page.goto(`${box.lanUrl}/settings`);
  const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const light = await background();
  await page.getByLabel("Dark").check();
  const dark = await background();
  expect(dark).not.toBe(light);
  await page.reload();
  await page.locator(".qr-code").waitFor();
  expect(await background()).toBe(dark);
  await page.context().close();
});

test("every page can be walked through by keyboard, the focus in sight", async () => {
  const { page } = await openPage(browser);
  await page.goto(box.lanUrl);
  await page.locator(".card-link").first().waitFor();
  await page.keyboard.press("Tab");
  expect(await page.evaluate(() => document.activeElement?.className)).toBe("skip-link");
  await page.keyboard.press("Enter");
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("main");
  await page.keyboard.press("Tab");
  const outline = await page.evaluate(() => {
    const element = document.activeElement;
    return element === null ? "none" : getComputedStyle(element).outlineStyle;
  });
  expect(outline).not.toBe("none");
  await page.context().close();
});
