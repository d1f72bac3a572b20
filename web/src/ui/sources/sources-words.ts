import { formatDuration } from "../../player/duration.ts";
import type { PeerFacts, SegmentFacts, SharingFacts } from "../../swarm/facts.ts";
import { formatBytes, formatCount } from "../format.ts";
import type { Column } from "./columns.ts";

const nbsp = "\u00a0";

/** The state of sharing for people: what is, and what follows from it. "" while there is nothing to explain. */
export function stateWords(sharing: SharingFacts | null, hasWebRtc: boolean): string {
  if (sharing === null) return "This player does not share. All of the film comes from the box.";
  switch (sharing.state) {
    case "off":
      return "Sharing is off on this device. All of the film comes from the box.";
    case "unable":
      return hasWebRtc
        ? "The box has no room for viewers to meet in. All of the film comes from the box."
        : "This browser has no WebRTC, which devices need to share. All of the film comes from the box.";
    case "joining":
      return "Looking for others who watch this. Playing from the box meanwhile.";
    case "alone":
      return "You are the only one watching. Others who open this video will share with you.";
    case "isolated":
      return "Devices on this network cannot reach each other (guest network or VPN). Playing from the box.";
    case "sharing":
      return "";
  }
}

/** Which part of the bytes from outside came from other devices, 0 to 1; null before there were any. */
export function devicePart({ bytes }: SharingFacts): number | null {
  const all = bytes.origin + bytes.peers;
  return all === 0 ? null : bytes.peers / all;
}

/** What the box need not send: what came from devices, without what came twice. */
export function savedBytes({ bytes }: SharingFacts): number {
  return Math.max(0, bytes.peers - bytes.duplicate);
}

/** A part of one in whole percent; only nothing is 0 %, and only all is 100 %. */
export function partWords(part: number): string {
  const percent = Math.round(part * 100);
  const shown = part > 0 && part < 1 ? Math.min(99, Math.max(1, percent)) : percent;
  return `${shown}${nbsp}%`;
}

/** Bytes a second as people know them from their contracts. */
export function rateWords(bytesPerSecond: number): string {
  const megabits = (bytesPerSecond * 8) / 1e6;
  if (megabits > 0 && megabits < 0.1) return `under${nbsp}0.1${nbsp}Mbit/s`;
  return `${megabits >= 99.95 ? megabits.toFixed(0) : megabits.toFixed(1)}${nbsp}Mbit/s`;
}

/** How it goes, in one sentence to be read aloud. */
export function summaryWords(bufferSeconds: number, sharing: SharingFacts): string {
  const ahead = `${Math.floor(bufferSeconds)} s ahead`;
  const part = devicePart(sharing);
  if (part === null) return `${ahead}.`;
  if (part === 0) return `${ahead}; all from the box.`;
  const where = sharing.peers.every((peer) => peer.near) ? "devices near by" : "other devices";
  return `${ahead}; ${partWords(part).replace(nbsp, " ")} from ${where}.`;
}

/** What is known of a column, and of the sound in the same span where the map has both. */
export function columnWords(column: Column, sound?: Column): string {
  const span = `${formatDuration(column.from)}–${formatDuration(column.to)}`;
  const { segments } = column;
  if (segments.length === 0) {
    return sound === undefined || sound.segments.length === 0
      ? `${span} · not here yet`
      : `${span} · picture not here yet · sound ${fromWords(sound.segments)}`;
  }
  const parts = [span, fromWords(segments), ...amountWords(segments), ...checkWords(column)];
  if (sound !== undefined && sound.segments.length > 0) {
    const soundFrom = fromWords(sound.segments);
    if (soundFrom !== fromWords(segments)) parts.push(`sound ${soundFrom}`);
    if (sound.failed) parts.push("some sound failed its check and came again");
  }
  return parts.join(" · ");
}

function amountWords(segments: readonly SegmentFacts[]): string[] {
  const came = segments.filter(({ source }) => source !== null);
  if (came.length === 0) return [];
  const bytes = formatBytes(came.reduce((sum, segment) => sum + segment.bytes, 0));
  // How long memory takes is of no interest.
  const fetched = came.filter(({ source }) => source !== "cache");
  if (fetched.length === 0) return [bytes];
  const took = Math.round(fetched.reduce((sum, segment) => sum + segment.tookMs, 0) / fetched.length);
  return [bytes, fetched.length === 1 ? `${took} ms` : `about ${took} ms each`];
}

/** What came from devices is always checked, and so is what others may have from here. */
function checkWords({ segments, failed }: Column): string[] {
  if (failed) return ["some of it failed its check and came again"];
  const came = segments.filter(({ source }) => source !== null);
  const checked = came.every(({ source, here }) => source === "peer" || here);
  return came.length > 0 && checked ? ["checked"] : [];
}

/** "from Ben's laptop", "from the box, Ben's laptop and 2 more", "on its way". */
function fromWords(segments: readonly SegmentFacts[]): string {
  const names = new Set<string>();
  for (const { source, from } of segments) {
    if (source === "origin" || source === "mixed") names.add("the box");
    if (source === "cache") names.add("this device");
    if (source === "peer" || source === "mixed") for (const name of from) names.add(name);
    if (source === "peer" && from.length === 0) names.add("another device");
  }
  return names.size === 0 ? "on its way" : `from ${listWords([...names])}`;
}

const namesTold = 3;

function listWords(names: readonly string[]): string {
  const told = names.length <= namesTold ? names : names.slice(0, namesTold - 1);
  const rest = names.length > told.length ? [`${names.length - told.length} more`] : [];
  return new Intl.ListFormat("en-GB").format([...told, ...rest]);
}

/** How many watch and share, for the head of the list of peers. */
export function peersWords({ peers, viewers }: SharingFacts): string {
  const open = peers.filter((peer) => peer.open).length;
  const others = Math.max(viewers - 1, open);
  return `${formatCount(others, "other viewer")}, ${formatCount(open, "connection")}`;
}

export function wherePeerIs({ open, near }: PeerFacts): string {
  if (!open) return "Connecting…";
  return near ? "Same network" : "Elsewhere";
}
