// Opens pages in Chromium, in turn, each time with an empty cache, and prints when they show the first frame
// and a frame at 80 %. Its argument is JSON: {modules, chromium, rounds, pages: {name: address}}.
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

async function measure(browser, address) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    await page.addInitScript(noteFirstFrame);
    await page.goto(address, { waitUntil: "commit" });
    const first = await (await page.waitForFunction(() => window.benchFirstFrame)).jsonValue();
    await page.waitForFunction(() => document.querySelector("video").currentTime > 2);
    const late = new Promise((_, reject) => setTimeout(() => reject(new Error("no frame at 80 %")), 30_000).unref());
    const seek = await Promise.race([page.evaluate(seekTo, 0.8), late]);
    return { first, seek };
  } finally {
    await context.close();
  }
}

const browser = await driver.launch({
  executablePath: chromium,
  args: ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--host-resolver-rules=MAP box.lan 127.0.0.1"],
});
try {
  // The first page after the start of a browser pays for the browser.
  await measure(browser, Object.values(pages)[0]);
  for (let round = 0; round < rounds; round++) {
    for (const [name, address] of Object.entries(pages)) {
      const { first, seek } = await measure(browser, address);
      console.log(`${name} ${first.toFixed(1)} ${seek.toFixed(1)}`);
    }
  }
} finally {
  await browser.close();
}
