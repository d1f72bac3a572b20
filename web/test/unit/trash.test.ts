import { signal } from "@preact/signals";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { memoryStorage } from "../../src/player/device-storage.ts";
import { LanguageMemory } from "../../src/player/language-memory.ts";
import { ResumeStore } from "../../src/player/resume-store.ts";
import type { App } from "../../src/ui/app-context.ts";
import { LibraryStore } from "../../src/ui/library-store.ts";
import { moveToTrash } from "../../src/ui/move-to-trash.ts";
import { Notices } from "../../src/ui/notices.ts";
import { TrashStore } from "../../src/ui/trash-store.ts";
import { aVideo, FakeApi, noAnswer } from "./fake-api.ts";

let api: FakeApi;
let app: App;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("document", { querySelector: () => null });
  api = new FakeApi();
  const parts = {
    api,
    notices: new Notices(),
    library: new LibraryStore(api, () => 0),
    resume: new ResumeStore(memoryStorage(), () => 0),
    languages: new LanguageMemory(memoryStorage()),
    title: signal(""),
  };
  app = parts as unknown as App;
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("a deleted video leaves the list, and one press brings it back to where it was left", async () => {
  const film = aVideo({ id: "a" });
  api.put(film);
  app.resume.save("a", 60, 600);
  await app.library.refresh();
  expect(await moveToTrash(app, film)).toBe(true);
  expect(api.deleted).toEqual(["a"]);
  expect(app.library.list.value?.videos).toEqual([]);
  expect(app.resume.get("a")).toBeNull();
  app.notices.current.value?.action?.run();
  await vi.advanceTimersByTimeAsync(0);
  expect(api.restored).toEqual(["a"]);
  expect(app.library.list.value?.videos).toHaveLength(1);
  expect(app.resume.get("a")?.position).toBe(60);
});

test("a video that the box does not delete stays, and the reason is told", async () => {
  const film = aVideo({ id: "a" });
  api.put(film);
  await app.library.refresh();
  api.failure = noAnswer;
  expect(await moveToTrash(app, film)).toBe(false);
  expect(app.library.list.value?.videos).toHaveLength(1);
  expect(app.notices.current.value).toMatchObject({ kind: "bad", text: noAnswer.message });
});

test("an offer to undo stays longer than plain good news", async () => {
  app.notices.good("Done.");
  await vi.advanceTimersByTimeAsync(9000);
  expect(app.notices.current.value).toBeNull();
  app.notices.good("Deleted.", { label: "Undo", run: () => {} });
  await vi.advanceTimersByTimeAsync(9000);
  expect(app.notices.current.value?.text).toBe("Deleted.");
});

test("the trash lists what is in it, and lets go of what is restored or purged", async () => {
  for (const id of ["a", "b", "c"]) api.put(aVideo({ id, state: "trashed" }));
  api.put(aVideo({ id: "d" }));
  const trash = new TrashStore(api);
  expect(trash.videos.value).toBeNull();
  await trash.refresh();
  expect(trash.videos.value?.map(({ id }) => id)).toEqual(["a", "b", "c"]);
  await trash.restore("a");
  await trash.purge("b");
  expect(api.restored).toEqual(["a"]);
  expect(api.deleted).toEqual(["b"]);
  expect(trash.videos.value?.map(({ id }) => id)).toEqual(["c"]);
});

test("the last list of the trash stays while the box does not answer", async () => {
  api.put(aVideo({ id: "a", state: "trashed" }));
  const trash = new TrashStore(api);
  await trash.refresh();
  api.failure = noAnswer;
  await expect(trash.refresh()).rejects.toBe(noAnswer);
  expect(trash.videos.value).toHaveLength(1);
  expect(trash.error.value).toBe(noAnswer.message);
});

test("chosen languages are remembered until others are", () => {
  const memory = new LanguageMemory(memoryStorage());
  expect([memory.sound, memory.text]).toEqual([null, null]);
  memory.sound = "de";
  memory.text = "off";
  expect([memory.sound, memory.text]).toEqual(["de", "off"]);
});
