import type { SegmentFacts } from "../../swarm/facts.ts";

/** Where most bytes of a column came from, or that they are on the way, or that nothing of it is known. */
export type ColumnState = "device" | "near" | "far" | "box" | "node" | "mixed" | "fetching" | "none";

/** One upright piece of the map: a span of the film, in seconds. */
export interface Column {
  readonly from: number;
  readonly to: number;
  readonly state: ColumnState;
  /** The part of the span that was, or is being, fetched; empty in a column of state none. */
  readonly filledFrom: number;
  readonly filledTo: number;
  /** Some of its bytes came wrong, and were fetched again. */
  readonly failed: boolean;
  readonly segments: readonly SegmentFacts[];
}

/** Columns of the same state side by side; first and last are indices. */
export interface ColumnRun {
  readonly first: number;
  readonly last: number;
  readonly state: ColumnState;
  readonly filledFrom: number;
  readonly filledTo: number;
}

/** More are narrower than an eye can follow, or a finger. */
export const maxColumns = 240;

const usualSegmentSeconds = 4;

/** A column of several segments has the state of those that make up this part of its bytes. */
const mainPart = 0.75;

/** How many columns a film has: one for each segment as long as there are not too many. Duration in seconds. */
export function columnCount(duration: number, segments: readonly SegmentFacts[]): number {
  const lengths = segments.map((segment) => segment.duration).sort((a, b) => a - b);
  const usual = lengths[Math.floor(lengths.length / 2)] || usualSegmentSeconds;
  return Math.min(maxColumns, Math.max(1, Math.round(duration / usual)));
}

/** Divides a film of that many seconds into columns; far has the names of peers that are not on the same network. */
export function columnsOf(
  segments: readonly SegmentFacts[],
  span: { duration: number; count: number },
  far: ReadonlySet<string>,
): Column[] {
  const width = span.duration / span.count;
  // Not i × width, which is a hair beside whole seconds.
  const edge = (i: number) => (i * span.duration) / span.count;
  const inColumn: SegmentFacts[][] = Array.from({ length: span.count }, () => []);
  for (const segment of segments) {
    const end = Math.min(span.count, Math.ceil((segment.start + segment.duration) / width));
    for (let i = Math.max(0, Math.floor(segment.start / width)); i < end; i++) inColumn[i]?.push(segment);
  }
  return inColumn.map((within, i) => columnOf(within, { from: edge(i), to: edge(i + 1) }, far));
}

function columnOf(
  touching: readonly SegmentFacts[],
  { from, to }: { from: number; to: number },
  far: ReadonlySet<string>,
): Column {
  const segments = mostlyWithin(touching, from, to);
  const starts = touching.map(({ start }) => start);
  const ends = touching.map(({ start, duration }) => start + duration);
  return {
    from,
    to,
    state: stateOf(segments, far),
    filledFrom: Math.max(from, Math.min(to, ...starts)),
    filledTo: touching.length === 0 ? to : Math.min(to, Math.max(...ends)),
    failed: segments.some((segment) => segment.failedCheck),
    segments,
  };
}

/** The segments that belong to a column: those that share half of the shorter of both with it, else the one that shares most. */
function mostlyWithin(touching: readonly SegmentFacts[], from: number, to: number): SegmentFacts[] {
  const shared = ({ start, duration }: SegmentFacts) =>
    Math.min(to, start + duration) - Math.max(from, start);
  const within = touching.filter((s) => shared(s) * 2 >= Math.min(s.duration, to - from) * 0.999);
  if (within.length > 0) return within;
  return touching.toSorted((a, b) => shared(b) - shared(a)).slice(0, 1);
}

function stateOf(segments: readonly SegmentFacts[], far: ReadonlySet<string>): ColumnState {
  const came = segments.filter(({ source }) => source !== null);
  // What is on the way is of interest only where nothing has come yet.
  if (came.length === 0) return segments.length === 0 ? "none" : "fetching";
  const bytes = new Map<ColumnState, number>();
  for (const segment of came) {
    const state = segmentState(segment, far);
    // Also what has no bytes came from somewhere.
    bytes.set(state, (bytes.get(state) ?? 0) + segment.bytes + 1);
  }
  const all = [...bytes.values()].reduce((sum, part) => sum + part, 0);
  const most = [...bytes].find(([, part]) => part >= all * mainPart);
  return most === undefined ? "mixed" : most[0];
}

function segmentState({ source, from }: SegmentFacts, far: ReadonlySet<string>): ColumnState {
  if (source === null) return "fetching";
  if (source === "origin") return "box";
  if (source === "cache") return "device";
  if (source === "mixed") return "mixed";
  return from.some((name) => far.has(name)) ? "far" : "near";
}

/** The columns to draw as one, without those where nothing is known. */
export function runsOf(columns: readonly Column[]): ColumnRun[] {
  const runs: ColumnRun[] = [];
  columns.forEach((column, i) => {
    const { state, filledFrom, filledTo } = column;
    const before = runs.at(-1);
    if (state === "none") return;
    if (before?.state === state && before.last === i - 1 && before.filledTo >= filledFrom - 1e-6) {
      runs[runs.length - 1] = { ...before, last: i, filledTo };
    } else {
      runs.push({ first: i, last: i, state, filledFrom, filledTo });
    }
  });
  return runs;
}
