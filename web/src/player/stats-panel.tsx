import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useId, useRef } from "preact/hooks";
import { copyText } from "./copy-text.ts";
import { linesOf, textOf } from "./facts.ts";
import { alwaysShown } from "./media-elements.ts";
import type { Player } from "./player.ts";

const lookEveryMs = 1000;

/** How the video plays, in numbers, over the picture. Escape closes it, once nothing else is above it. */
export function StatsPanel(props: { player: Player; open: Signal<boolean> }) {
  const { player, open } = props;
  const panel = useRef<HTMLElement>(null);
  const lines = useSignal(linesOf(player.facts()));
  const result = useSignal("");
  const titleId = useId();
  const close = () => {
    const hadFocus = panel.current?.contains(document.activeElement) ?? false;
    const settings = panel.current?.closest(".player")?.querySelector<HTMLElement>(".player-settings-button");
    open.value = false;
    if (hadFocus) settings?.focus();
  };
  const copy = async () => {
    const copied = panel.current !== null && (await copyText(textOf(lines.value), panel.current));
    result.value = copied ? "Copied." : "This browser does not let pages copy.";
  };
  useEffect(() => {
    const timer = setInterval(() => {
      lines.value = linesOf(player.facts());
    }, lookEveryMs);
    return () => clearInterval(timer);
  }, [player]);
  useEscape(close);
  return (
    <section ref={panel} slot="top-chrome" class="player-stats" aria-labelledby={titleId} {...alwaysShown}>
      <h2 id={titleId}>Statistics</h2>
      <dl>
        {lines.value.map(({ name, value }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <div class="player-stats-foot">
        <button type="button" onClick={() => void copy()}>
          Copy as text
        </button>
        <button type="button" onClick={close}>
          Close
        </button>
        <span role="status">{result.value}</span>
      </div>
    </section>
  );
}

function useEscape(close: () => void): void {
  const latest = useRef(close);
  latest.current = close;
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== "Escape" || event.defaultPrevented) return;
      if (document.querySelector("dialog[open]") !== null) return;
      event.preventDefault();
      latest.current();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}
