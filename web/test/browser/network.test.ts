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

type Query = Readonly<Record<string, string | number>>;

const stories: readonly { name: string; query: Query }[] = [
  { name: "one machine", query: {} },
  { name: "one machine gone, copies being made", query: { nodes: 3, dead: 1, repair: "running", admin: 1 } },
  { name: "machines that ask, long names", query: { nodes: 3, joiners: 2, longNames: 1, admin: 1 } },
  { name: "one machine being emptied", query: { nodes: 3, drain: "going", admin: 1 } },
  { name: "half of twelve gone", query: { nodes: 12, dead: 6, repair: "held", longNames: 1, admin: 1 } },
];

const urlOf = (query: Query) => story.url({ page: "network", ...query });

describe.each(["light", "dark"] as const)("in %s colours", (colorScheme) => {
  test.each(stories)("axe has no serious finding with $name", async ({ query }) => {
    const { page } = await openPage(browser, { colorScheme });
    await page.goto(urlOf(query));
    await page.locator(".node").first().waitFor();
    expect(await findingsOn(page)).toEqual([]);
    await page.context().close();
  });

  test("axe has no serious finding with an invite shown, nor before removing", async () => {
    const { page } = await openPage(browser, { colorScheme });
    await page.goto(urlOf({ nodes: 3, admin: 1 }));
    await page.getByRole("button", { name: "Add a machine" }).click();
    await page.getByRole("button", { name: "Make an invite" }).click();
    await page.locator(".qr-code").waitFor();
    expect(await findingsOn(page)).toEqual([]);
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "More for box-2" }).click();
    expect(await findingsOn(page)).toEqual([]);
    await page.getByRole("menuitem", { name: "Remove" }).click();
    await page.getByRole("button", { name: "Remove", exact: true }).click();
    await page.getByText("may have the only copy").waitFor();
    expect(await findingsOn(page)).toEqual([]);
    await page.context().close();
  });
});

test.each(stories)(
  "a phone need not scroll sideways, and can press everything, with $name",
  async ({ query }) => {
    const viewport = { width: 390, height: 844 };
    const { page } = await openPage(browser, { viewport, hasTouch: true, isMobile: true });
    await page.goto(urlOf(query));
    await page.locator(".node").first().waitFor();
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(viewport.width);
    const small = await page.evaluate(() =>
      [...document.querySelectorAll<HTMLElement>("main button")]
        .filter((element) => element.checkVisibility())
        .map((element) => ({ element, box: element.getBoundingClientRect() }))
        .filter(({ box }) => box.width < 44 || box.height < 44)
        .map(({ element }) => element.outerHTML.slice(0, 160)),
    );
    expect(small).toEqual([]);
    await page.context().close();
  },
);

test("viewers see the machines, and nothing that changes them", async () => {
  const { page } = await openPage(browser);
  await page.goto(urlOf({ nodes: 3, dead: 1, repair: "waiting", joiners: 1 }));
  await page.getByText(/^box-3 is gone\. Its share is copied to the others at /).waitFor();
  await page.getByText(/^Gone since /).waitFor();
  expect(await page.locator("main button").count()).toBe(0);
  await page.context().close();
});

const node = (id: string, fields: object = {}) => ({ id, name: id, self: false, state: "alive", ...fields });

/** Answers what a box with two machines would, and keeps what it was asked to change as "METHOD path body". */
async function twoMachines(page: Page): Promise<{ asked: string[]; drain: object | null }> {
  const state = { asked: [] as string[], drain: null as object | null };
  const nodes = () => [
    node("box-1", { self: true }),
    node("box-2", { state: state.drain === null ? "alive" : "draining", drain: state.drain }),
  ];
  await page.route("**/api/v1/nodes", (route) =>
    route.fulfill({
      json: { nodes: nodes(), waiting: [{ id: "n3", name: "kitchen-pi", code: "amber-otter", address: "" }] },
    }),
  );
  await page.route("**/api/v1/events?*", (route) =>
    route.fulfill({
      json: { events: [{ id: "e", time: new Date().toISOString(), message: "box-2 joined." }] },
    }),
  );
  await page.route(/\/api\/v1\/(nodes\/|invites|repair)/, (route) => {
    const request = route.request();
    const { pathname, search } = new URL(request.url());
    state.asked.push(`${request.method()} ${pathname.slice(8)}${search} ${request.postData() ?? ""}`.trim());
    if (pathname.endsWith("invites"))
      return route.fulfill({ status: 201, json: { link: "shoal://join/abc" } });
    if (request.method() === "DELETE" && search === "") {
      return route.fulfill({ status: 409, json: { error: { code: "node_in_use", message: "In use." } } });
    }
    if (pathname.endsWith("drain")) {
      state.drain = request.postDataJSON().undo ? null : { progress: 1, bytes_left: 0, safe: true };
      return route.fulfill({ json: nodes()[1] ?? {} });
    }
    return route.fulfill({ status: 204 });
  });
  return state;
}

test("an admin invites, lets in, empties and removes machines by keyboard", async () => {
  const { page } = await openPage(browser);
  await page.goto(await box.adminLink());
  await page.getByText("You are admin on this device now.").waitFor();
  const state = await twoMachines(page);
  await page.goto(`${box.lanUrl}/network`);
  await page.getByText("box-2 joined.").waitFor();
  await page.getByRole("button", { name: "Add a machine" }).press("Enter");
  await page.getByLabel("1 hour").check();
  await page.getByRole("button", { name: "Make an invite" }).press("Enter");
  const command = page.getByLabel("Run this on the new machine");
  expect(await command.inputValue()).toBe("shoal serve --join 'shoal://join/abc'");
  await page.keyboard.press("Escape");
  expect(await page.evaluate(() => document.activeElement?.textContent)).toContain("Add a machine");
  await page.getByRole("button", { name: "Approve kitchen-pi" }).press("Enter");
  await page.getByText("kitchen-pi may join now.").waitFor();
  await page.getByRole("button", { name: "More for box-2" }).press("Enter");
  await page.locator("[role=menuitem]:focus").press("Enter");
  await page.getByRole("button", { name: "Prepare it" }).press("Enter");
  await page.getByText("You can switch it off.").waitFor();
  await page.getByRole("button", { name: "Keep using it: box-2" }).press("Enter");
  await page.getByText("You can switch it off.").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "More for box-2" }).press("Enter");
  await page.getByRole("menuitem", { name: "Remove" }).press("Enter");
  await page.getByRole("button", { name: "Remove", exact: true }).press("Enter");
  await page.getByRole("button", { name: "Remove it all the same" }).press("Enter");
  await page.getByText("box-2 is removed.").waitFor();
  expect(state.asked).toEqual([
    'POST invites {"expires":3600}',
    "POST nodes/n3/approve",
    'POST nodes/box-2/drain {"undo":false}',
    'POST nodes/box-2/drain {"undo":true}',
    "DELETE nodes/box-2",
    "DELETE nodes/box-2?force=true",
  ]);
  await page.context().close();
});

/** Has the box say something else of its video. */
async function changeVideo(page: Page, fields: object): Promise<void> {
  await page.route(`**/api/v1/videos/${filmId}`, async (route) => {
    // Only the browser knows the box by its name.
    const response = await fetch(`${box.url}/api/v1/videos/${filmId}`);
    await route.fulfill({ json: { ...((await response.json()) as object), ...fields } });
  });
}

test("an admin sees with which machine a video would be lost", async () => {
  const { page } = await openPage(browser);
  await page.goto(await box.adminLink());
  await page.getByText("You are admin on this device now.").waitFor();
  await changeVideo(page, { copies: { want: 2, have: 1 } });
  await page.route("**/holders", (route) =>
    route.fulfill({
      json: { nodes: [{ id: "a", name: "box-1", chunks: 1, bytes: 9e6 }], chunks: [{ nodes: ["a"] }] },
    }),
  );
  await page.goto(`${box.lanUrl}/watch/${filmId}`);
  await page.getByRole("button", { name: "1 of 2 copies" }).click();
  await page.getByText("It would be lost with box-1.").waitFor();
  expect(await findingsOn(page)).toEqual([]);
  await page.context().close();
});

test("a video that another machine prepares says so, and what it waits for while that is away", async () => {
  const { page } = await openPage(browser);
  const preparing = { state: "processing", stage: "prepare", progress: 0.4, playable: false };
  await changeVideo(page, { ...preparing, node: { id: "b", name: "box-2", away: false } });
  await page.goto(`${box.lanUrl}/watch/${filmId}`);
  await page.getByText("Being prepared on box-2.").waitFor();
  await page.unrouteAll();
  await changeVideo(page, { ...preparing, node: { id: "b", name: "box-2", away: true } });
  await page.getByText("box-2 is not answering just now.").waitFor();
  await page.context().close();
});

test("when parts of a video lie on machines that are away, the player names them, and goes on when they are back", async () => {
  const { page } = await openPage(browser);
  const message = "A part of this video cannot be read just now: box-2 has it and does not answer.";
  await page.route(/\/hls\/.*\.(m3u8|m4s|mp4)/, (route) =>
    route.fulfill({ status: 503, json: { error: { code: "nodes_away", message } } }),
  );
  await page.goto(`${box.lanUrl}/watch/${filmId}`);
  await page.getByText(`${message} Trying again…`).waitFor({ timeout: 60_000 });
  await page.unrouteAll();
  await page.getByText(message).waitFor({ state: "detached", timeout: 60_000 });
  await page.context().close();
});
