import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { figuresOf } from "../../sim/figures.ts";
import { play, type ScenarioName } from "../../sim/scenarios.ts";
import { headOf, rowOf, withRow } from "../../sim/table.ts";

const repository = fileURLToPath(new URL("../../../..", import.meta.url));

let folder = "";
let room = "";

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "shoal-sim-"));
  room = join(folder, process.platform === "win32" ? "room.exe" : "room");
  execFileSync("go", ["build", "-o", room, "./sim/room"], { cwd: repository });
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(scenario: ScenarioName, seed: number, seconds: number) {
  const { world } = await play(scenario, { room, viewers: 8, seconds, seed, grain: 20 });
  world.room.close();
  return figuresOf(world, seconds);
}

test("a row takes its place in the table of a text", () => {
  const text = `Before\n\n${headOf()}| flash, 100 | old |\n| flash, 1000 | old |\n\nAfter\n`;
  const replaced = withRow(text, "| flash, 100 | new |\n");
  expect(replaced).toBe(text.replace("| flash, 100 | old |", "| flash, 100 | new |"));
  expect(withRow(text, "| churn, 100 | new |\n")).toBe(
    text.replace("| flash, 1000 | old |\n", "| flash, 1000 | old |\n| churn, 100 | new |\n"),
  );
  expect(() => withRow("no table", "| flash, 100 |\n")).toThrow("no table");
});

describe("viewers with the real scheduler in the real room", () => {
  test("the same seed gives the same table, another seed another", async () => {
    const [once, again, other] = [
      await run("churn", 1, 20),
      await run("churn", 1, 20),
      await run("churn", 2, 8),
    ];
    expect(rowOf("churn", again)).toBe(rowOf("churn", once));
    expect(rowOf("churn", other)).not.toBe(rowOf("churn", once));
  }, 120_000);

  test("a steady crowd shares: the origin sends less than half, and nothing is wrong", async () => {
    const figures = await run("steady", 1, 60);
    expect(figures.saved).toBeGreaterThan(0.5);
    expect(figures.duplicates).toBeLessThan(0.1);
    expect(figures).toMatchObject({ never: 0, wrong: 0 });
    expect(figures.uploads.jain).toBeLessThanOrEqual(1);
  }, 120_000);
});
