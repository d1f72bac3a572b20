import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { ApiError } from "../../src/api/request.ts";
import { type AddItem, AddQueue } from "../../src/ui/add-queue.ts";
import { announcementFor, lineFor, stepsOf, wholeProgress } from "../../src/ui/add-steps.ts";
import { aVideo, FakeApi, noAnswer } from "./fake-api.ts";

let api: FakeApi;
let queue: AddQueue;
let changes: number;

beforeEach(() => {
  vi.useFakeTimers();
  api = new FakeApi();
  changes = 0;
  queue = new AddQueue(
    api,
    () => Date.now(),
    () => {
      changes += 1;
    },
  );
});

afterEach(() => vi.useRealTimers());

const aFile = (name: string, size = 1000) => new File([new Uint8Array(size)], name);
const settle = () => vi.advanceTimersByTimeAsync(0);
const phases = () => queue.items.value.map((item) => item.phase);

function first(): AddItem {
  const item = queue.items.value[0];
  if (item === undefined) throw new Error("the queue is empty");
  return item;
}

function upload(index: number) {
  const found = api.uploads[index];
  if (found === undefined) throw new Error(`there was no upload ${index}`);
  return found;
}

function stepWords(): string[] {
  return stepsOf(first()).map((step) => `${step.name} ${step.state}`);
}

test("two files are sent at a time, the others after them", async () => {
  queue.add([aFile("a.mp4"), aFile("b.mp4"), aFile("c.mp4")]);
  await settle();
  expect(phases()).toEqual(["sending", "sending", "waiting"]);
  expect(api.uploads).toHaveLength(2);
  upload(0).resolve(aVideo({ id: "a", state: "processing" }));
  await settle();
  expect(phases()).toEqual(["preparing", "sending", "sending"]);
  expect(upload(2).file.name).toBe("c.mp4");
});

test("a file can be paused, and goes on where it was", async () => {
  queue.add([aFile("a.mp4")]);
  await settle();
  upload(0).onProgress(430, 1000);
  queue.pause(first().key);
  await settle();
  expect(phases()).toEqual(["paused"]);
  expect(lineFor(first())).toBe("Paused at 43 %".replace(" %", "\u00a0%"));
  expect(queue.isSending.value).toBe(false);
  expect(api.abandoned).toEqual([]);

  queue.resume(first().key);
  await settle();
  expect(api.uploads).toHaveLength(2);
  upload(1).watch.onResume(400);
  upload(1).onProgress(400, 1000);
  expect(first()).toMatchObject({ phase: "sending", sent: 430, resumedAt: 400 });
  expect(lineFor(first())).toContain("Going on at 40");
  upload(1).resolve(aVideo({ id: "a", state: "processing" }));
  await settle();
  expect(phases()).toEqual(["preparing"]);
});

test("a paused file that is added again goes on; one that is sent is not added twice", async () => {
  const file = aFile("a.mp4");
  queue.add([file]);
  await settle();
  queue.add([file]);
  expect(phases()).toEqual(["sending"]);
  queue.pause(first().key);
  await settle();
  queue.add([file]);
  await settle();
  expect(phases()).toEqual(["sending"]);
});

test("a paused file that is cancelled is thrown away on the box", async () => {
  queue.add([aFile("a.mp4")]);
  await settle();
  queue.pause(first().key);
  await settle();
  await queue.cancel(first().key);
  expect(api.abandoned).toEqual(["a.mp4"]);
  expect(phases()).toEqual(["cancelled"]);
});

test("the bar never goes back when the connection breaks", async () => {
  queue.add([aFile("a.mp4")]);
  await settle();
  upload(0).onProgress(800, 1000);
  upload(0).watch.onBreak();
  expect(lineFor(first())).toContain("Trying again");
  upload(0).onProgress(512, 1000);
  expect(first()).toMatchObject({ sent: 800, broken: false });
  expect(lineFor(first())).not.toContain("Trying again");
});

test("a file goes through its steps with true numbers", async () => {
  queue.add([aFile("a.mp4")]);
  await settle();
  upload(0).onProgress(0, 1000);
  await vi.advanceTimersByTimeAsync(1000);
  upload(0).onProgress(500, 1000);
  expect(stepWords()).toEqual(["Send now", "Check ahead", "Prepare ahead", "Copy ahead", "Ready ahead"]);
  expect(stepsOf(first())[0]?.part).toBe(0.5);
  expect(lineFor(first()).replaceAll("\u00a0", " ")).toBe(
    "Send 500 bytes of 1 KB · 500 bytes/s · a few seconds left",
  );

  upload(0).resolve(aVideo({ id: "a", state: "processing", stage: "check" }));
  await settle();
  expect(stepWords()).toEqual(["Send done", "Check now", "Prepare ahead", "Copy ahead", "Ready ahead"]);
  expect(stepsOf(first())[1]?.part).toBeNull();

  api.put(aVideo({ id: "a", state: "processing", stage: "prepare", progress: 0.43, playable: true }));
  await vi.advanceTimersByTimeAsync(1000);
  expect(first().video?.playable).toBe(true);
  expect(stepsOf(first())[2]).toEqual({ name: "Prepare", state: "now", part: 0.43 });

  api.put(aVideo({ id: "a", state: "ready", stage: "done", progress: 1, duration: 65 }));
  await vi.advanceTimersByTimeAsync(1000);
  expect(stepWords()).toEqual(["Send done", "Check done", "Prepare done", "Copy done", "Ready done"]);
  expect(lineFor(first())).toBe("Ready · 1:05");
  expect(vi.getTimerCount()).toBe(0);
});

test("a file that is here already is told so", async () => {
  queue.add([aFile("a.mp4")]);
  await settle();
  upload(0).resolve(aVideo({ id: "a", duplicate: true }));
  await settle();
  expect(phases()).toEqual(["known"]);
  expect(lineFor(first())).toBe("Already here.");
});

test("what is no video fails with the box's words, in its step", async () => {
  queue.add([aFile("notes.txt")]);
  await settle();
  upload(0).resolve(aVideo({ id: "a", state: "processing", stage: "check" }));
  await settle();
  const error = { code: "not_a_video", message: "This is a text, not a video." };
  api.put(aVideo({ id: "a", state: "failed", stage: "check", error }));
  await vi.advanceTimersByTimeAsync(1000);
  expect(lineFor(first())).toBe("This is a text, not a video.");
  expect(stepWords()[1]).toBe("Check failed");
  expect(first().canRetry).toBe(false);
});

test("a refusal is shown with its words, and the next file goes on", async () => {
  queue.add([aFile("a.mp4"), aFile("b.mp4")]);
  await settle();
  upload(0).reject(new ApiError(413, { code: "too_large", message: "The file is too large." }));
  await settle();
  expect(phases()).toEqual(["failed", "sending"]);
  expect(first()).toMatchObject({ message: "The file is too large.", canRetry: false });
});

test("a broken connection can be tried again", async () => {
  queue.add([aFile("a.mp4")]);
  await settle();
  upload(0).reject(noAnswer);
  await settle();
  expect(first().canRetry).toBe(true);
  queue.retry(first().key);
  await settle();
  expect(phases()).toEqual(["sending"]);
  expect(api.uploads).toHaveLength(2);
});

test("a file can be cancelled while it is sent", async () => {
  queue.add([aFile("a.mp4"), aFile("b.mp4")]);
  await settle();
  await queue.cancel(first().key);
  await settle();
  expect(phases()).toEqual(["cancelled", "sending"]);
  expect(api.deleted).toEqual([]);
});

test("a file that is cancelled while it is prepared is deleted", async () => {
  queue.add([aFile("a.mp4")]);
  await settle();
  upload(0).resolve(aVideo({ id: "a", state: "processing" }));
  await settle();
  await queue.cancel(first().key);
  expect(api.deleted).toEqual(["a"]);
  expect(phases()).toEqual(["cancelled"]);
});

test("what was here before is not deleted by a late cancel", async () => {
  queue.add([aFile("a.mp4"), aFile("b.mp4")]);
  await settle();
  const [one, two] = queue.items.value.map((item) => item.key);
  upload(0).resolve(aVideo({ id: "known", duplicate: true }));
  await queue.cancel(one ?? 0);
  await settle();
  upload(1).resolve(aVideo({ id: "new", state: "processing" }));
  await queue.cancel(two ?? 0);
  await settle();
  expect(api.deleted).toEqual(["new"]);
});

test("while the box does not answer the numbers stay, and the look goes on", async () => {
  queue.add([aFile("a.mp4")]);
  await settle();
  upload(0).resolve(aVideo({ id: "a", state: "processing", progress: 0.3 }));
  await settle();
  api.failure = noAnswer;
  await vi.advanceTimersByTimeAsync(3000);
  expect(first().video?.progress).toBe(0.3);
  api.failure = null;
  api.put(aVideo({ id: "a", state: "ready" }));
  await vi.advanceTimersByTimeAsync(1000);
  expect(phases()).toEqual(["ready"]);
});

test("finished files can be cleared; the others stay", async () => {
  queue.add([aFile("a.mp4"), aFile("b.mp4")]);
  await settle();
  upload(0).reject(noAnswer);
  await settle();
  queue.clearEnded();
  expect(queue.items.value.map((item) => item.file.name)).toEqual(["b.mp4"]);
});

test("the page must stay open only while bytes travel", async () => {
  queue.add([aFile("a.mp4")]);
  await settle();
  expect(queue.isSending.value).toBe(true);
  upload(0).resolve(aVideo({ id: "a", state: "processing" }));
  await settle();
  expect(queue.isSending.value).toBe(false);
  expect(changes).toBeGreaterThan(0);
});

test("a change of phase is read out, numbers are not", async () => {
  queue.add([aFile("a.mp4")]);
  await settle();
  upload(0).onProgress(1, 1000);
  const before = announcementFor(first());
  upload(0).onProgress(900, 1000);
  expect(announcementFor(first())).toBe(before);
  upload(0).resolve(aVideo({ id: "a", state: "processing", playable: true }));
  await settle();
  expect(announcementFor(first())).toBe("A film can be watched");
});

test("the whole progress is that of what is open, and nothing when all is done", async () => {
  expect(wholeProgress([])).toBeNull();
  queue.add([aFile("a.mp4")]);
  await settle();
  upload(0).onProgress(500, 1000);
  expect(wholeProgress(queue.items.value)).toBe(0.25);
  upload(0).resolve(aVideo({ id: "a" }));
  await settle();
  expect(wholeProgress(queue.items.value)).toBeNull();
});

test("subtitles go to the box with the film they are named after, once it has that", async () => {
  const left = queue.add([aFile("a.en.srt"), aFile("b.mp4"), aFile("a.mp4"), aFile("lonely.vtt")]);
  expect(left.map(({ name }) => name)).toEqual(["lonely.vtt"]);
  await settle();
  expect(queue.items.value.map((item) => item.subtitles.map(({ name }) => name))).toEqual([[], ["a.en.srt"]]);
  expect(api.subtitles).toEqual([]);
  upload(1).resolve(aVideo({ id: "a", state: "processing" }));
  await settle();
  expect(api.subtitles).toEqual(["a a.en.srt"]);

  expect(queue.add([aFile("a.de.srt"), aFile("b.srt")])).toEqual([]);
  await settle();
  expect(api.subtitles).toEqual(["a a.en.srt", "a a.de.srt"]);
  upload(0).resolve(aVideo({ id: "b", state: "ready", duplicate: true }));
  await settle();
  expect(api.subtitles).toEqual(["a a.en.srt", "a a.de.srt", "b b.srt"]);
});

test("subtitles that the box does not take are told with their film, which goes on", async () => {
  queue.add([aFile("a.mp4"), aFile("a.srt")]);
  await settle();
  api.failure = new ApiError(422, { code: "no_subtitles", message: "There are none." });
  upload(0).resolve(aVideo({ id: "a", state: "processing" }));
  await settle();
  expect(phases()).toEqual(["preparing"]);
  expect(first().subtitleProblems).toEqual(["a.srt: There are none."]);
});

test("a film that the box has still is tried again without sending it", async () => {
  queue.add([aFile("a.mp4")]);
  await settle();
  const error = { code: "killed", message: "The system stopped it." };
  const failed = aVideo({ id: "a", state: "failed", error, retry_until: "2026-01-01T00:00:00Z" });
  upload(0).resolve(failed);
  await settle();
  expect(first()).toMatchObject({ phase: "failed", canRetry: true });
  api.put(aVideo({ id: "a", state: "processing" }));
  await queue.retry(first().key);
  expect([phases(), api.retried, api.uploads.length]).toEqual([["preparing"], ["a"], 1]);
  api.put(aVideo({ id: "a", state: "ready" }));
  await vi.advanceTimersByTimeAsync(1000);
  expect(phases()).toEqual(["ready"]);
});
