import { expect, test } from "vitest";
import { fingerprintOf, UploadPlaces } from "../../src/api/upload-places.ts";

const day = 24 * 60 * 60_000;

/** A browser's storage in memory. */
class Store {
  readonly values = new Map<string, string>();
  get length() {
    return this.values.size;
  }
  key = (index: number) => [...this.values.keys()][index] ?? null;
  getItem = (key: string) => this.values.get(key) ?? null;
  setItem = (key: string, value: string) => void this.values.set(key, value);
  removeItem = (key: string) => void this.values.delete(key);
}

test("a place is known again after the page was closed, until it is forgotten", () => {
  const store = new Store();
  new UploadPlaces(store, () => 0).keep("a", "/here");
  const places = new UploadPlaces(store, () => 1000);
  expect(places.find("a")).toBe("/here");
  expect(places.find("b")).toBeNull();
  places.forget("a");
  expect(places.find("a")).toBeNull();
  expect(store.length).toBe(0);
});

test("what the box has thrown away by now is forgotten, and nothing of others is touched", () => {
  const store = new Store();
  store.setItem("someone else's", "1");
  new UploadPlaces(store, () => 0).keep("a", "/here");
  expect(new UploadPlaces(store, () => day + 1).find("b")).toBeNull();
  expect([...store.values.keys()]).toEqual(["someone else's"]);
});

test("without a storage, places are known as long as the page is open", () => {
  const refusing = new Store();
  refusing.setItem = () => {
    throw new Error("not allowed");
  };
  for (const store of [null, refusing]) {
    const places = new UploadPlaces(store, () => 0);
    places.keep("a", "/here");
    expect(places.find("a")).toBe("/here");
    places.forget("a");
    expect(places.find("a")).toBeNull();
  }
});

test.each(["", "null", "{}", '{"url":5,"at":0}', '{"url":"/x"}', "{"])(
  "what cannot be read is no place: %j",
  (text) => {
    const store = new Store();
    store.setItem("shoal.upload.a", text);
    expect(new UploadPlaces(store, () => 0).find("a")).toBeNull();
    expect(store.length).toBe(0);
  },
);

test("files are told apart by name, size and date", () => {
  const file = { name: "a", size: 1, lastModified: 2 };
  const prints = [file, { ...file, name: "b" }, { ...file, size: 3 }, { ...file, lastModified: 3 }].map(
    fingerprintOf,
  );
  expect(new Set(prints).size).toBe(4);
});
