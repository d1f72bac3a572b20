import type { Signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { alwaysShown } from "./media-elements.ts";

/** What a key just did, in a word or two; id tells two equal ones apart. */
export interface Echo {
  readonly id: number;
  readonly text: string;
}

const shownMs = 700;

/** Shows briefly what a key did. */
export function KeyEcho(props: { echo: Signal<Echo | null> }) {
  const echo = props.echo.value;
  useEffect(() => {
    if (echo === null) return;
    const timer = setTimeout(() => {
      props.echo.value = null;
    }, shownMs);
    return () => clearTimeout(timer);
  }, [echo?.id]);
  if (echo === null) return null;
  return (
    <div slot="centered-chrome" class="player-echo" aria-hidden="true" {...alwaysShown}>
      {echo.text}
    </div>
  );
}
