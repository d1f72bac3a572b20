import { Fields, readNumber, readText } from "../protocol/decode.ts";

export const videoStates = ["receiving", "processing", "ready", "failed", "trashed"] as const;
export type VideoState = (typeof videoStates)[number];

export const renditionKinds = ["video", "audio", "text"] as const;
export type RenditionKind = (typeof renditionKinds)[number];

/** One quality of video, or one audio or text language. Bitrate in bits a second; sizes 0 for sound. */
export interface Rendition {
  readonly id: string;
  readonly kind: RenditionKind;
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  readonly bitrate: number;
  readonly language: string;
}

/** A part of a video with a name; start in seconds. */
export interface Chapter {
  readonly start: number;
  readonly title: string;
}

/** The machine that prepares a video; away while it does not answer, so that the numbers stand still. */
export interface Preparer {
  readonly id: string;
  readonly name: string;
  readonly away: boolean;
}

/** What went wrong, told for a person; the code is stable. */
export interface Problem {
  readonly code: string;
  readonly message: string;
}

/** One entry of the library. Duration in seconds, size in bytes, progress 0 to 1 of the whole work. */
export interface Video {
  readonly id: string;
  readonly title: string;
  readonly state: VideoState;
  readonly stage: string;
  readonly progress: number;
  readonly error: Problem | null;
  readonly playable: boolean;
  readonly duration: number;
  readonly size: number;
  readonly created: string;
  /** A path on this origin. */
  readonly poster: string | null;
  /** A path on this origin, of a WebVTT file that names small pictures of the video. */
  readonly storyboard: string | null;
  /** In the order of their starts; empty when the file names none. */
  readonly chapters: readonly Chapter[];
  readonly sourceName: string;
  /** How many machines are to keep each chunk, and how many that answer keep the scarcest one; null while not known. */
  readonly copies: { readonly want: number; readonly have: number | null };
  /** The machine that prepares the video; null when the box does not say. */
  readonly preparer: Preparer | null;
  readonly renditions: readonly Rendition[];
  /** True when the file that was just added was in the library before. */
  readonly duplicate: boolean;
  /** Whether the box has the file of a failed video still, so that it can try again. */
  readonly canRetry: boolean;
}

/** A page of the library; next is the cursor of the page after it. */
export interface VideoPage {
  readonly videos: readonly Video[];
  readonly next: string | null;
}

export function readProblem(value: unknown, where: string): Problem {
  const fields = new Fields(value, where);
  return { code: fields.text("code"), message: fields.text("message") };
}

function readRendition(value: unknown, where: string): Rendition {
  const fields = new Fields(value, where);
  return {
    id: fields.text("id"),
    kind: fields.word("kind", renditionKinds),
    codec: fields.text("codec", ""),
    width: fields.number("width", 0),
    height: fields.number("height", 0),
    bitrate: fields.number("bitrate", 0),
    language: fields.text("language", ""),
  };
}

function readCopies(value: unknown, where: string): Video["copies"] {
  const fields = new Fields(value, where);
  return { want: fields.number("want", 0), have: fields.optional("have", readNumber) };
}

function readPreparer(value: unknown, where: string): Preparer {
  const fields = new Fields(value, where);
  return { id: fields.text("id"), name: fields.text("name", ""), away: fields.flag("away", false) };
}

function readChapter(value: unknown, where: string): Chapter {
  const fields = new Fields(value, where);
  return { start: Math.max(0, fields.number("start")), title: fields.text("title", "") };
}

/** Chapters without a name are called by their number; one alone divides nothing. */
function readChapters(fields: Fields): Chapter[] {
  const chapters = fields.list("chapters", readChapter).toSorted((a, b) => a.start - b.start);
  if (chapters.length < 2) return [];
  return chapters.map(({ start, title }, index) => ({ start, title: title || `Chapter ${index + 1}` }));
}

/** Pictures are shown only from this origin. */
function readPath(value: unknown, where: string): string | null {
  const path = readText(value, where);
  return path.startsWith("/") && !path.startsWith("//") ? path : null;
}

export function readVideo(value: unknown, where = "video"): Video {
  const fields = new Fields(value, where);
  return {
    id: fields.text("id"),
    title: fields.text("title"),
    state: fields.word("state", videoStates),
    stage: fields.text("stage", ""),
    progress: Math.min(1, Math.max(0, fields.number("progress", 0))),
    error: fields.optional("error", readProblem),
    playable: fields.flag("playable", false),
    duration: Math.max(0, fields.number("duration", 0)),
    size: Math.max(0, fields.number("size", 0)),
    created: fields.text("created", ""),
    poster: fields.optional("poster", readPath),
    storyboard: fields.optional("storyboard", readPath),
    chapters: readChapters(fields),
    sourceName: fields.text("source_name", ""),
    copies: fields.optional("copies", readCopies) ?? { want: 0, have: null },
    preparer: fields.optional("node", readPreparer),
    renditions: fields.list("renditions", readRendition),
    duplicate: fields.flag("duplicate", false),
    canRetry: fields.optional("retry_until", readText) !== null,
  };
}

export function readVideoPage(value: unknown, where = "videos"): VideoPage {
  const fields = new Fields(value, where);
  return { videos: fields.list("videos", readVideo), next: fields.optional("next", readText) };
}

/** True while the box still works on a video, so that its numbers change. */
export function isBusy(video: Video): boolean {
  return video.state === "receiving" || video.state === "processing";
}

/** True when a video has sound but no picture; false while its renditions are not known. */
export function isSoundOnly(video: Video): boolean {
  return (
    video.renditions.some((rendition) => rendition.kind === "audio") &&
    !video.renditions.some((rendition) => rendition.kind === "video")
  );
}

/** Whether one quality is there from start to end; a box makes a small one first, and then a better one. */
export function hasWholeQuality(video: Video): boolean {
  if (!video.playable) return false;
  return !isBusy(video) || video.renditions.filter((rendition) => rendition.kind === "video").length > 1;
}

/** True when a machine that has parts of a video, or that prepares it, does not answer, and no other has them. */
export function isAway(video: Video): boolean {
  if (isBusy(video)) return video.preparer?.away === true;
  return video.state === "ready" && video.copies.want > 0 && video.copies.have === 0;
}
