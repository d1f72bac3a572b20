import { afterEach, expect, test, vi } from "vitest";
import { ApiError, messageOf, problemOf, send } from "../../src/api/request.ts";
import { DecodeError } from "../../src/protocol/decode.ts";

afterEach(() => vi.unstubAllGlobals());

function answerWith(status: number, body: string): void {
  vi.stubGlobal("fetch", async () => new Response(body === "" ? null : body, { status }));
}

test("an answer is parsed", async () => {
  answerWith(200, '{"a":1}');
  expect(await send({ path: "/x" })).toEqual({ a: 1 });
});

test("an empty answer is null", async () => {
  answerWith(204, "");
  expect(await send({ method: "DELETE", path: "/x" })).toBeNull();
});

test("an error answer is thrown with its code and words", async () => {
  answerWith(507, '{"error":{"code":"disk_full","message":"The disk is full."}}');
  await expect(send({ path: "/x" })).rejects.toMatchObject({
    status: 507,
    code: "disk_full",
    message: "The disk is full.",
  });
});

test("an answer that is no JSON is refused", async () => {
  answerWith(200, "<html>");
  await expect(send({ path: "/x" })).rejects.toBeInstanceOf(DecodeError);
});

test("no answer is told as such", async () => {
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("Failed to fetch")));
  await expect(send({ path: "/x" })).rejects.toMatchObject({ status: 0, code: "unreachable" });
});

test("a request that was given up throws the reason for that", async () => {
  const abort = new AbortController();
  const reason = new Error("left the page");
  vi.stubGlobal("fetch", (_: string, init: RequestInit) => {
    abort.abort(reason);
    return init.signal?.aborted ? Promise.reject(new Error("aborted")) : Promise.resolve(new Response("{}"));
  });
  await expect(send({ path: "/x", signal: abort.signal })).rejects.toBe(reason);
});

test.each([401, 404, 413, 418, 500, 507])("status %i without words gets some", (status) => {
  const problem = problemOf(status, "<h1>nginx</h1>");
  expect(problem.status).toBe(status);
  expect(problem.message).toMatch(/^[A-Z].*\.$/);
});

test("whatever was thrown is told in a sentence", () => {
  expect(messageOf(new ApiError(422, { code: "empty", message: "The file is empty." }))).toBe(
    "The file is empty.",
  );
  expect(messageOf(new DecodeError("x"))).toMatch(/unexpected/);
  expect(messageOf("?")).toMatch(/^[A-Z].*\.$/);
});
