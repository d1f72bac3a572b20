import type { PeerFacts, SharingFacts } from "../../swarm/facts.ts";
import { formatBytes } from "../format.ts";
import { rateWords, wherePeerIs } from "./sources-words.ts";

/** The same as the picture of peers, in words: the box first, then every peer. Rate in bytes a second. */
export function PeerList(props: { sharing: SharingFacts; boxRate: number }) {
  const { peers, bytes } = props.sharing;
  return (
    <table class="peer-list">
      <caption class="visually-hidden">Who this device gets the film from, and gives it to</caption>
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Where</th>
          <th scope="col">From there</th>
          <th scope="col">To there</th>
          <th scope="col">Answers in</th>
        </tr>
      </thead>
      <tbody>
        <tr>
          <th scope="row">The box</th>
          <td />
          <td data-label="From there">{amount(bytes.origin, props.boxRate)}</td>
          <td />
          <td />
        </tr>
        {peers.map((peer) => (
          <PeerRow key={peer.id} peer={peer} />
        ))}
      </tbody>
    </table>
  );
}

function PeerRow({ peer }: { peer: PeerFacts }) {
  return (
    <tr>
      <th scope="row" class="any-length">
        {peer.name}
      </th>
      <td>{wherePeerIs(peer)}</td>
      <td data-label="From there">{amount(peer.bytesFrom, peer.rateFrom)}</td>
      <td data-label="To there">{amount(peer.bytesTo, peer.rateTo)}</td>
      <td data-label="Answers in">
        {peer.firstByteMs === null ? "not known yet" : `${Math.round(peer.firstByteMs)} ms`}
      </td>
    </tr>
  );
}

function amount(bytes: number, rate: number): string {
  if (bytes === 0) return "nothing yet";
  return rate < 1 ? formatBytes(bytes) : `${formatBytes(bytes)}, ${rateWords(rate)}`;
}
