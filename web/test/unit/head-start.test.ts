import { expect, test } from "vitest";
import type { Answer } from "../../src/player/delivery.ts";
import { type Beginning, HeadStart } from "../../src/player/head-start.ts";
import type { Opening } from "../../src/player/opening.ts";

const folder = "http://box.lan/hls/film/";
const source = `${folder}master.m3u8`;

const master = `#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="English",LANGUAGE="en",DEFAULT=YES,AUTOSELECT=YES,URI="en/index.m3u8"
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Deutsch, laut",LANGUAGE="de",DEFAULT=NO,AUTOSELECT=YES,URI="de/index.m3u8"
#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID="text",NAME="English",LANGUAGE="en",URI="t0/index.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=3000000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,AUDIO="audio",SUBTITLES="text"
source/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=900000,CODECS="avc1.4d401e,mp4a.40.2",RESOLUTION=854x480,AUDIO="audio",SUBTITLES="text"
low/index.m3u8
`;

const media = `#EXTM3U
#EXT-X-TARGETDURATION:8
#EXT-X-MAP:URI="init.mp4"
#EXTINF:2.000000,
a.m4s
#EXTINF:4.000000,
b.m4s
#EXTINF:3.500000,
c.m4s
`;

/** A box that answers from a table, and notes what it was asked. Other addresses are refused. */
class FakeBox {
  readonly asked: string[] = [];
  readonly cancelled: string[] = [];
  readonly #answers: ReadonlyMap<string, string>;

  readonly #stripe: string;

  constructor(answers: Readonly<Record<string, string>>, stripe = "0") {
    this.#stripe = stripe;
    this.#answers = new Map(Object.entries(answers));
  }

  deliver(url: string): Answer {
    const name = url.replace(folder, "");
    this.asked.push(name);
    const answer = this.#answers.get(name) ?? (/\.(m4s|mp4)$/.test(name) ? name : undefined);
    const bytes = answer === undefined ? Promise.reject(new Error("refused")) : encoded(answer);
    bytes.catch(() => {});
    const travel = { askedAt: 1, firstAt: 2, endAt: 3, loaded: 10, total: 10 };
    return {
      source: "origin",
      bytes,
      travel,
      onProgress: null,
      cancel: () => void this.cancelled.push(name),
      header: (header) => (header === "Shoal-Viewer" ? "a.b" : this.#stripe),
    };
  }
}

async function encoded(text: string): Promise<ArrayBuffer> {
  return new TextEncoder().encode(text).buffer;
}

const lists = {
  "master.m3u8": master,
  "source/index.m3u8": media,
  "low/index.m3u8": media,
  "en/index.m3u8": media,
  "de/index.m3u8": media,
};

const film: Beginning = { source, position: 0, language: null, opening: null };

function headStartOver(box: FakeBox, canPlay: (codecs: string) => boolean = () => true): HeadStart {
  return new HeadStart({ deliver: (url) => box.deliver(url), canPlay });
}

async function askedFor(beginning: Partial<Beginning>, canPlay?: (codecs: string) => boolean) {
  const box = new FakeBox(lists);
  await headStartOver(box, canPlay).begin({ ...film, ...beginning });
  return box.asked.filter((name) => !name.endsWith(".m3u8")).sort();
}

test("where others begin at the same time, first segments are left to be shared", async () => {
  const box = new FakeBox(lists, "0.618");
  await headStartOver(box).begin(film);
  expect(box.asked.filter((name) => name.endsWith(".m4s"))).toEqual([]);
  expect(box.asked.filter((name) => name.endsWith(".mp4"))).not.toEqual([]);
});

test("the first segments of the quality that is listed first and of the default sound are asked for", async () => {
  expect(await askedFor({})).toEqual(["en/a.m4s", "en/init.mp4", "source/a.m4s", "source/init.mp4"]);
});

test("a film that goes on where it was left begins with the segment there, and not with the first", async () => {
  expect(await askedFor({ position: 5.9 })).toEqual([
    "en/b.m4s",
    "en/init.mp4",
    "source/b.m4s",
    "source/init.mp4",
  ]);
});

test("the sound is that of the viewer's language", async () => {
  expect(await askedFor({ language: "de" })).toContain("de/a.m4s");
  expect(await askedFor({ language: "de-AT" })).toContain("de/a.m4s");
  expect(await askedFor({ language: "fr" })).toContain("en/a.m4s");
});

test("a quality that cannot be played is passed over", async () => {
  const asked = await askedFor({}, (codecs) => !codecs.startsWith("avc1.64"));
  expect(asked).toContain("low/a.m4s");
  expect(asked).not.toContain("source/a.m4s");
  expect(await askedFor({}, () => false)).toEqual([]);
});

test("a position that is not listed yet asks for no segment", async () => {
  expect(await askedFor({ position: 2580 })).toEqual([]);
});

const opening: Opening = [
  {
    kind: "video",
    codec: "avc1.64001f",
    language: "",
    init: `${folder}source/init.mp4`,
    segments: [
      { url: `${folder}source/a.m4s`, end: 2 },
      { url: `${folder}source/b.m4s`, end: 6 },
    ],
  },
  {
    kind: "audio",
    codec: "mp4a.40.2",
    language: "en",
    init: `${folder}en/init.mp4`,
    segments: [
      { url: `${folder}en/a.m4s`, end: 2.01 },
      { url: `${folder}en/b.m4s`, end: 6.01 },
    ],
  },
];

test("what the page knows of the beginning is asked for without reading media playlists", async () => {
  const box = new FakeBox(lists);
  await headStartOver(box).begin({ ...film, position: 3, opening });
  expect(box.asked).toEqual(["source/init.mp4", "en/init.mp4", "master.m3u8", "source/b.m4s", "en/b.m4s"]);
});

test("playlists are read where the page does not know enough", async () => {
  expect(await askedFor({ opening, position: 7 })).toContain("source/c.m4s");
  expect(await askedFor({ opening, language: "de" })).toEqual([
    "de/a.m4s",
    "de/init.mp4",
    "source/a.m4s",
    "source/init.mp4",
  ]);
  expect(await askedFor({ opening }, (codecs) => !codecs.startsWith("avc1.64"))).toContain("low/a.m4s");
});

test("an address is handed over once", async () => {
  const headStart = headStartOver(new FakeBox(lists));
  await headStart.begin(film);
  const taken = headStart.take(`${folder}source/a.m4s`);
  expect(new TextDecoder().decode(await taken?.bytes)).toBe("source/a.m4s");
  expect(headStart.take(`${folder}source/a.m4s`)).toBeNull();
  expect(headStart.take(`${folder}source/b.m4s`)).toBeNull();
});

test("what failed is not there to be taken", async () => {
  const box = new FakeBox({ "master.m3u8": master, "en/index.m3u8": media });
  const headStart = headStartOver(box);
  await headStart.begin(film);
  expect(headStart.take(`${folder}source/index.m3u8`)).toBeNull();
  const nothing = new FakeBox({});
  await headStartOver(nothing).begin(film);
  expect(nothing.asked).toEqual(["master.m3u8"]);
});

test("the end gives up what nobody took, and tells how much came in vain", async () => {
  const box = new FakeBox(lists);
  const headStart = headStartOver(box);
  await headStart.begin({ ...film, opening });
  headStart.take(`${folder}source/init.mp4`);
  headStart.take(`${folder}source/a.m4s`);
  expect(headStart.end()).toBe(30);
  expect(box.cancelled).toEqual(["en/init.mp4", "master.m3u8", "en/a.m4s"]);
  expect(headStart.end()).toBe(0);
});

test("a film is begun once, another one ends it, and after the end it can begin again", async () => {
  const box = new FakeBox(lists);
  const headStart = headStartOver(box);
  await headStart.begin({ ...film, opening });
  await headStart.begin({ ...film, opening });
  expect(box.asked).toHaveLength(5);
  await headStart.begin({ ...film, source: `${folder}other.m3u8` });
  expect(box.cancelled).toHaveLength(5);
  headStart.end();
  await headStart.begin({ ...film, opening });
  expect(box.asked).toHaveLength(11);
});

test("a single address is asked for once, until it is taken", () => {
  const box = new FakeBox({});
  const headStart = headStartOver(box);
  headStart.ask(`${folder}en/c.m4s`);
  headStart.ask(`${folder}en/c.m4s`);
  expect(box.asked).toEqual(["en/c.m4s"]);
  expect(headStart.take(`${folder}en/c.m4s`)).not.toBeNull();
  headStart.ask(`${folder}en/c.m4s`);
  expect(box.asked).toHaveLength(2);
});

test("a film that ended while its playlists were read asks for no segments", async () => {
  const box = new FakeBox(lists);
  const headStart = headStartOver(box);
  const begun = headStart.begin(film);
  headStart.end();
  await begun;
  expect(box.asked).toEqual(["master.m3u8"]);
});
