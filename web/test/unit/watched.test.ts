import { afterEach, expect, test, vi } from "vitest";
import { getWatchedFolder } from "../../src/api/watched.ts";
import { watchedLine } from "../../src/ui/watched-panel.tsx";

afterEach(() => vi.unstubAllGlobals());

const answers = (body: unknown) => vi.stubGlobal("fetch", async () => new Response(JSON.stringify(body)));

test("the watched folder is read as the box describes it, or there is none", async () => {
  const warnings = [{ code: "watch_slow", message: "Slow." }];
  answers({ folder: { dir: "/films", scanned: null, films: 2, waiting: 1, added: 0, warnings } });
  expect(await getWatchedFolder()).toEqual({
    dir: "/films",
    scanned: "",
    films: 2,
    waiting: 1,
    warnings: ["Slow."],
  });
  answers({ folder: null });
  expect(await getWatchedFolder()).toBeNull();
});

test("the line says how many films wait and how old that is", () => {
  const folder = { dir: "/films", scanned: "2026-01-01T12:00:00Z", films: 1, waiting: 0, warnings: [] };
  const now = Date.parse("2026-01-01T12:00:20Z");
  expect(watchedLine(folder, now)).toMatch(/^1 film, none waits\. Looked through .+\.$/);
  expect(watchedLine({ ...folder, films: 3, waiting: 1 }, now)).toContain("3 films, 1 waits to be added");
  expect(watchedLine({ ...folder, scanned: "" }, now)).toContain("for the first time");
});
