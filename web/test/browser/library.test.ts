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

async function adminPage() {
  const watched = await openPage(browser);
  await watched.page.goto(await box.adminLink());
  await watched.page.getByText("You are admin on this device now.").waitFor();
  return watched;
}

const cardNames = (page: Page) => page.locator("[aria-labelledby=all] .card-title").allInnerTexts();

test("a name that looks like HTML is text everywhere", async () => {
  const { page, complaints } = await adminPage();
  page.on("dialog", () => complaints.push("a script of the title ran"));
  const script = '<script>alert(1)</script> "quote"';
  await page.getByRole("link", { name: "Add", exact: true }).click();
  await page.setInputFiles("input[type=file]", {
    name: '<img src=x onerror=alert(1)> "quote".mp4',
    mimeType: "video/mp4",
    buffer: Buffer.concat([await readFile(films.kept), Buffer.from([0, 0, 0, 8, 0x66, 0x72, 0x65, 0x65])]),
  });
  await page.getByRole("link", { name: "Watch now" }).click();
  const heading = page.getByRole("heading", { level: 1 });
  await heading.filter({ hasText: '<img src=x onerror=alert(1)> "quote"' }).waitFor();
  await page.getByRole("button", { name: /^More for/ }).click();
  await page.getByRole("menuitem", { name: "Rename" }).click();
  await page.getByLabel("Title").fill(script);
  await page.getByRole("button", { name: "Save" }).click();
  await heading.filter({ hasText: script }).waitFor();
  await page.getByRole("link", { name: "Library", exact: true }).click();
  await page.locator(".card-title", { hasText: script }).first().waitFor();
  expect(await page.locator("main script, main img[src=x]").count()).toBe(0);
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("a card leads to its video, which begins by itself", async () => {
  const { page, complaints } = await openPage(browser);
  await page.goto(box.lanUrl);
  await page.locator(".card-link", { hasText: "Garden" }).click();
  await untilFramesAreDrawn(page, 0);
  expect(page.url()).toBe(`${box.lanUrl}/watch/${filmId}`);
  expect(await page.title()).toBe("Garden · Shoal");
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("a viewer goes on where they stopped, and the card shows how far", async () => {
  const { page, complaints } = await openPage(browser);
  await page.goto(`${box.lanUrl}/watch/${filmId}`);
  await untilFramesAreDrawn(page, 0);
  await page.keyboard.press("Digit5");
  await untilFramesAreDrawn(page, 11);
  await page.getByRole("link", { name: "Library", exact: true }).click();
  await page.getByRole("heading", { name: "Continue watching" }).waitFor();
  await page.locator(".card-link", { hasText: "Garden" }).first().click();
  await untilFramesAreDrawn(page, 11);
  await page.getByRole("button", { name: "From the start" }).click();
  await page.waitForFunction(() => (document.querySelector("video")?.currentTime ?? 99) < 8);
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("a film whose preparing was stopped is taken up again on its page", async () => {
  const { page } = await adminPage();
  const id = await box.add("Old tape.avi", await readFile(films.reencoded));
  await page.evaluate((path) => fetch(path, { method: "POST" }), `/api/v1/videos/${id}/cancel`);
  await page.goto(`${box.lanUrl}/watch/${id}`);
  await page.getByText("Preparing was stopped", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Try again" }).click();
  await untilFramesAreDrawn(page, 0);
  // The player may have asked for the playlist first, and been told that there is none.
  await page.context().close();
});

test("the search finds by title, and / leads to it", async () => {
  const { page, complaints } = await openPage(browser);
  await page.goto(box.lanUrl);
  await page.locator(".card-link").first().waitFor();
  await page.keyboard.press("/");
  await page.keyboard.type("garden");
  await page.getByRole("heading", { name: /Found for/ }).waitFor({ state: "attached" });
  await expect.poll(() => cardNames(page)).toEqual(["Garden"]);
  await page.getByLabel("Search").fill("no such film");
  await page.getByText("Nothing found").waitFor();
  await page.getByRole("button", { name: "Show all videos" }).click();
  await page.locator(".card-link").first().waitFor();
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("an admin renames a video, moves it to the trash, and takes that back", async () => {
  const id = await box.add("Old name.m4a", await readFile(films.sound));
  await box.waitForState(id, "ready");
  const { page, complaints } = await adminPage();
  await page.getByRole("button", { name: "More for Old name" }).click();
  await page.getByRole("menuitem", { name: "Rename" }).click();
  await page.getByLabel("Title").fill("New name");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("button", { name: "More for New name" }).click();
  await page.getByRole("menuitem", { name: "Move to trash" }).click();
  await page.getByText("“New name” is in the trash.").waitFor();
  expect(await cardNames(page)).not.toContain("New name");
  await page.reload();
  await page.locator(".card-link").first().waitFor();
  expect(await cardNames(page)).not.toContain("New name");
  await page.goto(`${box.lanUrl}/watch/${id}`);
  await page.getByRole("button", { name: "Restore it" }).click();
  await page.getByRole("button", { name: "More for New name" }).click();
  await page.getByRole("menuitem", { name: "Move to trash" }).click();
  await page.getByRole("heading", { name: "Library", level: 1 }).waitFor();
  await page.getByRole("button", { name: "Undo" }).click();
  await page.locator(".card-title", { hasText: "New name" }).waitFor();
  // The player asks at once, without waiting to hear what the video is.
  expect(complaints.filter((complaint) => !complaint.includes("/master.m3u8"))).toEqual([]);
  await page.context().close();
});

test("an admin restores from the trash, and deletes for good", async () => {
  const extra = (text: string) =>
    Buffer.concat([Buffer.from([0, 0, 0, 8 + text.length]), Buffer.from(`free${text}`)]);
  const film = await readFile(films.sound);
  const names = ["First to go", "Second to go"];
  for (const name of names) {
    const id = await box.add(`${name}.m4a`, Buffer.concat([film, extra(name)]));
    await box.waitForState(id, "ready");
  }
  const { page, complaints } = await adminPage();
  for (const name of names) {
    await page.getByRole("button", { name: `More for ${name}` }).click();
    await page.getByRole("menuitem", { name: "Move to trash" }).click();
    await page.getByText(`“${name}” is in the trash.`).waitFor();
  }
  await page.getByRole("link", { name: "Settings", exact: true }).click();
  await page.getByRole("link", { name: "Trash" }).click();
  await page.getByRole("button", { name: "Restore: First to go" }).click();
  await page.getByText("“First to go” is back in the library.").waitFor();
  await page.getByRole("button", { name: "Delete for good: Second to go" }).click();
  await page.getByRole("button", { name: "Keep it" }).click();
  await page.getByRole("button", { name: "Delete for good: Second to go" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete for good" }).click();
  await page.getByText("“Second to go” is deleted.").waitFor();
  await page.reload();
  await page.getByText("The trash is empty").waitFor();
  await page.getByRole("link", { name: "To the library" }).click();
  await page.locator(".card-title", { hasText: "First to go" }).waitFor();
  expect(await cardNames(page)).not.toContain("Second to go");
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("a viewer is offered nothing that only an admin may do, and told who can", async () => {
  const { page, complaints } = await openPage(browser);
  await page.goto(box.lanUrl);
  await page.locator(".card-link").first().waitFor();
  expect(await page.getByRole("button", { name: /^More for/ }).count()).toBe(0);
  await page.getByRole("link", { name: "Add", exact: true }).click();
  await page.getByText("Only the admin of this box can add videos").waitFor();
  await page.getByText("shoal link").waitFor();
  const key = new URL(await box.adminLink()).hash.slice("#key=".length);
  await page.getByLabel("Admin link or token").fill(`${box.lanUrl}/#key=${key}`);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByText("Drop videos here").waitFor();
  await page.getByRole("link", { name: "Settings", exact: true }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("button", { name: "Sign in" }).waitFor();
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("files dropped on any page are added", async () => {
  const { page } = await adminPage();
  await page.getByRole("link", { name: "Network", exact: true }).click();
  const transfer = await page.evaluateHandle(() => {
    const data = new DataTransfer();
    data.items.add(new File(["no film at all"], "dropped.mp4"));
    return data;
  });
  await page.dispatchEvent("main", "dragover", { dataTransfer: transfer });
  await page.getByText("Drop to add").waitFor();
  await page.dispatchEvent("main", "drop", { dataTransfer: transfer });
  await page.getByRole("heading", { name: "dropped" }).waitFor();
  expect(new URL(page.url()).pathname).toBe("/add");
  await page.context().close();
});

test("a video that is not there is told so, with the way back", async () => {
  const { page } = await openPage(browser);
  await page.goto(`${box.lanUrl}/watch/aaaaaaaaaaaaaaaaaaaaaaaaaa`);
  await page.getByRole("heading", { name: "This video is not here" }).waitFor();
  await page.getByRole("link", { name: "To the library" }).click();
  await page.getByRole("heading", { name: "Library", level: 1 }).waitFor();
  await page.context().close();
});

test("the last list stays while the box does not answer", async () => {
  const { page } = await openPage(browser);
  await page.goto(box.lanUrl);
  await page.locator(".card-link").first().waitFor();
  await page.route("**/api/v1/videos?*", (route) => route.abort("connectionrefused"));
  await page.getByLabel("Order").selectOption("title");
  await page.getByText(/not answering.* Shown from /).waitFor();
  expect(await cardNames(page)).toContain("Garden");
  await page.unroute("**/api/v1/videos?*");
  await page.getByText(/not answering/).waitFor({ state: "detached" });
  await page.context().close();
});

test("the network page tells of the disk and the videos", async () => {
  const { page, complaints } = await openPage(browser);
  await page.goto(`${box.lanUrl}/network`);
  await page.getByText(/^\d+ videos?$/).waitFor();
  await page.getByText("This box").waitFor();
  expect(
    await page
      .getByText(/ free$/)
      .first()
      .textContent(),
  ).toMatch(/^[\d.,]+\s[KMGT]B free$/);
  expect(complaints).toEqual([]);
  await page.context().close();
});

test("an address can be copied on plain HTTP", async () => {
  const { page, complaints } = await openPage(browser);
  await page.goto(`${box.lanUrl}/settings`);
  await page.getByRole("button", { name: "Copy" }).click();
  await page.getByText("Copied.").waitFor();
  expect(
    await page.evaluate(() => getSelection()?.toString() || document.activeElement?.tagName),
  ).toBeTruthy();
  expect(complaints).toEqual([]);
  await page.context().close();
});
