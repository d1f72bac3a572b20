import { useSignal } from "@preact/signals";
import type { Happening } from "../../api/happenings.ts";
import type { NetworkApi } from "../../api/network-api.ts";
import { usePoll } from "../use-poll.ts";
import { formatMoment } from "./times.ts";

const lookEveryMs = 5000;

/**
 * What happened last. It is asked for again and again: a stream of events would take one of the six connections
 * that a browser has for all tabs.
 */
export function HappeningsPanel({ api }: { api: NetworkApi }) {
  const happenings = useSignal<readonly Happening[] | null>(null);
  usePoll(
    async (signal) => {
      happenings.value = await api.listHappenings(signal);
    },
    () => lookEveryMs,
    "happenings",
  );
  if (happenings.value === null) return null;
  const now = Date.now();
  return (
    <section class="panel" aria-labelledby="happenings">
      <h2 id="happenings">What happened</h2>
      {happenings.value.length === 0 && <p class="hint">Nothing since this box was started.</p>}
      <div role="log" aria-labelledby="happenings">
        <ul class="happenings">
          {happenings.value.map(({ id, time, message }) => (
            <li key={id}>
              <time dateTime={time}>{formatMoment(Date.parse(time), now)}</time>
              <span class="any-length">{message}</span>
            </li>
          ))}
        </ul>
      </div>
    </section>
  );
}
