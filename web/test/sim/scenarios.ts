import { megabit, rates, type Viewer, type ViewerOptions, World } from "./world.ts";

/** How a crowd behaves. Times are in seconds, shares from 0 to 1. */
interface Scenario {
  readonly about: string;
  readonly seconds: number;
  /** All come within this time, evenly by chance. */
  readonly arrivals: number;
  /** How long viewers stay and how long they watch until they seek, on average; who leaves is followed by another. */
  readonly stay?: number;
  readonly seekEvery?: number;
  /** The line to the origin as a share of what all watch together; without it 1 Gbit/s. */
  readonly originShare?: number;
  /** Uplinks in megabits a second, each with its share of the viewers; 0 gives nothing. */
  readonly uplinks: readonly (readonly [share: number, mbit: number])[];
}

const usualUplinks = [
  [0.2, 5],
  [0.6, 10],
  [0.2, 20],
] as const;

export const scenarios = {
  steady: { about: "all come within 10 minutes", seconds: 720, arrivals: 600, uplinks: usualUplinks },
  flash: { about: "all come within 10 s", seconds: 180, arrivals: 10, uplinks: usualUplinks },
  churn: {
    about: "stay 2 minutes, seek once a minute",
    ...{ seconds: 300, arrivals: 60, stay: 120, seekEvery: 60, uplinks: usualUplinks },
  },
  uplinks: {
    about: "6 of 10 have 2 Mbit/s up, 2 none, 2 10 Mbit/s",
    ...{ seconds: 240, arrivals: 60 },
    uplinks: [
      [0.6, 2],
      [0.2, 0],
      [0.2, 10],
    ],
  },
  origin: {
    about: "the origin has 10 % of what all watch",
    ...{ seconds: 240, arrivals: 60, originShare: 0.1, uplinks: usualUplinks },
  },
} as const satisfies Record<string, Scenario>;

export type ScenarioName = keyof typeof scenarios;

export interface RunOptions {
  /** The program of sim/room. */
  readonly room: string;
  readonly viewers: number;
  readonly seed: number;
  readonly grain: number;
  /** Another length than the scenario's; arrivals shrink with it. */
  readonly seconds?: number | undefined;
}

/** Plays a scenario to its end and returns the world as it is then. The caller closes its room. */
export async function play(
  name: ScenarioName,
  options: RunOptions,
): Promise<{ world: World; seconds: number }> {
  const scenario: Scenario = scenarios[name];
  const { room, seed, viewers, grain } = options;
  const seconds = options.seconds ?? scenario.seconds;
  const demand = (viewers * (rates.v0 + rates.a0)) / 8 / megabit;
  const originMbit = scenario.originShare === undefined ? 1000 : scenario.originShare * demand;
  const world = new World({ room, seed, originMbit, grain });
  const arrivals = scenario.arrivals * Math.min(1, seconds / scenario.seconds);
  for (let i = 0; i < viewers; i++)
    world.clock.after(world.random() * arrivals * 1000, () => come(world, scenario));
  try {
    await world.run(seconds);
  } catch (error) {
    world.room.close();
    throw error;
  }
  return { world, seconds };
}

function come(world: World, scenario: Scenario): void {
  const viewer = world.add(viewerOf(world, scenario));
  if (scenario.seekEvery !== undefined) seekLater(world, viewer, scenario.seekEvery);
  if (scenario.stay === undefined) return;
  world.clock.after(spanOf(world, scenario.stay), () => {
    world.remove(viewer);
    come(world, scenario);
  });
}

function viewerOf({ random }: World, { uplinks }: Scenario): ViewerOptions {
  let left = random();
  const [, mbit] = uplinks.find(([share]) => {
    left -= share;
    return left < 0;
  }) ?? [1, 10];
  return { uplink: Math.max(mbit, 0.1), gives: mbit > 0, position: 0 };
}

function seekLater(world: World, viewer: Viewer, every: number): void {
  world.clock.after(spanOf(world, every), () => {
    if (!world.viewers.has(viewer.id)) return;
    viewer.player.seek(world.random() * world.film.seconds * 0.9);
    viewer.link.tellState();
    seekLater(world, viewer, every);
  });
}

/** A span in ms as chance has it when something happens once in so many seconds. */
function spanOf({ random }: World, seconds: number): number {
  return -Math.log(1 - random()) * seconds * 1000;
}
