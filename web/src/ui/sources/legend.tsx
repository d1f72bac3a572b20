import type { Column } from "./columns.ts";
import { FailureSign, fillOf, LetterSign } from "./source-fill.tsx";
import { sourceNames } from "./source-names.ts";

/** What the patterns and letters of the map stand for. */
export function Legend({ columns }: { columns: readonly Column[] }) {
  const occur = new Set<string>(columns.map(({ state }) => state));
  const shown = sourceNames.filter(({ state, always }) => always || occur.has(state));
  return (
    <ul class="legend">
      {shown.map(({ state, words }) => (
        <li key={state}>
          <svg width="40" height="20" aria-hidden="true">
            <rect class="film-map-run" width="40" height="20" rx="4" fill={fillOf(state)} />
            <g transform="translate(12 10)">
              <LetterSign state={state} />
            </g>
          </svg>
          {words}
        </li>
      ))}
      {columns.some(({ failed }) => failed) && (
        <li>
          <svg width="20" height="20" aria-hidden="true">
            <g transform="translate(10 11) scale(1.3)">
              <FailureSign />
            </g>
          </svg>
          Failed its check, came again
        </li>
      )}
      <li>
        <svg width="28" height="20" aria-hidden="true" class="film-map-playhead">
          <path d="M2 2V16H26V11" />
        </svg>
        Playing, and ready to play
      </li>
    </ul>
  );
}
