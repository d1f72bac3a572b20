import { expect, test } from "vitest";
import { type Figures, figuresOf } from "./sim/figures.ts";
import { type Viewer, type ViewerOptions, World, type WorldOptions } from "./sim/world.ts";

// Time is virtual in all of these: what they say of seconds and stalls does not depend on the machine.
const seed = Number(process.env.SWARM_SEED ?? 1);
const slow = 60_000;

async function come(
  world: World,
  count: number,
  apart: number,
  options: ViewerOptions = {},
): Promise<Viewer[]> {
  const viewers: Viewer[] = [];
  for (let i = 0; i < count; i++) {
    viewers.push(world.add(options));
    if (apart > 0) await world.run(apart);
  }
  return viewers;
}

function makeWorld(options: Partial<WorldOptions> = {}): World {
  return new World({ seed, ...options });
}

/** What holds whatever happens; figures are printed with the seed, so that a failure can be had again. */
function expectSound(name: string, world: World, viewers?: readonly Viewer[]): Figures {
  const figures = figuresOf(world, viewers);
  if (process.env.SWARM_FIGURES) console.log(`${name} (seed ${seed}): ${JSON.stringify(figures)}`);
  expect(figures.wrongBytes, `seed ${seed}`).toBe(0);
  expect(figures.failures, `seed ${seed}`).toBe(0);
  return figures;
}

test("six viewers who come one after another bring the film from the origin about once", {
  timeout: slow,
}, async () => {
  const world = makeWorld();
  await come(world, 6, 2);
  await world.run(45);
  const figures = expectSound("6 viewers, 2 s apart", world);
  expect(figures.originByWatched).toBeLessThanOrEqual(0.35);
  expect(figures.saved).toBeGreaterThanOrEqual(0.95);
  expect(figures.fetchedByWatched).toBeLessThanOrEqual(1.6);
  expect(figures.duplicates).toBeLessThanOrEqual(0.01);
  expect(figures.stalls).toBe(0);
});

test("four viewers who come one after another do too", { timeout: slow }, async () => {
  const world = makeWorld();
  await come(world, 4, 2);
  await world.run(45);
  const figures = expectSound("4 viewers, 2 s apart", world);
  expect(figures.originByWatched).toBeLessThanOrEqual(0.5);
  expect(figures.saved).toBeGreaterThanOrEqual(0.95);
  expect(figures.duplicates).toBeLessThanOrEqual(0.01);
  expect(figures.stalls).toBe(0);
});

test("a crowd at a narrow origin sees its first frame soon and does not stall", {
  timeout: slow,
}, async () => {
  const world = makeWorld({ originMbit: 12 });
  await come(world, 6, 0);
  await world.run(45);
  const figures = expectSound("crowd of 6, 12 Mbit/s", world);
  expect(figures.firstFrameMs.median).toBeLessThanOrEqual(2000);
  expect(figures.stalls).toBeLessThanOrEqual(2);
  expect(figures.originByWatched).toBeLessThanOrEqual(0.35);
  expect(figures.duplicates).toBeLessThanOrEqual(0.03);
});

test("a crowd does so too where the first segment is a long one", { timeout: slow }, async () => {
  const world = makeWorld({ originMbit: 12, firstDurations: [] });
  await come(world, 6, 0);
  await world.run(45);
  const figures = expectSound("crowd of 6, 12 Mbit/s, first segment of 4 s", world);
  // Without sharing the six would wait 4.2 s.
  expect(figures.firstFrameMs.median).toBeLessThanOrEqual(2000);
  expect(figures.stalls).toBeLessThanOrEqual(2);
});

test("a crowd at an origin slower than the film gets on together", { timeout: slow }, async () => {
  const world = makeWorld({ originMbit: 2, seconds: 60 });
  const viewers = await come(world, 6, 0);
  await world.run(45);
  const figures = expectSound("crowd of 6, 2 Mbit/s", world);
  // One viewer alone could watch 40 s of it by then; six who do not share 7 s each.
  const watched = viewers.map(({ player }) => player.watched);
  expect(Math.min(...watched)).toBeGreaterThan(28);
  expect(figures.duplicates).toBeLessThanOrEqual(0.05);
});

test("a lonely viewer fetches as any player would", { timeout: slow }, async () => {
  const world = makeWorld({ originMbit: 20 });
  const [viewer] = await come(world, 1, 0);
  await world.run(45);
  const figures = expectSound("lonely", world);
  expect(figures.stalls).toBe(0);
  expect(viewer?.swarm.bytes.duplicate).toBe(0);
  expect(viewer?.player.got.every(({ from }) => from === "origin")).toBe(true);
  expect(viewer?.player.firstFrameMs).toBeLessThanOrEqual(300);
});

test("a viewer who reaches no peer plays from the origin", { timeout: slow }, async () => {
  const world = makeWorld({ originMbit: 20 });
  await come(world, 3, 1);
  const isolated = world.add({ isolated: true });
  await world.run(40);
  expectSound("isolated", world);
  expect(isolated.player.stalls).toBe(0);
  expect(isolated.swarm.bytes.peers).toBe(0);
});

test("viewers who never get into the room play from the origin", { timeout: slow }, async () => {
  const world = makeWorld({ originMbit: 20 });
  await come(world, 2, 1, { roomless: true });
  await world.run(40);
  expect(expectSound("roomless", world).stalls).toBe(0);
});

test("a slow peer slows nobody down", { timeout: slow }, async () => {
  const world = makeWorld();
  world.add({ uplinkMbit: 0.3 });
  await world.run(2);
  await come(world, 4, 2);
  await world.run(40);
  expect(expectSound("slow peer", world).stallSeconds).toBeLessThanOrEqual(0.3);
});

test("a peer that freezes is left alone", { timeout: slow }, async () => {
  const world = makeWorld();
  const frozen = { faults: {} as { frozen?: boolean } };
  world.add(frozen);
  await world.run(2);
  await come(world, 4, 2);
  await world.run(10);
  frozen.faults.frozen = true;
  await world.run(30);
  const others = world.viewers.slice(1);
  expect(expectSound("frozen peer", world, others).stalls).toBe(0);
});

test("a poisoner spoils nothing and is banned", { timeout: slow }, async () => {
  const world = makeWorld();
  const poisoner = world.add({ faults: { poisons: true } });
  await world.run(2);
  const others = await come(world, 4, 2);
  await world.run(40);
  expect(expectSound("poisoner", world).stallSeconds).toBeLessThanOrEqual(0.3);
  for (const { pool } of others) expect([...pool.banned]).toEqual([poisoner.id]);
  expect(new Set(world.room.reports.map(({ peer }) => peer))).toEqual(new Set([poisoner.id]));
});

test("viewers who leave in the middle of a piece cost nobody a stall", { timeout: slow }, async () => {
  const world = makeWorld();
  await come(world, 6, 1);
  for (let i = 0; i < 10; i++) {
    await world.run(3.137);
    const first = world.viewers[0];
    if (first !== undefined) world.remove(first);
    world.add();
  }
  await world.run(10);
  const figures = expectSound("churn", world, [...world.viewers, ...world.gone]);
  expect(figures.stalls).toBe(0);
  expect(figures.duplicates).toBeLessThanOrEqual(0.01);
});

test("seeks are served, and what was under way for the old place is given up", {
  timeout: slow,
}, async () => {
  const world = makeWorld({ originMbit: 50 });
  const viewers = await come(world, 4, 2);
  for (const [index, viewer] of viewers.entries()) {
    viewer.player.seek(30 + 25 * index);
    await world.run(5);
  }
  await world.run(20);
  const figures = expectSound("seeks", world);
  expect(figures.stalls).toBe(0);
  for (const [index, { player }] of viewers.entries())
    expect(player.position).toBeGreaterThan(30 + 25 * index + 18);
});

test("who pauses goes on giving", { timeout: slow }, async () => {
  const world = makeWorld();
  const first = world.add();
  await world.run(6);
  first.player.pause(true);
  const before = first.swarm.bytes.uploaded;
  const second = world.add();
  await world.run(10);
  expectSound("pause", world);
  expect(first.swarm.bytes.uploaded - before).toBeGreaterThan(1_000_000);
  expect(second.swarm.bytes.peers).toBeGreaterThan(1_000_000);
});

test("data goes on from peer to peer while the room is gone", { timeout: slow }, async () => {
  const world = makeWorld();
  const viewers = await come(world, 5, 2);
  await world.run(5);
  world.room.down = true;
  for (const { link, swarm } of viewers) {
    link.close();
    swarm.onRoom();
  }
  await world.run(40);
  const figures = expectSound("room gone", world);
  expect(figures.stalls).toBe(0);
  expect(figures.originByWatched).toBeLessThanOrEqual(0.5);
});

test("a cache that is too small for what others want still plays", { timeout: slow }, async () => {
  const world = makeWorld();
  const viewers = await come(world, 3, 2, { cacheBytes: 4 << 20 });
  await world.run(40);
  const figures = expectSound("small cache", world);
  expect(figures.stalls).toBe(0);
  expect(figures.fetchedByWatched).toBeLessThanOrEqual(1.6);
  for (const { swarm } of viewers) expect(swarm.cache.bytes).toBeLessThanOrEqual(5 << 20);
});

test.each([
  ["four times as fast as it plays", 4],
  ["as fast as it plays", 1],
  ["a little slower than it plays", 0.9],
])("two who watch a film that is being prepared %s share it", { timeout: slow }, async (name, rate) => {
  const world = makeWorld({ seconds: 300, preparing: { seconds: 16, rate }, originRoundTripMs: 20 });
  // Both read the playlist at the same moment, and ask for what is new in it at once.
  await come(world, 2, 4);
  await world.run(90);
  const figures = expectSound(`prepared ${name}`, world);
  expect(figures.saved).toBeGreaterThanOrEqual(0.9);
  expect(figures.duplicates).toBeLessThanOrEqual(0.01);
  expect(figures.stalls).toBe(0);
  // Two lists for two viewers, and not more often than the playlists are read.
  expect(world.listsAsked).toBeLessThanOrEqual(4 * (94 / 2));
});

test.each([1000, 60_000])(
  "a tab in the background, with timers every %d ms, plays on and gives",
  {
    timeout: slow,
  },
  async (timersEveryMs) => {
    const world = makeWorld({ seconds: 600, videoMbit: 1, originMbit: 20 });
    const viewers = await come(world, 4, 1, { uplinkMbit: 5 });
    // Browsers hold timers back for a minute only after some minutes.
    await world.run(190);
    const [, hidden] = viewers;
    if (hidden !== undefined) hidden.timers.every = timersEveryMs;
    const before = hidden?.swarm.bytes.uploaded ?? 0;
    await world.run(150);
    const figures = expectSound(`background, ${timersEveryMs} ms`, world);
    expect(figures.stalls).toBe(0);
    expect(figures.saved).toBeGreaterThan(0.9);
    expect((hidden?.swarm.bytes.uploaded ?? 0) - before).toBeGreaterThan(5_000_000);
    for (const { pool } of viewers) expect(pool.dropped).toEqual([]);
  },
);

test.each([2, 60, 3600])(
  "after %d s in which nothing ran nobody is blamed for it",
  {
    timeout: slow,
  },
  async (seconds) => {
    const world = makeWorld({ seconds: 600, videoMbit: 1, originMbit: 20 });
    const viewers = await come(world, 4, 1, { uplinkMbit: 4 });
    for (let i = 0; i < 8; i++) {
      await world.run(5.137);
      world.clock.sleep(seconds * 1000);
    }
    await world.run(20);
    const figures = expectSound(`asleep, ${seconds} s`, world);
    expect(figures.stalls).toBe(0);
    expect(figures.saved).toBeGreaterThan(0.9);
    for (const { pool } of viewers) expect(pool.dropped).toEqual([]);
  },
);
