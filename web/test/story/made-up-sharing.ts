import type { PeerFacts, SegmentFacts, SegmentSource, SharingFacts } from "../../src/swarm/facts.ts";

/** What a made-up viewer sees; all of it follows from these, nothing from chance. */
export interface MadeUp {
  readonly state: SharingFacts["state"];
  readonly peers: number;
  /** Of the film, in seconds. */
  readonly duration: number;
  /** How far it has been fetched, in seconds. */
  readonly fetched: number;
  readonly soundOnly: boolean;
  readonly failures: boolean;
  readonly longNames: boolean;
  readonly far: boolean;
}

export const usual: MadeUp = {
  state: "sharing",
  peers: 3,
  duration: 1500,
  fetched: 700,
  soundOnly: false,
  failures: false,
  longNames: false,
  far: false,
};

const segmentSeconds = 4;

const names = [
  "Ben's laptop",
  "Anna",
  "Guest 7K",
  "Kitchen tablet",
  "Zoë",
  "Guest Q4",
  "Living room",
  "Mehmet",
  "小林",
  "Guest 2X",
  "Old phone",
];

function nameOf(index: number, { longNames }: MadeUp): string {
  return longNames
    ? `${"Averylongname".repeat(3).slice(0, 37)} ${index}`
    : (names[index] ?? `Guest ${index}`);
}

export function peersOf(made: MadeUp): PeerFacts[] {
  return Array.from({ length: made.peers }, (_, i) => {
    const open = i !== 7;
    return {
      id: `peer${String(i).padStart(2, "0")}`,
      name: nameOf(i, made),
      near: !(made.far && i % 3 === 1),
      open,
      bytesFrom: open ? (i % 4 === 3 ? 0 : 84e6 / (i + 1)) : 0,
      bytesTo: open ? 3.1e6 * i ** 2 : 0,
      rateFrom: open && i % 4 !== 3 ? 1.1e6 / (i + 1) ** 1.5 : 0,
      rateTo: open ? 40_000 * i : 0,
      firstByteMs: open ? 2 + i * 7.4 : null,
    };
  });
}

function sourceAt(index: number, made: MadeUp): SegmentSource {
  if (made.peers === 0) return "origin";
  const turn = (index * 7) % 40;
  if (index < 12 || turn < 4) return "origin";
  if (turn === 11) return "mixed";
  return index % 90 > 82 ? "cache" : "peer";
}

function segmentAt(index: number, kind: "video" | "audio", made: MadeUp): SegmentFacts {
  const start = index * segmentSeconds;
  const waiting = start + segmentSeconds > made.fetched;
  const source = waiting ? null : sourceAt(kind === "audio" ? index + 3 : index, made);
  const giver = nameOf(Math.floor(index / 25) % Math.max(1, made.peers), made);
  return {
    kind,
    rendition: kind === "video" ? "v0" : "a0",
    index,
    start,
    duration: segmentSeconds,
    source,
    from: source === "peer" || source === "mixed" ? [giver] : [],
    bytes: waiting ? 0 : kind === "video" ? 2_100_000 + (index % 9) * 60_000 : 65_000,
    tookMs: source === "origin" ? 240 : 61,
    here: !waiting && start > made.fetched - 300,
    failedCheck: made.failures && !waiting && [20, 21, 77, 130].includes(index),
  };
}

export function sharingOf(made: MadeUp): SharingFacts {
  const count = Math.min(
    Math.ceil(made.duration / segmentSeconds),
    Math.ceil(made.fetched / segmentSeconds) + 2,
  );
  const kinds = made.soundOnly ? (["audio"] as const) : (["video", "audio"] as const);
  const segments = kinds.flatMap((kind) => Array.from({ length: count }, (_, i) => segmentAt(i, kind, made)));
  const peers = peersOf(made);
  const sum = (part: readonly SegmentSource[]) =>
    segments.reduce(
      (bytes, { source, bytes: more }) => bytes + (part.includes(source ?? "cache") ? more : 0),
      0,
    );
  return {
    state: made.state,
    viewer: "k3v7q2m4x6ab",
    viewers: made.peers + (made.state === "sharing" ? 2 : 1),
    bytes: {
      origin: sum(["origin", "mixed"]),
      peers: sum(["peer"]),
      cache: sum(["cache"]),
      uploaded: peers.reduce((bytes, { bytesTo }) => bytes + bytesTo, 0),
      duplicate: 400_000,
      rejected: made.failures ? 1_048_576 : 0,
    },
    peers,
    banned: made.failures ? 1 : 0,
    segments,
    cache: { bytes: 78e6, limit: 100e6 },
  };
}
