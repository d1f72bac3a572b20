import { expect, test } from "vitest";
import { firstPlaylists, segmentAt } from "../../src/player/beginning.ts";
import { firstAddresses, readOpening } from "../../src/player/opening.ts";
import { readMaster, readMedia } from "../../src/player/playlist.ts";

const base = "http://box.lan/hls/film/master.m3u8";

test("a master playlist is read, with commas in quoted names", () => {
  const text = `#EXTM3U\r
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="A, B",LANGUAGE="de",DEFAULT=NO,URI="a0/index.m3u8"\r
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="C",DEFAULT=YES\r
#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="avc1.64001f,mp4a.40.2",AUDIO="audio"\r
v0/index.m3u8\r
`;
  expect(readMaster(text, base)).toEqual({
    variants: [
      { url: "http://box.lan/hls/film/v0/index.m3u8", codecs: "avc1.64001f,mp4a.40.2", soundGroup: "audio" },
    ],
    sounds: [
      { group: "audio", language: "de", isDefault: false, url: "http://box.lan/hls/film/a0/index.m3u8" },
      { group: "audio", language: "", isDefault: true, url: null },
    ],
  });
});

test("a sound track without an address comes with the variant", () => {
  const text = `#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="A",DEFAULT=YES
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="B",LANGUAGE="fr",URI="a1/index.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=1,CODECS="mp4a.40.2",AUDIO="audio"
a0/index.m3u8`;
  const master = readMaster(text, base);
  const names = (language: string | null) =>
    firstPlaylists(master, language, () => true).map((url) => url.split("/").at(-2));
  expect(names(null)).toEqual(["a0"]);
  expect(names("fr")).toEqual(["a0", "a1"]);
});

test("a playlist of something else has nothing to open", () => {
  expect(firstPlaylists(readMaster("<!doctype html>\n<p>Sign in</p>", base), null, () => true)).toEqual([]);
  expect(segmentAt(readMedia("", base), 0)).toBeNull();
});

test("a segment is found by the position in it", () => {
  const list = readMedia("#EXTINF:2.0,\na.m4s\n#EXTINF:4.5,\nb.m4s\n", base);
  expect(list.init).toBeNull();
  expect([0, 1.9, 2, 6.4, 6.5].map((at) => segmentAt(list, at)?.url.slice(-5))).toEqual([
    "a.m4s",
    "a.m4s",
    "b.m4s",
    "b.m4s",
    undefined,
  ]);
});

test("the opening in a page is read, and anything else is none", () => {
  const rendition = {
    kind: "video",
    codec: "avc1.64001f",
    language: "",
    init: "/hls/film/v0/init.mp4",
    segments: [{ path: "/hls/film/v0/a.m4s", end: 2 }],
  };
  const opening = readOpening(JSON.stringify({ renditions: [rendition] }), base);
  expect(firstAddresses(opening ?? [], 1, null, () => true)).toEqual([
    { init: "http://box.lan/hls/film/v0/init.mp4", segment: "http://box.lan/hls/film/v0/a.m4s" },
  ]);
  for (const text of [undefined, null, "", "[]", "{", '{"renditions":[{"kind":"video"}]}']) {
    expect(readOpening(text, base)).toBeNull();
  }
  expect(firstAddresses([], 0, null, () => true)).toBeNull();
});
