import { expect, test } from "vitest";
import { parseRoute } from "../../src/ui/route.ts";

test.each([
  ["/", { page: "library" }],
  ["/add", { page: "add" }],
  ["/add/", { page: "add" }],
  ["/network", { page: "network" }],
  ["/settings", { page: "settings" }],
  ["/watch/abc234", { page: "watch", id: "abc234" }],
  ["/watch/a%20b", { page: "watch", id: "a b" }],
  ["/watch", { page: "nowhere" }],
  ["/watch/a/b", { page: "nowhere" }],
  ["/watch/%E0%A4%A", { page: "nowhere" }],
  ["/elsewhere", { page: "nowhere" }],
])("%s leads to %j", (path, route) => {
  expect(parseRoute(path)).toEqual(route);
});
