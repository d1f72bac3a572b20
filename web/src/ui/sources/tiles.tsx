import type { SharingFacts } from "../../swarm/facts.ts";
import { formatBytes } from "../format.ts";
import { devicePart, partWords, rateWords, savedBytes } from "./sources-words.ts";
import { historySeconds, type Speeds } from "./speed-history.ts";

/** The four numbers that tell how sharing goes. */
export function Tiles(props: { bufferSeconds: number; sharing: SharingFacts; speeds: Speeds }) {
  const { bufferSeconds, sharing, speeds } = props;
  const { uploaded } = sharing.bytes;
  return (
    <ul class="facts tiles">
      <li>
        <span>Buffer</span>
        <strong>{Math.floor(bufferSeconds)} s</strong>
        <span>ready to play</span>
      </li>
      <li>
        <span>Speed</span>
        <strong>{rateWords(speeds.now)}</strong>
        <Sparkline values={speeds.row} />
      </li>
      <li>
        <span>From devices</span>
        <Split part={devicePart(sharing)} />
      </li>
      <li>
        <span>Saved</span>
        <strong>{formatBytes(savedBytes(sharing))}</strong>
        <span>
          {savedBytes(sharing) > 0 ? "less for the box to send" : "nothing yet"}
          {uploaded > 0 && <>; you gave {formatBytes(uploaded)} to others</>}
        </span>
      </li>
    </ul>
  );
}

function Split({ part }: { part: number | null }) {
  if (part === null) {
    return (
      <>
        <strong>–</strong>
        <span>nothing has come yet</span>
      </>
    );
  }
  return (
    <>
      <strong>{partWords(part)}</strong>
      <span class="split" aria-hidden="true">
        <span style={{ inlineSize: `${part * 100}%` }} />
      </span>
      <span>{partWords(1 - part)} from the box</span>
    </>
  );
}

/** The last minute, now at the right; its height is the greatest speed in it. */
function Sparkline({ values }: { values: readonly number[] }) {
  const peak = Math.max(1, ...values);
  const start = historySeconds - values.length;
  const points = values.map((value, i) => `${start + i},${(24 - (value / peak) * 22).toFixed(1)}`);
  return (
    <>
      <svg
        class="sparkline"
        viewBox={`0 0 ${historySeconds - 1} 26`}
        preserveAspectRatio="none"
        aria-hidden="true"
      >
        <polyline points={points.join(" ")} />
      </svg>
      <span class="visually-hidden">
        at most {rateWords(values.length > 0 ? peak : 0)} in the last minute
      </span>
    </>
  );
}
