import { hasWholeQuality, isBusy, type Video } from "../api/video.ts";
import { formatDuration } from "../player/duration.ts";
import { qualityName } from "../player/tracks.ts";
import type { AddItem } from "./add-queue.ts";
import { formatBytes, formatBytesOf, formatPercent, formatTimeLeft } from "./format.ts";

/** How far one step is; part is 0 to 1, or null while only the box knows. */
export interface Step {
  readonly name: string;
  readonly state: "ahead" | "now" | "done" | "failed";
  readonly part: number | null;
}

const names = ["Send", "Check", "Prepare", "Copy", "Ready"] as const;
const ready = names.length - 1;

/** The five steps of a file, from what is really known. */
export function stepsOf(item: AddItem): Step[] {
  const at = stepAt(item);
  return names.map((name, index) => {
    if (index < at) return { name, state: "done", part: 1 };
    if (index > at) return { name, state: "ahead", part: 0 };
    if (item.phase === "failed" || item.phase === "cancelled") return { name, state: "failed", part: 0 };
    if (index === ready) return { name, state: "done", part: 1 };
    return { name, state: "now", part: partOf(item) };
  });
}

/** The index of the step that a file is in, or stopped in. */
function stepAt(item: AddItem): number {
  if (item.phase === "ready" || item.phase === "known") return ready;
  switch (item.video?.stage) {
    case undefined:
    case "receive":
      return 0;
    case "prepare":
      return 2;
    case "copy":
    case "done":
      return 3;
    default:
      return 1;
  }
}

/** Preparing is nearly all of what the box does, so the progress of the whole tells of it. */
function partOf(item: AddItem): number | null {
  if (item.phase === "waiting") return 0;
  if (item.phase === "sending" || item.phase === "paused") return sentPart(item);
  return item.video?.stage === "prepare" ? item.video.progress : null;
}

function sentPart({ sent, file }: AddItem): number | null {
  return file.size > 0 ? sent / file.size : null;
}

/** Where a file is, in one line. */
export function lineFor(item: AddItem): string {
  switch (item.phase) {
    case "waiting":
      return `Waits for the others · ${formatBytes(item.file.size)}`;
    case "sending":
      return sendingLine(item);
    case "paused":
      return `Paused at ${formatPercent(sentPart(item) ?? 0)}`;
    case "preparing":
      return preparingLine(item);
    case "ready":
      return readyLine(item);
    case "known":
      return "Already here.";
    case "failed":
      return item.message;
    case "cancelled":
      return "Cancelled.";
  }
}

/** What is read out when a file comes into another phase. */
export function announcementFor(item: AddItem): string {
  const name = item.video?.title ?? item.file.name;
  if (item.phase === "sending") return `${name} is sent`;
  if (item.phase === "preparing") {
    return item.video?.playable ? `${name} can be watched` : `${name} is prepared`;
  }
  if (item.phase === "waiting") return "";
  return `${name}: ${lineFor(item)}`;
}

function sendingLine(item: AddItem): string {
  const { sent, speed, file, resumedAt, broken } = item;
  if (broken) return `The connection broke at ${formatPercent(sentPart(item) ?? 0)}. Trying again…`;
  if (file.size > 0 && sent >= file.size) return `Sent ${formatBytes(file.size)}. The box is saving it…`;
  const parts = [`Send ${formatBytesOf(sent, file.size)}`];
  if (resumedAt > 0) parts.unshift(`Going on at ${formatPercent(resumedAt / file.size)}`);
  if (speed > 0) parts.push(`${formatBytes(speed)}/s`, formatTimeLeft((file.size - sent) / speed));
  return parts.join(" · ");
}

function preparingLine(item: AddItem): string {
  const { video } = item;
  if (video === null || !isBusy(video)) return "";
  if (video.playable) return workLine(video);
  if (video.stage === "prepare") return `Prepare the picture and the sound: ${formatPercent(video.progress)}`;
  if (video.stage === "copy") return copyLine(video);
  return "Check what is in the file";
}

/** What is said of a video that the box still works on and that can be watched. */
export function workLine(video: Video): string {
  if (video.stage === "copy") return `Ready to watch. ${copyLine(video)}`;
  const percent = formatPercent(video.progress);
  return hasWholeQuality(video)
    ? `Ready to watch. A better quality is being prepared: ${percent}`
    : `Watch what is there while the rest is prepared: ${percent}`;
}

function copyLine({ copies }: Video): string {
  if (!copies.have || copies.want < 2) return "Make sure that it is safe on the disk";
  return `Copy to other machines: ${copies.have} of ${copies.want}`;
}

function readyLine(item: AddItem): string {
  const picture = item.video?.renditions.find((rendition) => rendition.kind === "video");
  const parts = ["Ready"];
  if (item.video !== null && item.video.duration > 0) parts.push(formatDuration(item.video.duration));
  if (picture !== undefined && picture.height > 0) parts.push(qualityName(picture.width, picture.height));
  const { want, have } = item.video?.copies ?? { want: 0, have: null };
  if (have && have < want) {
    parts.push(`${have} of ${want} copies, more come with more machines`);
  }
  return parts.join(" · ");
}

/** The whole queue as one part of one, for the title of the page; null when nothing moves. */
export function wholeProgress(items: readonly AddItem[]): number | null {
  const open = items.filter((item) => ["waiting", "sending", "preparing"].includes(item.phase));
  if (open.length === 0) return null;
  const parts = open.map((item): number => {
    if (item.phase === "preparing") return 0.5 + (item.video?.progress ?? 0) / 2;
    return item.file.size > 0 ? item.sent / item.file.size / 2 : 0;
  });
  return parts.reduce((sum, part) => sum + part, 0) / open.length;
}
