import { createHash, randomBytes } from "node:crypto";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Sending, type Sent, sendResumable } from "../../src/api/resumable.ts";
import { UploadPaused } from "../../src/api/upload-paused.ts";
import { CuttingProxy } from "./cutting-proxy.ts";
import { RestartableBox } from "./restartable-box.ts";
import { until } from "./until.ts";

const mebi = 1024 * 1024;
const size = 40 * mebi;

let box: RestartableBox;
let proxy: CuttingProxy;
let content: Buffer;
let places: Set<string>;
let resumedAt: number[];
let breaks: number;

beforeAll(async () => {
  box = await RestartableBox.start();
});

beforeEach(async () => {
  await proxy?.stop();
  proxy = await CuttingProxy.start(() => box.address);
  content = randomBytes(size);
  places = new Set();
  resumedAt = [];
  breaks = 0;
});

afterAll(async () => {
  await proxy?.stop();
  await box?.stop();
});

/** Sends the content as the page does, but for where it comes from. */
function send(change: Partial<Sending> = {}): Promise<Sent> {
  return sendResumable({
    body: content,
    name: "Some Film.mp4",
    size,
    endpoint: `${proxy.url}/api/v1/uploads`,
    headers: box.headers,
    place: null,
    signal: new AbortController().signal,
    watch: {
      onProgress: () => {},
      onResume: (sent) => resumedAt.push(sent),
      onBreak: () => {
        breaks += 1;
      },
    },
    onPlace: (url) => url !== null && places.add(new URL(url).pathname),
    ...change,
  });
}

/** What the box says of a video, and whether its file is the content. */
async function expectContent({ video }: Sent): Promise<void> {
  const answer = await box.ask("GET", `/api/v1/videos/${video}`);
  const told = (await answer.json()) as { size: number; source_sha256: string; source_name: string };
  expect(told).toMatchObject({ size, source_name: "Some Film.mp4" });
  expect(told.source_sha256).toBe(createHash("sha256").update(content).digest("hex"));
}

test("an upload that is cut in the middle goes on at the same place", async () => {
  proxy.cut(5 * mebi);
  proxy.cut(25 * mebi);
  proxy.cut(40 * mebi);
  const sent = await send();
  expect(proxy.cutsLeft).toBe(0);
  expect(breaks).toBeGreaterThanOrEqual(3);
  expect([...places]).toEqual([`/api/v1/uploads/${sent.video}`]);
  // Three cuts cost less than three pieces.
  expect(proxy.passed).toBeLessThan(size + 3 * 16 * mebi);
  await expectContent(sent);
});

test("an upload survives that the node is killed and started again", async () => {
  const listed: { id: string; title: string; progress: number }[] = [];
  const restart = async () => {
    await box.kill();
    await box.start();
    const answer = await box.ask("GET", "/api/v1/videos?state=receiving");
    listed.push(...(await answer.json()).videos);
  };
  proxy.cut(20 * mebi, restart);
  proxy.cut(35 * mebi, restart);
  const sent = await send();
  expect(breaks).toBeGreaterThanOrEqual(2);
  expect([...places]).toEqual([`/api/v1/uploads/${sent.video}`]);
  expect(listed.map(({ id, title }) => [id, title])).toEqual(Array(2).fill([sent.video, "Some Film"]));
  // What the box had acknowledged is there: the first piece, a quarter of the way for the whole file.
  expect(listed[0]?.progress).toBeGreaterThanOrEqual((0.25 * 16 * mebi) / size);
  await expectContent(sent);
});

test("a paused upload goes on in another page, where it ended", async () => {
  const pause = new AbortController();
  proxy.cut(20 * mebi, async () => pause.abort(new UploadPaused()));
  await expect(send({ signal: pause.signal })).rejects.toBeInstanceOf(UploadPaused);
  const [place = ""] = places;
  const sent = await send({ place: proxy.url + place });
  // The first piece, and what had arrived of the second.
  expect(resumedAt).toHaveLength(1);
  expect(resumedAt[0]).toBeGreaterThanOrEqual(16 * mebi);
  expect(resumedAt[0]).toBeLessThan(20 * mebi);
  expect(place).toBe(`/api/v1/uploads/${sent.video}`);
  await expectContent(sent);
});

test("what is cancelled is gone from the box", async () => {
  const cancel = new AbortController();
  proxy.cut(20 * mebi, async () => cancel.abort());
  await expect(send({ signal: cancel.signal })).rejects.toThrow("aborted");
  const [place = ""] = places;
  await until("the upload to be gone", async () => {
    const { status } = await fetch(`http://${box.address}${place}`, { method: "HEAD", headers: box.headers });
    return status === 404 || undefined;
  });
});

test("a file whose beginning the box has forgotten is sent anew", async () => {
  const sent = await send({ place: `${proxy.url}/api/v1/uploads/${"a".repeat(26)}` });
  await expectContent(sent);
});

test("two who send the same file at once are told of one video", async () => {
  const [one, two] = await Promise.all([send(), send()]);
  expect(one.video).toBe(two.video);
  expect([one.duplicate, two.duplicate].sort()).toEqual([false, true]);
  await expectContent(one);
});

test("what the box refuses is told in its words, at once", async () => {
  await expect(send({ headers: {} })).rejects.toMatchObject({ status: 401, code: "unauthorized" });
  await expect(send({ body: Buffer.alloc(0), size: 0 })).rejects.toMatchObject({
    status: 422,
    code: "empty",
  });
  expect(breaks).toBe(0);
});
