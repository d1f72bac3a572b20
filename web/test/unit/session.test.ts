import { expect, test, vi } from "vitest";
import { keyFrom, mayAdd, mayChange, readSession } from "../../src/api/session.ts";
import { DecodeError } from "../../src/protocol/decode.ts";
import { takeAdminKey } from "../../src/ui/admin-link.ts";

test("a session tells the role and the node", () => {
  const node = { id: "n", name: "attic-pc", version: "1" };
  expect(readSession({ role: "admin", node })).toEqual({ role: "admin", node });
  expect(() => readSession({ node })).toThrow(DecodeError);
});

test("admins may do everything, uploaders add, viewers neither", () => {
  const rights = ["admin", "uploader", "viewer", ""].map((role) => [mayAdd(role), mayChange(role)]);
  expect(rights).toEqual([
    [true, true],
    [true, false],
    [false, false],
    [false, false],
  ]);
});

test.each([
  ["http://192.168.1.5:3003/#key=aB-_9", "aB-_9"],
  ["  http://box.lan/#key=k  ", "k"],
  ["#key=k", "k"],
  ["justAToken_-1", "justAToken_-1"],
  ["http://box.lan/", ""],
  ["http://box.lan/#other=1", ""],
  ["two words", ""],
  ["", ""],
])("the key in %j is %j", (text, key) => {
  expect(keyFrom(text)).toBe(key);
});

test("an admin link's key is taken out of the address", () => {
  const replaceState = vi.fn();
  const key = takeAdminKey({ hash: "#key=secret", pathname: "/watch/x", search: "?a=1" }, { replaceState });
  expect(key).toBe("secret");
  expect(replaceState).toHaveBeenCalledExactlyOnceWith(null, "", "/watch/x?a=1");
});

test("an address without a key stays as it is", () => {
  const replaceState = vi.fn();
  expect(takeAdminKey({ hash: "#main", pathname: "/", search: "" }, { replaceState })).toBe("");
  expect(replaceState).not.toHaveBeenCalled();
});
