import { type Signal, useSignal } from "@preact/signals";
import { useMemo, useRef } from "preact/hooks";
import { formatDuration } from "../../player/duration.ts";
import type { PlaybackMoment } from "../../player/moment.ts";
import { type Column, columnCount, columnsOf } from "./columns.ts";
import { Legend } from "./legend.tsx";
import { Failures, MapRow, percent } from "./map-row.tsx";
import { SourcePatterns } from "./source-fill.tsx";
import { columnWords } from "./sources-words.ts";
import { useWidth } from "./use-width.ts";

export interface FilmMapProps {
  readonly moment: PlaybackMoment;
  /** In seconds. */
  readonly duration: number;
  /** The names of peers known to be elsewhere. */
  readonly far: ReadonlySet<string>;
  readonly onSeek: (position: number) => void;
}

/** The whole film as one strip that shows where each part came from. A press on a part goes there. */
export function FilmMap(props: FilmMapProps) {
  const { duration } = props;
  const chosen = useSignal<number | null>(null);
  // Not for every column that the pointer crosses.
  const { main, sound } = useMemo(() => mapColumns(props), [props.moment, duration]);
  const at = chosen.value === null ? null : Math.min(chosen.value, main.length - 1);
  const column = at === null ? undefined : main[at];
  return (
    <div class="film-map">
      <Strip {...props} main={main} sound={sound} chosen={chosen} />
      <p class="film-map-ends" aria-hidden="true">
        <span>{formatDuration(0)}</span>
        <span>{formatDuration(duration)}</span>
      </p>
      <p class="film-map-detail any-length">
        {at === null || column === undefined
          ? "Point at the map, or walk over it with the arrow keys. A press or Enter goes there."
          : columnWords(column, sound?.[at])}
      </p>
      <Legend columns={[...main, ...(sound ?? [])]} />
    </div>
  );
}

/** The columns of the picture with those of the sound below, or those of the sound alone. */
function mapColumns({ moment, duration, far }: FilmMapProps): { main: Column[]; sound: Column[] | null } {
  const segments = moment.sharing?.segments ?? [];
  const pictures = segments.filter(({ kind }) => kind === "video");
  const sounds = segments.filter(({ kind }) => kind === "audio");
  const leading = pictures.length > 0 ? pictures : sounds;
  const span = { duration, count: columnCount(duration, leading) };
  const main = columnsOf(leading, span, far);
  return { main, sound: leading === sounds || sounds.length === 0 ? null : columnsOf(sounds, span, far) };
}

interface StripProps extends FilmMapProps {
  readonly main: readonly Column[];
  readonly sound: readonly Column[] | null;
  /** The index of the column that is told of. */
  readonly chosen: Signal<number | null>;
}

const top = 14;
const mainHeight = 40;
const soundHeight = 12;
const gap = 3;

function Strip({ moment, duration, main, sound, chosen, onSeek }: StripProps) {
  const area = useRef<HTMLDivElement>(null);
  const width = useWidth(area);
  const { position, bufferSeconds } = moment;
  const here = columnAt(position, duration, main.length);
  const at = Math.min(chosen.value ?? here, main.length - 1);
  const bottom = top + mainHeight + (sound === null ? 0 : gap + soundHeight);
  const column = main[at];
  const under = (event: MouseEvent) => {
    const box = event.currentTarget instanceof Element ? event.currentTarget.getBoundingClientRect() : null;
    const part = box === null || box.width === 0 ? 0 : (event.clientX - box.left) / box.width;
    return columnAt(part * duration, duration, main.length);
  };
  const go = (index: number) => onSeek(main[index]?.from ?? 0);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const next = columnAfter(event.key, at, main.length);
    if (event.key === "Enter") go(at);
    else if (next === null) return;
    else chosen.value = next;
    event.preventDefault();
  };
  return (
    <div
      ref={area}
      class="film-map-strip"
      role="slider"
      tabIndex={0}
      aria-label="Map of the film"
      aria-valuemin={0}
      aria-valuemax={main.length - 1}
      aria-valuenow={at}
      aria-valuetext={column === undefined ? "" : columnWords(column, sound?.[at])}
      onKeyDown={onKeyDown}
      onFocus={() => {
        chosen.value ??= here;
      }}
      onBlur={() => {
        chosen.value = null;
      }}
      onPointerMove={(event) => {
        chosen.value = under(event);
      }}
      onPointerLeave={() => {
        if (document.activeElement !== area.current) chosen.value = null;
      }}
      onClick={(event) => go(under(event))}
    >
      <svg height={bottom + 10} aria-hidden="true">
        <SourcePatterns />
        <MapRow columns={main} y={top} height={mainHeight} duration={duration} width={width.value} letters />
        {sound !== null && (
          <MapRow
            columns={sound}
            y={top + mainHeight + gap}
            height={soundHeight}
            duration={duration}
            width={width.value}
          />
        )}
        <Failures
          columns={main.map((one, i) => one.failed || sound?.[i]?.failed === true)}
          width={width.value}
        />
        <Playhead from={position / duration} to={(position + bufferSeconds) / duration} bottom={bottom} />
        {chosen.value !== null && column !== undefined && (
          <rect
            class="film-map-chosen"
            x={percent(column.from / duration)}
            width={percent((column.to - column.from) / duration)}
            y={top - 2}
            height={bottom - top + 4}
          />
        )}
      </svg>
    </div>
  );
}

function columnAt(position: number, duration: number, count: number): number {
  return Math.max(0, Math.min(count - 1, Math.floor((position / duration) * count)));
}

/** Where a key leads from a column; null for keys that lead nowhere. */
function columnAfter(key: string, at: number, count: number): number | null {
  const steps: Readonly<Record<string, number>> = {
    ArrowRight: 1,
    ArrowUp: 1,
    ArrowLeft: -1,
    ArrowDown: -1,
    PageUp: 10,
    PageDown: -10,
    Home: -count,
    End: count,
  };
  const step = steps[key];
  return step === undefined ? null : Math.max(0, Math.min(count - 1, at + step));
}

function Playhead({ from, to, bottom }: { from: number; to: number; bottom: number }) {
  const [x, end] = [percent(from), percent(Math.min(1, to))];
  return (
    <g class="film-map-playhead">
      <line x1={x} x2={end} y1={bottom + 6} y2={bottom + 6} />
      <line x1={end} x2={end} y1={bottom + 2} y2={bottom + 6} />
      <line x1={x} x2={x} y1={top - 4} y2={bottom + 7} />
    </g>
  );
}
