import type { PeerFacts, SharingFacts, SharingState } from "../swarm/facts.ts";
import type { FactLine } from "./facts.ts";

const stateWords: Readonly<Record<SharingState, string>> = {
  off: "off, by choice",
  unable: "not possible: the browser has no WebRTC, or the box no room",
  joining: "joining the room",
  alone: "alone in the room",
  isolated: "isolated: devices on this network cannot reach each other",
  sharing: "on",
};

/** What is told of sharing; one line where there is nothing to tell. */
export function sharingLines(sharing: SharingFacts | null): FactLine[] {
  if (sharing === null) return [{ name: "Sharing", value: "none: this player takes all from the box" }];
  const { bytes, cache } = sharing;
  return [
    { name: "Sharing", value: stateWords[sharing.state] },
    { name: "Viewer", value: sharing.viewer || "no id yet" },
    { name: "Peers", value: peerWords(sharing.peers, sharing.viewers, sharing.banned) },
    { name: "From devices", value: megabytes(bytes.peers) },
    { name: "Given", value: megabytes(bytes.uploaded) },
    { name: "From memory", value: megabytes(bytes.cache) },
    { name: "Came twice", value: megabytes(bytes.duplicate) },
    {
      name: "Failed checks",
      value: bytes.rejected === 0 ? "none" : `${(bytes.rejected / 1e6).toFixed(2)} MB`,
    },
    { name: "Memory", value: `${(cache.bytes / 1e6).toFixed(1)} of ${megabytes(cache.limit)}` },
  ];
}

function peerWords(peers: readonly PeerFacts[], viewers: number, banned: number): string {
  const open = peers.filter((peer) => peer.open).length;
  const parts = [`${open} connected`];
  if (peers.length > open) parts.push(`${peers.length - open} connecting`);
  if (banned > 0) parts.push(`${banned} banned`);
  return `${parts.join(", ")}; ${viewers} in the room`;
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
