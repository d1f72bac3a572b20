import type { ViewerState } from "../protocol/messages.ts";

const maxSeconds = 10_000_000;
const maxRenditions = 8;
const maxPeers = 1000;

/** A state as the room takes it: at times a player knows no position, or its clock says odd things. */
export function fitState({ position, buffer, playing, renditions, peers, bytes }: ViewerState): ViewerState {
  return {
    position: seconds(position),
    buffer: seconds(buffer),
    playing,
    renditions: renditions.slice(0, maxRenditions),
    peers: Math.min(whole(peers), maxPeers),
    bytes: {
      origin: whole(bytes.origin),
      peers: whole(bytes.peers),
      cache: whole(bytes.cache),
      uploaded: whole(bytes.uploaded),
      duplicate: whole(bytes.duplicate),
      rejected: whole(bytes.rejected),
    },
  };
}

/** Not a number is none, so that both comparisons are needed. */
function seconds(value: number): number {
  return value >= 0 ? Math.min(value, maxSeconds) : 0;
}

function whole(value: number): number {
  return value >= 0 ? Math.min(Math.round(value), Number.MAX_SAFE_INTEGER) : 0;
}
