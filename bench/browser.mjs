// Opens pages in Chromium, in turn, each time with an empty cache, and prints when they show the first frame, a frame
// at 80 %, and the first frame of another video now that the page's own files are cached. Where a page has a library,
// it also prints how long a click on the video there takes. Its argument is JSON: {modules, chromium, rounds, pages:
// {name: {video, other, library?}}} of addresses; library is that of a page with a link to video.
import { createRequire } from "node:module";
import path from "node:path";

const { modules, chromium, rounds, pages } = JSON.parse(process.argv[2]);
const { chromium: driver } = createRequire(path.join(modules, "here.js"))("playwright-core");

/** Runs in the page before anything of its own: notes when the first frame is shown. */
function noteFirstFrame() {
  const look = () => {
    const video = document.querySelector("video");
    if (video === null) return;
    observer.disconnect();
    video.requestVideoFrameCallback(() => {
      window.benchFirstFrame = performance.now();
    });
  };
  const observer = new MutationObserver(look);
  observer.observe(document, { childList: true, subtree: true });
}

/** Runs in the page: seeks and returns after how many milliseconds a frame from there is shown. */
function seekTo(part) {
  const video = document.querySelector("video");
  const target = video.duration * part;
  return new Promise((resolve) => {
    const began = performance.now();
    const shown = (_, frame) => {
      if (frame.mediaTime >= target - 1) resolve(performance.now() - began);
      else video.requestVideoFrameCallback(shown);
    };
    video.requestVideoFrameCallback(shown);
    video.currentTime = target;
  });
}

/** Opens a new profile, with an empty cache, and lets use do with a page of it. */
async function inNewProfile(browser, use) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    await page.addInitScript(noteFirstFrame);
    return await use(page);
  } finally {
    await context.close();
  }
}

/** Opens an address and returns after how many milliseconds the first frame is shown. */
async function open(page, address) {
  await page.goto(address, { waitUntil: "commit" });
  return firstFrame(page);
}

/** When the first frame is shown, on the page's clock. */
async function firstFrame(page) {
  return (await page.waitForFunction(() => window.benchFirstFrame)).jsonValue();
}

async function measureVideo(browser, { video, other }) {
  return inNewProfile(browser, async (page) => {
    const first = await open(page, video);
    await page.waitForFunction(() => document.querySelector("video").currentTime > 2);
    const late = new Promise((_, reject) => setTimeout(() => reject(new Error("no frame at 80 %")), 30_000).unref());
    const seek = await Promise.race([page.evaluate(seekTo, 0.8), late]);
    const again = await open(page, other);
    return { first, again, seek };
  });
}

async function measureClick(browser, { video, library }) {
  return inNewProfile(browser, async (page) => {
    const link = `a[href="${new URL(video).pathname}"]`;
    await page.goto(library, { waitUntil: "networkidle" });
    await page.waitForSelector(link);
    const clicked = await page.evaluate((selector) => {
      document.querySelector(selector).click();
      return performance.now();
    }, link);
    return (await firstFrame(page)) - clicked;
  });
}

const browser = await driver.launch({
  executablePath: chromium,
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--host-resolver-rules=MAP box.lan 127.0.0.1"],
});
try {
  // The first page after the start of a browser pays for the browser.
  await measureVideo(browser, Object.values(pages)[0]);
  for (let round = 0; round < rounds; round++) {
    for (const [name, page] of Object.entries(pages)) {
      const times = await measureVideo(browser, page);
      if (page.library !== undefined) times.click = await measureClick(browser, page);
      for (const [what, time] of Object.entries(times)) console.log(`${name} ${what} ${time.toFixed(1)}`);
    }
  }
} finally {
  await browser.close();
}
