import { expect, test } from "vitest";
import {
  hasWholeQuality,
  isAway,
  isBusy,
  isSoundOnly,
  readVideo,
  readVideoPage,
} from "../../src/api/video.ts";
import { DecodeError } from "../../src/protocol/decode.ts";

const answer = {
  id: "abc",
  title: "A film",
  state: "processing",
  stage: "prepare",
  progress: 0.4,
  error: null,
  playable: true,
  duration: 61.5,
  size: 1000,
  created: "2026-01-02T03:04:05Z",
  poster: "/hls/abc/poster-00.jpg",
  storyboard: "/hls/abc/storyboard-00.vtt",
  chapters: [
    { start: 20, title: "" },
    { start: 0, title: "The lake" },
  ],
  source_name: "film.mp4",
  source_sha256: null,
  copies: { want: 2, have: 1 },
  renditions: [
    { id: "v1", kind: "video", codec: "avc1", width: 1280, height: 720, bitrate: 9, language: "" },
  ],
  duplicate: false,
  something_new: { from: "a later version" },
};

test("a video is read as the box describes it", () => {
  expect(readVideo(answer)).toEqual({
    preparer: null,
    canRetry: false,
    id: "abc",
    title: "A film",
    state: "processing",
    stage: "prepare",
    progress: 0.4,
    error: null,
    playable: true,
    duration: 61.5,
    size: 1000,
    created: "2026-01-02T03:04:05Z",
    poster: "/hls/abc/poster-00.jpg",
    storyboard: "/hls/abc/storyboard-00.vtt",
    chapters: [
      { start: 0, title: "The lake" },
      { start: 20, title: "Chapter 2" },
    ],
    sourceName: "film.mp4",
    copies: { want: 2, have: 1 },
    renditions: [
      { id: "v1", kind: "video", codec: "avc1", width: 1280, height: 720, bitrate: 9, language: "" },
    ],
    duplicate: false,
  });
});

test("a video's title stays the text that it is", () => {
  const title = '<script>alert(1)</script> "quote"';
  expect(readVideo({ ...answer, title }).title).toBe(title);
});

test("what is missing and not needed has a calm default", () => {
  const video = readVideo({ id: "x", title: "", state: "receiving" });
  expect(video).toMatchObject({ progress: 0, playable: false, poster: null, renditions: [], duration: 0 });
  expect(video).toMatchObject({ storyboard: null, chapters: [] });
});

test("a failed video tells why", () => {
  const error = { code: "not_a_video", message: "This is a text." };
  expect(readVideo({ ...answer, state: "failed", error }).error).toEqual(error);
});

test.each([
  ["null", null],
  ["a list", [answer]],
  ["a string", "video"],
  ["no id", { ...answer, id: undefined }],
  ["a number as title", { ...answer, title: 5 }],
  ["an unknown state", { ...answer, state: "melting" }],
  ["progress in words", { ...answer, progress: "half" }],
  ["renditions as an object", { ...answer, renditions: {} }],
  ["an unknown kind of rendition", { ...answer, renditions: [{ id: "v", kind: "smell" }] }],
  ["an error without a message", { ...answer, error: { code: "x" } }],
])("%s is refused", (_, value) => {
  expect(() => readVideo(value)).toThrow(DecodeError);
});

test.each(["https://elsewhere.example/p.jpg", "//elsewhere.example/p.jpg", "p.jpg", "javascript:alert(1)"])(
  "a poster at %s is not shown",
  (poster) => {
    expect(readVideo({ ...answer, poster }).poster).toBeNull();
  },
);

test("progress outside of 0 to 1 is brought back", () => {
  expect(readVideo({ ...answer, progress: 7 }).progress).toBe(1);
  expect(readVideo({ ...answer, progress: -1 }).progress).toBe(0);
});

test("a page of videos has its cursor, and null at the end", () => {
  expect(readVideoPage({ videos: [answer], next: "c2" })).toMatchObject({ next: "c2" });
  expect(readVideoPage({ videos: [], next: null })).toEqual({ videos: [], next: null });
});

test("an error in a list names the entry", () => {
  expect(() => readVideoPage({ videos: [answer, { ...answer, id: 3 }], next: null })).toThrow(
    "videos.videos[1].id",
  );
});

test("a video is busy while the box works on it", () => {
  const states = ["receiving", "processing", "ready", "failed", "trashed"];
  const busy = states.filter((state) => isBusy(readVideo({ ...answer, state })));
  expect(busy).toEqual(["receiving", "processing"]);
});

test("sound without a picture is told from what is not known yet", () => {
  const audio = { id: "a", kind: "audio" };
  expect(isSoundOnly(readVideo({ ...answer, renditions: [audio] }))).toBe(true);
  expect(isSoundOnly(readVideo({ ...answer, renditions: [audio, ...answer.renditions] }))).toBe(false);
  expect(isSoundOnly(readVideo({ ...answer, renditions: [] }))).toBe(false);
});

test("one chapter divides nothing", () => {
  expect(readVideo({ ...answer, chapters: [{ start: 0, title: "All of it" }] }).chapters).toEqual([]);
});

test("a storyboard of another place is not shown", () => {
  expect(readVideo({ ...answer, storyboard: "//elsewhere.example/x.vtt" }).storyboard).toBeNull();
});

test("a quality is whole once the next one is begun, or all is ready", () => {
  const [low, better] = ["low", "source"].map((id) => ({ id, kind: "video" }));
  expect(hasWholeQuality(readVideo({ ...answer, renditions: [low] }))).toBe(false);
  expect(hasWholeQuality(readVideo({ ...answer, renditions: [low, better] }))).toBe(true);
  expect(hasWholeQuality(readVideo({ ...answer, renditions: [low], state: "ready" }))).toBe(true);
  expect(hasWholeQuality(readVideo({ ...answer, state: "failed", playable: false }))).toBe(false);
});

test.each([
  [{ copies: { want: 2, have: 0 } }, true],
  [{ copies: { want: 2, have: 1 } }, false],
  [{ copies: { want: 2, have: null } }, false],
  [{ state: "processing", copies: { want: 2, have: 0 } }, false],
  [{ state: "processing", node: { id: "n", name: "box-2", away: true } }, true],
])("%j is away: %s", (fields, away) => {
  expect(isAway(readVideo({ ...answer, state: "ready", ...fields }))).toBe(away);
});
