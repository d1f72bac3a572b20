import { useRef } from "preact/hooks";
import type { PeerFacts } from "../../swarm/facts.ts";
import { lineWidth, maxPeersShown, type Place, placePeers, shortName } from "./peer-places.ts";
import { useWidth } from "./use-width.ts";

/**
 * Who gives to whom: this viewer in the middle, the box above, peers around. It shows nothing that the list of
 * peers does not tell, so that screen readers pass over it. Rate in bytes a second.
 */
export function PeerPicture(props: { peers: readonly PeerFacts[]; boxRate: number }) {
  const area = useRef<HTMLDivElement>(null);
  const width = useWidth(area);
  const shown = busiest(props.peers);
  const places = placePeers(shown.length, width.value);
  const { self, box } = places;
  return (
    <div ref={area} class="peer-picture">
      <svg height={places.height} aria-hidden="true">
        <Link from={box} to={self} open />
        <Flow from={box} to={self} rate={props.boxRate} kind="box" />
        {shown.map((peer, i) => {
          const place = places.peers[i];
          return (
            place !== undefined && (
              <g key={peer.id}>
                <Link from={place} to={self} open={peer.open} />
                <Flow from={place} to={self} rate={peer.rateFrom} kind={peer.near ? "near" : "far"} />
                <Flow from={self} to={place} rate={peer.rateTo} kind="given" />
              </g>
            )
          );
        })}
        {shown.map((peer, i) => {
          const place = places.peers[i];
          return (
            place !== undefined && (
              <g key={peer.id} class={peer.open ? "peer" : "peer connecting"}>
                <circle cx={place.x} cy={place.y} r="13" class={peer.near ? "near" : "far"} />
                <PeerName peer={peer} place={place} places={places} />
              </g>
            )
          );
        })}
        <g class="peer-box">
          <rect x={box.x - 20} y={box.y - 18} width="40" height="36" rx="7" />
          <text x={box.x} y={box.y}>
            Box
          </text>
        </g>
        <g class="peer-self">
          <circle cx={self.x} cy={self.y} r="22" />
          <text x={self.x} y={self.y}>
            You
          </text>
        </g>
      </svg>
    </div>
  );
}

/** Who gives and takes most, in an order that does not change from second to second. */
function busiest(peers: readonly PeerFacts[]): PeerFacts[] {
  const moved = (peer: PeerFacts) => peer.bytesFrom + peer.bytesTo;
  return peers
    .toSorted((a, b) => moved(b) - moved(a))
    .slice(0, maxPeersShown)
    .toSorted((a, b) => (a.id < b.id ? -1 : 1));
}

function PeerName(props: { peer: PeerFacts; place: Place; places: ReturnType<typeof placePeers> }) {
  const { place, places } = props;
  const name = shortName(props.peer.name, places.nameLength);
  const side = Math.sign(place.x - places.self.x);
  if (!places.namesBeside) {
    return (
      <text x={place.x} y={place.y + 25} class="peer-name">
        {name}
      </text>
    );
  }
  return (
    <text x={place.x + side * 20} y={place.y} class={side > 0 ? "peer-name beside" : "peer-name before"}>
      {name}
    </text>
  );
}

/** A thin line that is there also while nothing flows. */
function Link({ from, to, open }: { from: Place; to: Place; open: boolean }) {
  return (
    <line class={open ? "peer-link" : "peer-link connecting"} x1={from.x} y1={from.y} x2={to.x} y2={to.y} />
  );
}

/** A line with an arrow from one place to another, beside the straight way so that both directions have room. */
function Flow(props: { from: Place; to: Place; rate: number; kind: string }) {
  const { from, to } = props;
  const width = lineWidth(props.rate);
  if (width === 0) return null;
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy) || 1;
  const [ux, uy] = [dx / length, dy / length];
  const shift = 3 + width / 2;
  const [sx, sy] = props.kind === "box" ? [0, 0] : [-uy * shift, ux * shift];
  const at = (along: number, aside: number) =>
    `${(from.x + ux * along + sx - uy * aside).toFixed(1)} ${(from.y + uy * along + sy + ux * aside).toFixed(1)}`;
  const end = length - 25;
  const head = 5 + width;
  return (
    <g class={`flow flow-${props.kind}`}>
      <path
        class="flow-line"
        d={`M${at(21, 0)}L${at(end - head, 0)}`}
        style={{ strokeWidth: `${width}px` }}
      />
      <path
        class="flow-head"
        d={`M${at(end, 0)}L${at(end - head, head * 0.7)}L${at(end - head, -head * 0.7)}Z`}
      />
    </g>
  );
}
