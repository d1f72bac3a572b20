import "./sources-body.css";
import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { PlaybackMoment } from "../../player/moment.ts";
import type { SharingFacts } from "../../swarm/facts.ts";
import { FilmMap } from "./film-map.tsx";
import { PeerList } from "./peer-list.tsx";
import { PeerPicture } from "./peer-picture.tsx";
import { peersWords, stateWords, summaryWords } from "./sources-words.ts";
import { Tiles } from "./tiles.tsx";
import { type Look, useMoments } from "./use-moments.ts";
import { WishesForm } from "./wishes-form.tsx";

export interface SourcesBodyProps {
  /** Tells how playing and sharing go; a new one for a new playback. */
  readonly read: () => PlaybackMoment;
  /** The length of the film in seconds. */
  readonly duration: number;
  readonly onSeek: (position: number) => void;
}

/** What is in "Where it comes from" while it is unfolded. */
export function SourcesBody({ read, duration, onSeek }: SourcesBodyProps) {
  const area = useRef<HTMLDivElement>(null);
  const look = useMoments(read, area);
  const { moment } = look.value;
  const { sharing } = moment;
  const words = stateWords(sharing, "RTCPeerConnection" in window);
  const length = Math.max(duration, filmEnd(sharing));
  return (
    <div ref={area} class="sources-body">
      {words !== "" && <p class="sources-state">{words}</p>}
      {sharing !== null && length > 0 && (
        <FilmMap moment={moment} duration={length} far={look.value.far} onSeek={onSeek} />
      )}
      {sharing !== null && <Sharing look={look.value} sharing={sharing} />}
      {sharing !== null && <Summary read={read} />}
    </div>
  );
}

/** A film that is still being prepared may be longer than is known of it. */
function filmEnd(sharing: SharingFacts | null): number {
  return Math.max(0, ...(sharing?.segments ?? []).map(({ start, duration }) => start + duration));
}

function Sharing({ look, sharing }: { look: Look; sharing: SharingFacts }) {
  const { speeds, moment } = look;
  return (
    <>
      <Tiles bufferSeconds={moment.bufferSeconds} sharing={sharing} speeds={speeds} />
      {sharing.peers.length > 0 && (
        <section aria-labelledby="peers">
          <h3 id="peers">
            Who shares <span>{peersWords(sharing)}</span>
          </h3>
          <PeerPicture peers={sharing.peers} boxRate={speeds.box} />
          <PeerList sharing={sharing} boxRate={speeds.box} />
        </section>
      )}
      <WishesForm />
    </>
  );
}

const tellEveryMs = 10_000;

/** How it goes, for who cannot see the map; seldom enough not to talk over the film. */
function Summary({ read }: { read: () => PlaybackMoment }) {
  const words = useSignal("");
  useEffect(() => {
    const timer = setInterval(() => {
      const { bufferSeconds, sharing } = read();
      if (sharing !== null && !document.hidden) words.value = summaryWords(bufferSeconds, sharing);
    }, tellEveryMs);
    return () => clearInterval(timer);
  }, [read]);
  return (
    <p class="visually-hidden" role="status">
      {words.value}
    </p>
  );
}
