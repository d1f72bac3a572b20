import { expect, test } from "vitest";
import { memoryStorage } from "../../src/player/device-storage.ts";
import { guestName, maxNameLength, tidyName } from "../../src/swarm/wishes.ts";
import { type Connection, watchMetered } from "../../src/ui/metered.ts";
import { openPreferences } from "../../src/ui/preferences.ts";

const root = () => ({ dataset: {} }) as unknown as HTMLElement;

test.each([
  ["  Ben's \n laptop ", "Ben's laptop"],
  ["\u202egnp.exe", "gnp.exe"],
  ["   ", ""],
  ["x".repeat(60), "x".repeat(maxNameLength)],
  [`${"x".repeat(39)}🦊`, "x".repeat(39)],
  ["小林 🦊", "小林 🦊"],
])("the name %j is shown as %j", (typed, name) => {
  expect(tidyName(typed)).toBe(name);
});

test("a guest's name is short and has no signs that look alike", () => {
  for (let i = 0; i < 1; i += 0.01) expect(guestName(() => i)).toMatch(/^Guest [2-9A-HJKMNP-Z]{2}$/);
});

test("a name is made once and kept, and so is what was chosen", () => {
  const storage = memoryStorage();
  const before = openPreferences(storage, root(), () => 0.3);
  expect(before.share.value).toBe("lan");
  expect(before.sourcesOpen.value).toBe(false);
  before.share.value = "off";
  before.sourcesOpen.value = true;
  const after = openPreferences(storage, root(), () => 0.9);
  expect(after.name.value).toBe(before.name.value);
  expect(after.share.value).toBe("off");
  expect(after.sourcesOpen.value).toBe(true);
});

test("what was kept and is no choice any more becomes the usual one", () => {
  const storage = memoryStorage();
  storage.setItem("shoal.share", "world");
  storage.setItem("shoal.name", " \u0007 ");
  const { share, name } = openPreferences(storage, root(), () => 0);
  expect(share.value).toBe("lan");
  expect(name.value).toBe("Guest 22");
});

test("a connection that costs is known as far as the browser tells, also when it changes", () => {
  expect(watchMetered(undefined).value).toBe(false);
  expect(watchMetered({ saveData: true }).value).toBe(true);
  let changed = () => {};
  const connection = {
    type: "wifi",
    addEventListener: (_: "change", listener: () => void) => {
      changed = listener;
    },
  };
  const metered = watchMetered(connection satisfies Connection);
  expect(metered.value).toBe(false);
  connection.type = "cellular";
  changed();
  expect(metered.value).toBe(true);
});
