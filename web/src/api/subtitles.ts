import { Fields } from "../protocol/decode.ts";
import { send } from "./request.ts";

/** Subtitles that a video has. Language is a tag such as "pt-BR", or "". */
export interface Subtitles {
  readonly id: string;
  readonly language: string;
  readonly name: string;
  readonly forced: boolean;
  /** False for those that came in the film's own file. */
  readonly added: boolean;
}

/** What is said of a file of subtitles; what is not said the box reads from the file's name. */
export interface SubtitlesFacts {
  readonly language?: string;
  readonly name?: string;
  readonly encoding?: string;
  readonly forced?: boolean;
}

/** What became of a file of subtitles. */
export interface AddedSubtitles {
  readonly id: string;
  /** True while the video is prepared: it has them once it is ready. */
  readonly waiting: boolean;
  /** True when the video had the very same before. */
  readonly duplicate: boolean;
}

/** The longest file that a box takes, in bytes. */
export const maxSubtitlesBytes = 4 * 1024 * 1024;

const sendPatienceMs = 60_000;

function pathOf(video: string): string {
  return `/api/v1/videos/${encodeURIComponent(video)}/subtitles`;
}

function readSubtitles(value: unknown, where: string): Subtitles {
  const fields = new Fields(value, where);
  return {
    id: fields.text("id"),
    language: fields.text("language", ""),
    name: fields.text("name", ""),
    forced: fields.flag("forced", false),
    added: fields.flag("added", false),
  };
}

export async function listSubtitles(video: string, signal?: AbortSignal): Promise<readonly Subtitles[]> {
  const answer = await send({ path: pathOf(video), signal });
  return new Fields(answer, "subtitles").list("subtitles", readSubtitles);
}

/** Gives a video the subtitles in a file. Throws an ApiError, or a DecodeError. */
export async function addSubtitles(
  video: string,
  file: File,
  facts: SubtitlesFacts = {},
): Promise<AddedSubtitles> {
  const query = new URLSearchParams({ filename: file.name });
  for (const [name, value] of Object.entries(facts)) query.set(name, String(value));
  const path = `${pathOf(video)}?${query}`;
  const answer = await send({ method: "POST", path, file, patienceMs: sendPatienceMs });
  const fields = new Fields(answer, "subtitles");
  return {
    id: fields.text("id"),
    waiting: fields.flag("waiting", false),
    duplicate: fields.flag("duplicate", false),
  };
}

export async function removeSubtitles(video: string, id: string): Promise<void> {
  await send({ method: "DELETE", path: `${pathOf(video)}/${encodeURIComponent(id)}` });
}
