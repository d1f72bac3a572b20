import { sourceNames } from "./source-names.ts";

/** The pattern of each source, for use as a fill; once on a page. Colours are the style sheet's. */
export function SourcePatterns() {
  return (
    <defs>
      {sourceNames.map(({ state }) => (
        <pattern
          key={state}
          id={patternId(state)}
          class={`source-${state}`}
          width="8"
          height="8"
          patternUnits="userSpaceOnUse"
        >
          <rect class="source-ground" width="8" height="8" />
          <path class="source-mark" d={marks[state]} />
        </pattern>
      ))}
    </defs>
  );
}

/** The value of a fill attribute. */
export function fillOf(state: string): string {
  return `url(#${patternId(state)})`;
}

function patternId(state: string): string {
  return `source-${state}`;
}

const diagonal = "M-2 2L2-2M0 8L8 0M6 10L10 6";

/** Drawn over the ground; the box, which every film has much of, is plain. */
const marks: Readonly<Record<(typeof sourceNames)[number]["state"], string>> = {
  box: "",
  near: diagonal,
  far: `${diagonal}M-2 6L2 10M0 0L8 8M6-2L10 2`,
  node: "M0 2H8M0 6H8",
  mixed: diagonal,
  device: "M2 2h.01M6 6h.01",
  fetching: "M4 4h.01",
};

/** The letter of a source on a plain ground, around the origin. */
export function LetterSign(props: { state: string }) {
  return (
    <g class="letter-sign">
      <circle r="8" />
      <text>{sourceNames.find(({ state }) => state === props.state)?.letter}</text>
    </g>
  );
}

/** The sign of a failed check, around the origin. */
export function FailureSign() {
  return (
    <g class="failure-sign">
      <path d="M0-6L6 5H-6Z" />
      <text y="1">!</text>
    </g>
  );
}
