import { readFile } from "node:fs/promises";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { findingsOn } from "./axe.ts";
import { type Box, startBox } from "./box.ts";
import { openPage, startBrowser } from "./browser.ts";
import { type Films, makeFilms } from "./films.ts";
import { type Story, serveStory } from "./story.ts";

let box: Box;
let browser: Browser;
let films: Films;
let story: Story;
let filmId: string;

beforeAll(async () => {
  [box, browser, films, story] = await Promise.all([startBox(), startBrowser(), makeFilms(), serveStory()]);
  filmId = await box.add("Summer on the lake.mp4", await readFile(films.kept));
  await box.waitForState(filmId, "ready");
});

afterAll(async () => {
  await Promise.all([browser?.close(), box?.stop(), films?.remove(), story?.stop()]);
});

const map = (page: Page) => page.getByRole("slider", { name: "Map of the film" });

describe("on a real box", () => {
  test("b unfolds where it comes from, it stays so, and b folds it again", async () => {
    const { page, complaints } = await openPage(browser);
    await page.goto(`${box.lanUrl}/watch/${filmId}`);
    await page.locator(".player-settings-button").waitFor();
    const body = page.locator(".sources-body");
    expect(await body.count()).toBe(0);
    await page.keyboard.press("b");
    await body.waitFor();
    await page.reload();
    await body.waitFor();
    await page.locator(".player-settings-button").waitFor();
    await page.keyboard.press("b");
    await body.waitFor({ state: "detached" });
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).getByText("Where it comes from").waitFor();
    expect(complaints).toEqual([]);
    await page.context().close();
  });

  test("it unfolds by a press on its title too, and says so when nobody else watches", async () => {
    const { page } = await openPage(browser);
    await page.goto(`${box.lanUrl}/watch/${filmId}`);
    await page.getByText("Where it comes from").click();
    await page.locator(".sources-body").getByText("You are the only one watching").waitFor();
    await page.context().close();
  });

  test("a name that is chosen in the settings is tidied and kept", async () => {
    const { page } = await openPage(browser);
    await page.goto(`${box.lanUrl}/settings`);
    const name = page.getByLabel("Others see you as");
    expect(await name.inputValue()).toMatch(/^Guest ..$/);
    await name.fill("  Anna's   phone ");
    await name.press("Enter");
    await page.getByText("Kept on this device.").waitFor();
    expect(await name.inputValue()).toBe("Anna's phone");
    await page.getByLabel("Everyone").check();
    await page.reload();
    expect(await name.inputValue()).toBe("Anna's phone");
    expect(await page.getByLabel("Everyone").isChecked()).toBe(true);
    await name.fill("   ");
    await name.blur();
    expect(await name.inputValue()).toBe("Anna's phone");
    await page.context().close();
  });
});

test("the map is walked over by keyboard, and Enter goes to the column", async () => {
  const { page } = await openPage(browser);
  await page.goto(story.url({ duration: 7200, fetched: 5000, peers: 10 }));
  await map(page).focus();
  await page.keyboard.press("Home");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  const told = await map(page).getAttribute("aria-valuetext");
  expect(told).toMatch(/^1:00–1:30 · from .+ · .+.MB · about \d+ ms each/);
  expect(await page.locator(".film-map-detail").textContent()).toBe(told);
  await page.keyboard.press("Enter");
  expect(await page.title()).toBe("sought 60");
  await page.keyboard.press("End");
  expect(await map(page).getAttribute("aria-valuetext")).toBe("1:59:30–2:00:00 · not here yet");
  await page.context().close();
});

test("a press on the map goes where it points", async () => {
  const { page } = await openPage(browser);
  await page.goto(story.url({ duration: 1000 }));
  const area = await map(page).boundingBox();
  await map(page).click({ position: { x: (area?.width ?? 0) / 2 + 1, y: 30 } });
  expect(await page.title()).toBe("sought 500");
  await page.context().close();
});

test("the list tells of every peer that the picture shows", async () => {
  const { page } = await openPage(browser);
  await page.goto(story.url({ peers: 10, far: "true" }));
  await page.locator(".peer-list").waitFor();
  const rows = page.getByRole("row");
  expect(await rows.count()).toBe(12);
  expect(await page.locator(".peer").count()).toBe(10);
  expect(await rows.nth(3).textContent()).toMatch(/^AnnaElsewhere42.MB, .+Mbit\/s.+9 ms$/);
  await page.context().close();
});

test("how it goes is told to screen readers after ten seconds", async () => {
  const { page } = await openPage(browser);
  await page.goto(story.url({}));
  await page.getByText(/^\d+ s ahead; \d+ % from devices near by\.$/).waitFor({ state: "attached" });
  await page.context().close();
});

test("of two hundred viewers some are listed and the others on demand", async () => {
  const { page } = await openPage(browser);
  await page.goto(story.url({ page: "network", viewers: 200 }));
  await page.getByText("watching 3 videos").waitFor();
  const listed = page.locator(".viewers li");
  expect(await listed.count()).toBe(20);
  await page.getByRole("button", { name: "and 180 more" }).click();
  expect(await listed.count()).toBe(200);
  await page.getByText("The film called video1").first().waitFor();
  await page.context().close();
});

const stories: readonly { name: string; query: Readonly<Record<string, string | number>> }[] = [
  {
    name: "ten peers, long names, failures",
    query: { peers: 10, longNames: "true", far: "true", failures: "true" },
  },
  { name: "one peer in a short film", query: { peers: 1, duration: 60, fetched: 40 } },
  { name: "alone", query: { peers: 0, state: "alone" } },
  { name: "sound only for two hours", query: { soundOnly: "true", duration: 7200, fetched: 6000 } },
  { name: "a connection that costs", query: { metered: 1 } },
  { name: "people watching", query: { page: "network", viewers: 30 } },
  { name: "nobody watching", query: { page: "network" } },
];

const ready = ".film-map, .viewers, .facts";

describe.each(["light", "dark"] as const)("in %s colours", (colorScheme) => {
  test.each(stories)("axe has no serious finding with $name", async ({ query }) => {
    const { page } = await openPage(browser, { colorScheme });
    await page.goto(story.url(query));
    await page.locator(ready).first().waitFor();
    expect(await findingsOn(page)).toEqual([]);
    await page.context().close();
  });
});

test.each(stories)("a phone need not scroll sideways with $name", async ({ query }) => {
  const viewport = { width: 390, height: 844 };
  const { page } = await openPage(browser, { viewport, hasTouch: true, isMobile: true });
  await page.goto(story.url(query));
  await page.locator(ready).first().waitFor();
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(viewport.width);
  await page.context().close();
});
