import { type Browser, type BrowserContextOptions, chromium as driver, type Page } from "playwright-core";
import { lanName } from "./box.ts";
import { chromium } from "./programs.ts";

const quiet = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  `--host-resolver-rules=MAP ${lanName} 127.0.0.1`,
];

/** The strictest rule that browsers have for playing by itself: sound only after the viewer did something. */
export const strictAutoplay = "--autoplay-policy=document-user-activation-required";

export function startBrowser(...more: string[]): Promise<Browser> {
  return driver.launch({ executablePath: chromium, args: [...quiet, ...more], ignoreDefaultArgs });
}

/** Pages are kept for the way back, as they are for everybody but tests. */
const ignoreDefaultArgs = ["--disable-back-forward-cache"];

/** A page in a profile of its own, and everything that it complained about. */
export interface WatchedPage {
  readonly page: Page;
  readonly complaints: string[];
}

/** Opens an empty page. Loads that the page itself gave up are no complaint. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (["error", "warning", "assert"].includes(message.type())) {
      complaints.push(`console ${message.type()}: ${message.text()} ${message.location().url}`);
    }
  });
  page.on("pageerror", (error) => complaints.push(`uncaught: ${error.message}`));
  page.on("requestfailed", (request) => {
    const reason = request.failure()?.errorText ?? "";
    if (reason !== "net::ERR_ABORTED") complaints.push(`failed: ${request.url()} ${reason}`);
  });
  page.on("response", (response) => {
    if (response.status() >= 400) complaints.push(`answer ${response.status()}: ${response.url()}`);
  });
  return { page, complaints };
}

/** Where playing is, and proof of it: frames that were decoded, and the picture's pixels. */
export interface Picture {
  readonly time: number;
  readonly frames: number;
  readonly width: number;
  /** A sum over the pixels; two different pictures give different ones. */
  readonly pixels: number;
  /** The brightest value in the picture, 0 for a black one. */
  readonly brightest: number;
}

export function pictureOn(page: Page): Promise<Picture> {
  return page.evaluate(() => {
    const video = document.querySelector("video");
    if (video === null) return { time: 0, frames: 0, width: 0, pixels: 0, brightest: 0 };
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [64, 36];
    const context = canvas.getContext("2d");
    context?.drawImage(video, 0, 0, 64, 36);
    const data = context?.getImageData(0, 0, 64, 36).data ?? [];
    let [pixels, brightest] = [0, 0];
    for (let i = 0; i < data.length; i += 4) {
      const value = data[i] ?? 0;
      pixels = (pixels * 31 + value) % 1_000_003;
      brightest = Math.max(brightest, value);
    }
    const { totalVideoFrames: frames } = video.getVideoPlaybackQuality();
    return { time: video.currentTime, frames, width: video.videoWidth, pixels, brightest };
  });
}

/** Waits until new frames are drawn from a time on: later time, more frames, another picture. */
export async function untilFramesAreDrawn(page: Page, from: number): Promise<Picture> {
  await page.waitForFunction(
    (time) => {
      const video = document.querySelector("video");
      return video !== null && !video.seeking && video.videoWidth > 0 && video.currentTime > time;
    },
    from,
    { timeout: 30_000 },
  );
  const before = await pictureOn(page);
  await page.waitForFunction(
    ({ time, frames }) => {
      const video = document.querySelector("video");
      if (video === null) return false;
      return video.currentTime > time + 0.4 && video.getVideoPlaybackQuality().totalVideoFrames > frames + 5;
    },
    before,
    { timeout: 30_000 },
  );
  const after = await pictureOn(page);
  if (after.pixels === before.pixels) throw new Error(`the picture stands still at ${after.time} s`);
  if (after.brightest < 50) throw new Error(`the picture is black at ${after.time} s`);
  return after;
}
