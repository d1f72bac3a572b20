import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { figuresOf } from "./figures.ts";
import { play, type ScenarioName, scenarios } from "./scenarios.ts";
import { headOf, rowOf, withRow } from "./table.ts";

const help = `Simulates viewers of one video in virtual time, with the real scheduler and the real room.

  -viewers 100,1000   how many, one run for each number
  -scenarios ${Object.keys(scenarios).join(",")}
  -seconds 60         of each run; without it the scenario's own
  -seed 1             another film, other viewers, other chance
  -grain 50           decides at most that often, in ms: coarser, and faster to simulate; 0 as browsers do
  -counts             also what the room counted
  -write FILE         also put the rows into the table of a file, as docs/simulation.md
`;

/** Also takes flags with one dash, as the programs in Go do. */
const { values } = parseArgs({
  args: process.argv.slice(2).map((arg) => arg.replace(/^-(?=[a-z])/, "--")),
  options: {
    viewers: { type: "string", default: "100" },
    scenarios: { type: "string", default: Object.keys(scenarios).join(",") },
    seconds: { type: "string" },
    seed: { type: "string", default: "1" },
    grain: { type: "string", default: "0" },
    room: { type: "string", default: ".build/sim/room" },
    counts: { type: "boolean", default: false },
    write: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

if (values.help) process.stdout.write(help);
else await runAll();

async function runAll(): Promise<void> {
  const names = values.scenarios.split(",");
  const unknown = names.find((name) => !(name in scenarios));
  if (unknown !== undefined) throw new Error(`there is no scenario ${unknown}`);
  process.stdout.write(headOf());
  for (const viewers of values.viewers.split(",").map(Number)) {
    for (const name of names) print(rowOf(...(await runOne(name as ScenarioName, viewers))));
  }
}

function print(row: string): void {
  process.stdout.write(row);
  const file = values.write;
  if (file !== undefined) writeFileSync(file, withRow(readFileSync(file, "utf8"), row));
}

/** The table is the same for the same seed; how long it took goes beside it. */
async function runOne(name: ScenarioName, viewers: number) {
  const begin = performance.now();
  const { room, seed, seconds, grain } = values;
  const options = {
    room,
    viewers,
    seed: Number(seed),
    grain: Number(grain),
    seconds: seconds === undefined ? undefined : Number(seconds),
  };
  const run = await play(name, options);
  const figures = figuresOf(run.world, run.seconds);
  const counts = values.counts ? `, ${JSON.stringify(await run.world.room.counts())}` : "";
  run.world.room.close();
  const took = ((performance.now() - begin) / 1000).toFixed(1);
  process.stderr.write(`${viewers} ${name}: ${run.seconds} s in ${took} s${counts}\n`);
  return [`${name}, ${viewers}`, figures] as const;
}
