import { type Signal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useEffect } from "preact/hooks";
import type { PlaybackMoment } from "../../player/moment.ts";
import { SpeedHistory, type Speeds } from "./speed-history.ts";

const lookEveryMs = 1000;

/** One look at playing and sharing, with what can only be told from several looks. */
export interface Look {
  readonly moment: PlaybackMoment;
  readonly speeds: Speeds;
  /** The names of all peers so far that are not on the same network; peers go, what they gave stays. */
  readonly far: ReadonlySet<string>;
}

/** Looks once a second while the page is shown; what is out of sight is not drawn again. */
export function useMoments(read: () => PlaybackMoment, shown: RefObject<Element | null>): Signal<Look> {
  const look = useSignal<Look>({ moment: read(), speeds: { row: [], now: 0, box: 0 }, far: new Set() });
  useEffect(() => {
    const history = new SpeedHistory();
    const far = new Set<string>();
    let inSight = true;
    const take = () => {
      if (document.hidden) return;
      const moment = read();
      const { sharing } = moment;
      if (sharing !== null) history.note(sharing.bytes.origin, sharing.bytes.peers, performance.now());
      for (const peer of sharing?.peers ?? []) if (!peer.near) far.add(peer.name);
      if (inSight) look.value = { moment, speeds: history.speeds(), far };
    };
    const observer = new IntersectionObserver((entries) => {
      inSight = entries.at(-1)?.isIntersecting ?? true;
    });
    if (shown.current !== null) observer.observe(shown.current);
    take();
    const timer = setInterval(take, lookEveryMs);
    return () => {
      clearInterval(timer);
      observer.disconnect();
    };
  }, [read]);
  return look;
}
