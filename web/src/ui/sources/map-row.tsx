import { type Column, runsOf } from "./columns.ts";
import { FailureSign, fillOf, LetterSign } from "./source-fill.tsx";

export interface MapRowProps {
  readonly columns: readonly Column[];
  readonly y: number;
  readonly height: number;
  readonly duration: number;
  /** Of the whole row, in pixels. */
  readonly width: number;
  readonly letters?: boolean;
}

const letterRoom = 20;
const letterEvery = 160;

/** Where each part of the film came from, as one bar with a letter on every part that has room for it. */
export function MapRow({ columns, y, height, duration, width, letters = false }: MapRowProps) {
  const runs = runsOf(columns);
  return (
    <>
      <rect class="film-map-track" x="0" y={y} width="100%" height={height} rx="3" />
      {runs.map(({ first, state, filledFrom, filledTo }) => {
        const [x, part] = [filledFrom / duration, (filledTo - filledFrom) / duration];
        return (
          <rect
            key={first}
            class="film-map-run"
            x={percent(x)}
            width={percent(part)}
            y={y}
            height={height}
            fill={fillOf(state)}
          />
        );
      })}
      {letters &&
        runs.map(({ first, state, filledFrom, filledTo }) => {
          const part = (filledTo - filledFrom) / duration;
          const count = part * width < letterRoom ? 0 : Math.ceil((part * width) / letterEvery);
          return Array.from({ length: count }, (_, i) => (
            <Letter
              key={`${first} ${i}`}
              state={state}
              x={percent(filledFrom / duration + (part * (i + 0.5)) / count)}
              y={y + height / 2}
            />
          ));
        })}
    </>
  );
}

function Letter(props: { state: string; x: string; y: number }) {
  return (
    <svg x={props.x} y={props.y} class="film-map-sign" aria-hidden="true">
      <LetterSign state={props.state} />
    </svg>
  );
}

/** A sign above the columns of which something came wrong; those close together share one. */
export function Failures({ columns, width }: { columns: readonly boolean[]; width: number }) {
  const apart = Math.ceil((14 * columns.length) / Math.max(1, width));
  let last = Number.NEGATIVE_INFINITY;
  const signs = columns.flatMap((failed, i) => {
    if (!failed || i - last < apart) return [];
    last = i;
    return [i];
  });
  return (
    <>
      {signs.map((i) => (
        <svg key={i} x={percent((i + 0.5) / columns.length)} y="6" class="film-map-sign" aria-hidden="true">
          <FailureSign />
        </svg>
      ))}
    </>
  );
}

/** A part of one as an SVG length. */
export function percent(part: number): string {
  return `${(Math.max(0, Math.min(1, part || 0)) * 100).toFixed(3)}%`;
}
