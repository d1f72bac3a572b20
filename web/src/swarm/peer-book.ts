import type { Peer, TransferFailure } from "./parts.ts";
import { RateMeter } from "./rate-meter.ts";
import type { PeerView } from "./snapshot.ts";

/** What a peer is taken to send before it was measured, in bytes a second. */
const guess = { near: 1_000_000, far: 250_000 };

/** How long a peer stays suspected when the right bytes do not come, in seconds. */
const suspectFor = 30;

interface Account {
  readonly meter: RateMeter;
  outstanding: number;
  requests: number;
  failures: number;
  restingUntil: number;
}

/** How each peer has been of use so far. Times are in seconds. */
export class PeerBook {
  readonly #accounts = new Map<string, Account>();
  readonly #suspects = new Map<string, number>();
  readonly #all = new RateMeter(guess.near);

  /** How fast bytes come from all peers together, in bytes a second. */
  get rate(): number {
    return this.#all.rate;
  }

  view(peer: Peer, now: number): PeerView {
    const account = this.#of(peer);
    const until = this.#suspects.get(peer.id) ?? 0;
    if (until <= now) this.#suspects.delete(peer.id);
    return {
      id: peer.id,
      near: peer.near,
      gives: peer.gives,
      rate: Math.max(1000, account.meter.rate),
      outstanding: account.outstanding,
      requests: account.requests,
      failures: account.failures,
      restingUntil: Math.max(account.restingUntil, until),
      holds: (place) => peer.holds(place),
    };
  }

  /** A peer was asked for bytes. Measured are those that it has, so that how they come tells of its speed. */
  asked(peer: Peer, bytes: number, measured: boolean, now: number): void {
    const account = this.#of(peer);
    account.requests += 1;
    if (!measured) return;
    account.outstanding += bytes;
    account.meter.begin(now * 1000);
    this.#all.begin(now * 1000);
  }

  got(id: string, bytes: number, measured: boolean, now: number): void {
    const account = this.#accounts.get(id);
    if (account === undefined || !measured) return;
    account.outstanding -= bytes;
    account.meter.note(bytes, now * 1000);
    this.#all.note(bytes, now * 1000);
  }

  /** A request came to its end, with bytes that never came. */
  ended(id: string, left: number, measured: boolean, now: number): void {
    const account = this.#accounts.get(id);
    if (account === undefined) return;
    account.requests -= 1;
    if (left === 0) account.failures = 0;
    if (!measured) return;
    account.outstanding -= left;
    account.meter.end(now * 1000);
    this.#all.end(now * 1000);
  }

  failed(id: string, why: TransferFailure, now: number): void {
    const account = this.#accounts.get(id);
    if (account === undefined || why === "cancelled" || why === "closed") return;
    if (why === "silent") account.failures += 1;
    const rest = why === "silent" ? 2 ** account.failures : 0.5;
    account.restingUntil = Math.max(account.restingUntil, now + rest);
  }

  /** Asks a peer for nothing until it is cleared, or until it is too late to find out. */
  suspect(id: string, now: number): void {
    this.#suspects.set(id, now + suspectFor);
  }

  clear(id: string): void {
    this.#suspects.delete(id);
  }

  forget(id: string): void {
    this.#accounts.delete(id);
  }

  #of(peer: Peer): Account {
    let account = this.#accounts.get(peer.id);
    if (account === undefined) {
      const meter = new RateMeter(peer.near ? guess.near : guess.far);
      account = { meter, outstanding: 0, requests: 0, failures: 0, restingUntil: 0 };
      this.#accounts.set(peer.id, account);
    }
    return account;
  }
}
