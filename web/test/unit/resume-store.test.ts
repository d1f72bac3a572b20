import { beforeEach, expect, test } from "vitest";
import { type DeviceStorage, memoryStorage } from "../../src/player/device-storage.ts";
import { ResumeStore } from "../../src/player/resume-store.ts";

let storage: DeviceStorage;
let now: number;
let store: ResumeStore;

beforeEach(() => {
  storage = memoryStorage();
  now = 1000;
  store = new ResumeStore(storage, () => now);
});

test("a position is there at the next visit", () => {
  store.save("film", 300, 5400);
  const later = new ResumeStore(storage, () => 0);
  expect(later.get("film")).toEqual({ position: 300, duration: 5400, at: 1000 });
});

test("nothing is known of other videos", () => {
  store.save("film", 300, 5400);
  expect(store.get("other")).toBeNull();
  expect(store.get("__proto__")).toBeNull();
});

test.each([
  ["near the start", 4, 5400],
  ["in the credits", 5200, 5400],
  ["at the end", 5400, 5400],
  ["without a length", 50, 0],
])("a position %s is forgotten", (_, position, duration) => {
  store.save("film", 300, 5400);
  store.save("film", position, duration);
  expect(store.get("film")).toBeNull();
});

test("a video can be forgotten", () => {
  store.save("film", 300, 5400);
  store.forget("film");
  expect(store.get("film")).toBeNull();
});

test("points come newest first", () => {
  store.save("first", 20, 100);
  now = 2000;
  store.save("second", 20, 100);
  expect(store.all().map(([id]) => id)).toEqual(["second", "first"]);
});

test("the oldest points are dropped when there are many", () => {
  for (now = 1; now <= 310; now++) store.save(`film${now}`, 20, 100);
  expect(store.all()).toHaveLength(300);
  expect(store.get("film1")).toBeNull();
  expect(store.get("film310")).not.toBeNull();
});

test.each(["", "not JSON", "null", "5", "[]", '{"film":5}', '{"film":{"position":"x","duration":1,"at":1}}'])(
  "what is stored as %j is taken for nothing",
  (stored) => {
    storage.setItem("shoal.resume", stored);
    expect(store.get("film")).toBeNull();
    store.save("film", 20, 100);
    expect(store.get("film")?.position).toBe(20);
  },
);
