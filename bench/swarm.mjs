// Lets several viewers watch one page in one Chromium, each in a profile of its own, and prints what became of
// them, one JSON text a line: {event: "joined" | "late" | "measured"} when it happens, then {viewers, cpuSeconds}.
// Its argument is JSON: {modules, packages, chromium, args, loopback, address, host, tracker, viewers, apart, watch,
// late, twist, seed, length}; times in ms, length (of the film) in seconds.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { observe, poison, slowDown } from "./swarm-page.mjs";
import { startTracker } from "./tracker.mjs";

const job = JSON.parse(process.argv[2]);
const { chromium: driver } = createRequire(path.join(job.modules, "here.js"))("playwright-core");
const churnEvery = 5_000;
const slowRate = 300_000;

/** Numbers from 0 to 1 that are the same for the same seed (mulberry32). */
function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const random = randomFrom(job.seed);
const say = (what) => console.log(JSON.stringify(what));
const until = (time) => new Promise((resolve) => setTimeout(resolve, Math.max(0, time - performance.now())));

/** Gives up what a page does not answer: one that hangs must not keep the run from ending. */
function within(ms, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The processor seconds of the processes that this one started, and of those that they did; null where nobody tells. */
function cpuSeconds() {
  const ticksASecond = 100; // USER_HZ, the same on every Linux that Chromium runs on
  const processes = new Map();
  try {
    for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
      try {
        const fields = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").pop().split(" ");
        // utime, stime, and those of children that ended
        processes.set(Number(pid), { parent: Number(fields[1]), ticks: fields.slice(11, 15).reduce((sum, t) => sum + Number(t), 0) });
      } catch {
        // It ended meanwhile.
      }
    }
  } catch {
    return null;
  }
  const ours = (pid) => pid > 1 && (pid === process.pid || ours(processes.get(pid)?.parent ?? 0));
  let ticks = 0;
  for (const [pid, { ticks: own }] of processes) if (pid !== process.pid && ours(pid)) ticks += own;
  return ticks / ticksASecond;
}

/** A viewer with an empty page; scripts are functions with their argument that run before the page's own. */
async function prepare(browser, ...scripts) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  // With this permission pages may connect over the loopback and see addresses as they are.
  if (job.loopback) await context.grantPermissions(["microphone"]);
  const page = await context.newPage();
  const viewer = { context, page, troubles: [] };
  page.on("pageerror", ({ message }) => viewer.troubles.push(message));
  page.on("console", (message) => {
    if (message.type() === "error") viewer.troubles.push(message.text());
  });
  for (const [script, argument] of [[observe], ...scripts]) await page.addInitScript(script, argument);
  return viewer;
}

function join(viewer, address) {
  viewer.page.goto(address, { waitUntil: "commit", timeout: 60_000 }).catch(({ message }) => viewer.troubles.push(message));
}

async function collect({ page, troubles }) {
  try {
    return { ...(await within(10_000, page.evaluate(() => window.bench.tell()))), troubles };
  } catch ({ message }) {
    return { troubles: [...troubles, message] };
  }
}

/** Closes a viewer at random and opens another one, again and again until a moment before the end. */
async function churn(browser, viewers, gone, address, end) {
  for (let next = performance.now() + churnEvery; next < end - churnEvery; next += churnEvery) {
    const fresh = await prepare(browser);
    await until(next);
    const [leaver] = viewers.splice(Math.floor(random() * viewers.length), 1, fresh);
    gone.push(await collect(leaver));
    await leaver.context.close();
    join(fresh, address);
  }
}

/** Lets each viewer seek three times, at random times to random places. */
async function seekAround(viewers, end) {
  const began = performance.now() + 3_000;
  const plans = viewers.flatMap(({ page }) =>
    [0, 1, 2].map(() => ({ page, at: began + random() * (end - 6_000 - began), to: random() * (job.length - 15) })),
  );
  for (const { page, at, to } of plans.sort((a, b) => a.at - b.at)) {
    await until(at);
    // One that does not answer is told when it is collected.
    page.evaluate((position) => window.bench.seek(position), to).catch(() => {});
  }
}

/** Everything from the first join to the moment of measuring. */
async function watch(browser, address) {
  const scripts = { poison: [poison], slow: [slowDown, slowRate] };
  const viewers = [];
  const gone = [];
  for (let i = 0; i < job.viewers; i++) {
    viewers.push(await prepare(browser, ...(i === 0 && scripts[job.twist] ? [scripts[job.twist]] : [])));
  }
  const before = cpuSeconds();
  const began = performance.now();
  for (const [i, viewer] of viewers.entries()) {
    const late = job.late > 0 && i === job.viewers - 1;
    await until(began + (late ? job.late : i * job.apart));
    join(viewer, address);
    if (i === 0) say({ event: "joined" });
    if (late) say({ event: "late" });
  }
  const end = performance.now() + job.watch;
  if (job.twist === "churn") await churn(browser, viewers, gone, address, end);
  if (job.twist === "seeks") await seekAround(viewers, end);
  await until(end);
  say({ event: "measured" });
  const after = cpuSeconds();
  const told = await Promise.all(viewers.map(collect));
  say({ viewers: [...gone, ...told], cpuSeconds: after === null ? null : after - before });
}

async function main() {
  let tracker = null;
  let { address } = job;
  if (job.tracker) {
    const { WebSocketServer } = createRequire(path.join(job.packages, "here.js"))("ws");
    tracker = await startTracker(WebSocketServer, job.host);
    address += `?tracker=${encodeURIComponent(`ws://box.lan:${tracker.port}`)}`;
  }
  const browser = await driver.launch({ executablePath: job.chromium, args: job.args });
  try {
    await watch(browser, address);
  } finally {
    await browser.close();
    tracker?.close();
  }
}

await main();
