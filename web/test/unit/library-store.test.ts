import { beforeEach, expect, test } from "vitest";
import { LibraryStore } from "../../src/ui/library-store.ts";
import { aVideo, FakeApi, noAnswer } from "./fake-api.ts";

let api: FakeApi;
let store: LibraryStore;

beforeEach(() => {
  api = new FakeApi();
  store = new LibraryStore(api, () => 42);
});

const ids = () => store.list.value?.videos.map((video) => video.id);

function fill(count: number): void {
  for (let i = 0; i < count; i++) api.put(aVideo({ id: `v${i}` }));
}

test("the list is unknown until the box answered", async () => {
  expect(store.list.value).toBeNull();
  fill(2);
  await store.refresh();
  expect(ids()).toEqual(["v0", "v1"]);
  expect(store.list.value?.at).toBe(42);
});

test("the last good list stays when the box does not answer", async () => {
  fill(1);
  await store.refresh();
  api.failure = noAnswer;
  await expect(store.refresh()).rejects.toBe(noAnswer);
  expect(ids()).toEqual(["v0"]);
  expect(store.error.value).toBe("The box is not answering.");
  api.failure = null;
  await store.refresh();
  expect(store.error.value).toBeNull();
});

test("more is loaded page by page, and a refresh keeps what is loaded", async () => {
  fill(130);
  await store.refresh();
  expect(ids()).toHaveLength(60);
  await store.loadMore();
  expect(ids()).toHaveLength(120);
  await store.refresh();
  expect(ids()).toHaveLength(120);
  await store.loadMore();
  expect(ids()).toHaveLength(130);
  expect(store.list.value?.next).toBeNull();
});

test("a video that moved between two pages is listed once", async () => {
  fill(70);
  await store.refresh();
  api.videos.clear();
  api.put(aVideo({ id: "new" }));
  fill(70);
  await store.loadMore();
  expect(new Set(ids()).size).toBe(ids()?.length);
});

test("a search asks the box, and its answer does not mix with the old list", async () => {
  fill(2);
  api.put(aVideo({ id: "boats", title: "Boats" }));
  await store.refresh();
  store.search.value = "Boats";
  await store.refresh();
  expect(ids()).toEqual(["boats"]);
  expect(store.list.value?.search).toBe("Boats");
});

test("an answer to an older search is dropped", async () => {
  fill(1);
  const asked = store.refresh();
  store.search.value = "something else";
  await asked;
  expect(store.list.value).toBeNull();
});

test("it looks often only while the box works on something", async () => {
  fill(1);
  await store.refresh();
  expect(store.intervalMs()).toBe(10_000);
  api.put(aVideo({ id: "busy", state: "processing" }));
  await store.refresh();
  expect(store.intervalMs()).toBe(1000);
});

test("videos in the trash are not listed", async () => {
  api.put(aVideo({ id: "gone", state: "trashed" }));
  await store.refresh();
  expect(ids()).toEqual([]);
});

test("a changed video takes its place, a deleted one goes", async () => {
  fill(3);
  await store.refresh();
  store.replace(aVideo({ id: "v1", title: "Renamed" }));
  store.remove("v0");
  expect(store.list.value?.videos.map((video) => video.title)).toEqual(["Renamed", "A film"]);
});
