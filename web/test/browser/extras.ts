import { spawnSync } from "node:child_process";
import type { Page, Route } from "playwright-core";
import type { Box } from "./box.ts";
import { keptSeconds } from "./films.ts";

const chapters = [
  { start: 0, title: "Arriving" },
  { start: 8, title: "The lake" },
  { start: 16, title: "The <other> side" },
];

const languages = [
  { tag: "en", text: "Good day" },
  { tag: "fr", text: "Bonjour" },
];

/** Lets every video of a page have subtitles, chapters and a storyboard, beside what the box serves. */
export async function serveExtras(page: Page, box: Box): Promise<void> {
  await page.route("**/api/v1/videos?*", (route) =>
    withJson(route, box, (page) => {
      return { ...page, videos: (page.videos as Record<string, unknown>[]).map(withExtras) };
    }),
  );
  await page.route("**/api/v1/videos/*", (route) => withJson(route, box, withExtras));
  await page.route("**/master.m3u8", async (route) => {
    await route.fulfill({ body: withSubtitles(await textFrom(route, box)), contentType: playlistType });
  });
  for (const { tag, text } of languages) await serveSubtitles(page, tag, text);
  await page.route("**/storyboard.vtt", (route) =>
    route.fulfill({ body: storyboard, contentType: "text/vtt" }),
  );
  const body = sprite();
  await page.route("**/sprite.jpg", (route) => route.fulfill({ body, contentType: "image/jpeg" }));
}

const playlistType = "application/vnd.apple.mpegurl";

async function textFrom(route: Route, box: Box): Promise<string> {
  const { pathname, search } = new URL(route.request().url());
  return (await fetch(box.url + pathname + search)).text();
}

type Json = Record<string, unknown>;

async function withJson(route: Route, box: Box, change: (value: Json) => Json): Promise<void> {
  if (route.request().method() !== "GET") return route.continue();
  await route.fulfill({ json: change(JSON.parse(await textFrom(route, box))) });
}

function withExtras(video: Json): Json {
  return { ...video, chapters, storyboard: `/hls/${video.id}/storyboard.vtt` };
}

function withSubtitles(master: string): string {
  const media = languages.map(({ tag }) => {
    const about = `TYPE=SUBTITLES,GROUP-ID="text",NAME="${tag}",LANGUAGE="${tag}"`;
    return `#EXT-X-MEDIA:${about},DEFAULT=NO,AUTOSELECT=YES,URI="text-${tag}/index.m3u8"\n`;
  });
  const lines = master.replace(/^#EXT-X-STREAM-INF:/gm, '#EXT-X-STREAM-INF:SUBTITLES="text",');
  return lines.replace("#EXT-X-STREAM-INF", `${media.join("")}#EXT-X-STREAM-INF`);
}

async function serveSubtitles(page: Page, tag: string, text: string): Promise<void> {
  const playlist = [
    "#EXTM3U",
    "#EXT-X-VERSION:7",
    `#EXT-X-TARGETDURATION:${keptSeconds}`,
    "#EXT-X-PLAYLIST-TYPE:VOD",
    `#EXTINF:${keptSeconds},`,
    "all.vtt",
    "#EXT-X-ENDLIST",
  ].join("\n");
  const cues = `WEBVTT\n\n00:00.000 --> 00:${keptSeconds}.000\n${text}\n`;
  await page.route(`**/text-${tag}/index.m3u8`, (route) =>
    route.fulfill({ body: playlist, contentType: playlistType }),
  );
  await page.route(`**/text-${tag}/all.vtt`, (route) =>
    route.fulfill({ body: cues, contentType: "text/vtt" }),
  );
}

/** One picture for each third of a film. */
const storyboard = `WEBVTT\n\n${[0, 1, 2]
  .map((index) => {
    const [from, to] = [index * 8, index * 8 + 8].map((at) => `00:${String(at).padStart(2, "0")}.000`);
    return `${from} --> ${to}\nsprite.jpg#xywh=${index * 160},0,160,90\n`;
  })
  .join("\n")}`;

function sprite(): Buffer {
  const picture = ["-f", "lavfi", "-i", "testsrc2=size=480x90:rate=1:duration=1"];
  const run = spawnSync("ffmpeg", [
    "-nostdin",
    "-v",
    "error",
    ...picture,
    "-f",
    "mjpeg",
    "-frames:v",
    "1",
    "-",
  ]);
  if (run.status !== 0) throw new Error(`ffmpeg could not make a picture: ${run.stderr}`);
  return run.stdout;
}
