import type { ChunkPlace, Run } from "../protocol/runs.ts";

/** A chunk's place as the key of a map. */
export function keyOf({ rendition, ordinal }: ChunkPlace): string {
  return `${rendition}/${ordinal}`;
}

/** The longest run that the protocol takes. */
const longestRun = 1024;

/** Places in any order as few runs, ordered by rendition and ordinal; a place that comes twice counts once. */
export function runsOf(places: readonly ChunkPlace[]): Run[] {
  const ordered = [...places].sort(byPlace);
  const runs: { rendition: string; first: number; count: number }[] = [];
  for (const { rendition, ordinal } of ordered) {
    const last = runs.at(-1);
    const next = last !== undefined && last.rendition === rendition ? last.first + last.count : -1;
    if (last !== undefined && ordinal === next - 1) continue;
    if (last !== undefined && ordinal === next && last.count < longestRun) last.count += 1;
    else runs.push({ rendition, first: ordinal, count: 1 });
  }
  return runs;
}

/** Calls back for each place of the runs. */
export function eachPlace(runs: readonly Run[], use: (place: ChunkPlace) => void): void {
  for (const { rendition, first, count } of runs) {
    for (let i = 0; i < count; i++) use({ rendition, ordinal: first + i });
  }
}

function byPlace(a: ChunkPlace, b: ChunkPlace): number {
  if (a.rendition !== b.rendition) return a.rendition < b.rendition ? -1 : 1;
  return a.ordinal - b.ordinal;
}
