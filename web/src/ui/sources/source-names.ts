import type { ColumnState } from "./columns.ts";

/** How a source is called, and the letter that stands for it in the map. */
export interface SourceName {
  readonly state: Exclude<ColumnState, "none">;
  readonly letter: string;
  readonly words: string;
  /** Whether the legend has it also while it does not occur. */
  readonly always: boolean;
}

/** In the order of the legend. */
export const sourceNames: readonly SourceName[] = [
  { state: "near", letter: "N", words: "Device near by", always: true },
  { state: "far", letter: "F", words: "Device elsewhere", always: false },
  { state: "box", letter: "B", words: "The box", always: true },
  { state: "node", letter: "A", words: "Another node", always: false },
  { state: "mixed", letter: "+", words: "Several", always: true },
  { state: "device", letter: "D", words: "This device", always: false },
  { state: "fetching", letter: "…", words: "On its way", always: true },
];
