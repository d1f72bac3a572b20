import type { ChunkPlace } from "../../../../src/protocol/runs.ts";
import type {
  Holding,
  InventoryChange,
  Peer,
  PeerPool,
  PieceRequest,
  Source,
  Transfer,
  TransferEvents,
} from "../../../../src/swarm/parts.ts";
import { keyOf } from "../../../../src/swarm/places.ts";
import type { Link } from "./link.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** What may be wrong with a viewer, as its peers see it. */
export interface Faults {
  /** Takes requests and sends nothing. */
  frozen?: boolean;
  /** Changes a byte in everything that it sends. */
  poisons?: boolean;
}

/** One end of a connection: how a viewer sees another. */
export interface FarEnd {
  readonly id: string;
  readonly source: Source;
  readonly uplink: Link;
  readonly faults: Faults;
  /** On another network, and taking only: unless told, neither is so. */
  readonly far?: boolean;
  readonly gives?: boolean;
  /** How the other side sees this one, to be told of chunks. */
  onBytesSent(bytes: number): void;
}

const mostRequests = 16;

export class FakePeer implements Peer {
  readonly id: string;
  readonly name = "";
  readonly near: boolean;
  readonly gives: boolean;
  readonly stats = { firstByteMs: 0, received: 0, sent: 0 };
  readonly #clock: VirtualClock;
  readonly #latencyMs: number;
  readonly #far: FarEnd;
  readonly #holdings = new Map<string, Holding>();
  readonly #open = new Set<() => void>();
  readonly #onInventory: () => void;
  /** The same connection as the other side sees it. */
  twin: FakePeer | null = null;

  constructor(clock: VirtualClock, latencyMs: number, far: FarEnd, onInventory: () => void) {
    this.id = far.id;
    this.near = far.far !== true;
    this.gives = far.gives !== false;
    this.#clock = clock;
    this.#latencyMs = latencyMs;
    this.#far = far;
    this.#onInventory = onInventory;
  }

  holds(place: ChunkPlace): Holding | undefined {
    return this.#holdings.get(keyOf(place));
  }

  tell(changes: readonly InventoryChange[], full: boolean): void {
    const twin = this.twin;
    this.#clock.after(this.#latencyMs, () => twin?.hear(changes, full));
  }

  hear(changes: readonly InventoryChange[], full: boolean): void {
    if (full) this.#holdings.clear();
    for (const { rendition, first, count, state } of changes) {
      for (let ordinal = first; ordinal < first + count; ordinal++) {
        if (state === "gone") this.#holdings.delete(keyOf({ rendition, ordinal }));
        else this.#holdings.set(keyOf({ rendition, ordinal }), state);
      }
    }
    this.#onInventory();
  }

  request(piece: PieceRequest, events: TransferEvents): Transfer {
    let left = piece.length;
    let over = false;
    const stops = new Set<() => void>();
    const end = () => {
      over = true;
      this.#open.delete(fail);
      for (const stop of stops) stop();
    };
    const fail = () => {
      end();
      events.onFailed("closed");
    };
    this.#open.add(fail);
    this.#clock.after(this.#latencyMs, () => {
      if (over || this.#far.faults.frozen) return;
      if (this.#open.size > mostRequests) {
        this.#clock.after(this.#latencyMs, () => {
          if (over) return;
          end();
          events.onFailed("busy");
        });
        return;
      }
      const stopReading = this.#far.source.read(
        piece,
        (offset, bytes) => {
          let at = offset;
          const stop = this.#far.uplink.send(
            this.#spoiled(bytes),
            (part) => {
              if (over) return;
              this.#far.onBytesSent(part.byteLength);
              const from = at;
              at += part.byteLength;
              left -= part.byteLength;
              events.onBytes(from, part);
              if (left === 0 && !over) {
                end();
                events.onDone();
              }
            },
            () => stops.delete(stop),
          );
          stops.add(stop);
        },
        (refused) => {
          if (refused === undefined) return;
          this.#clock.after(this.#latencyMs, () => {
            if (over) return;
            end();
            events.onFailed("refused");
          });
        },
      );
      stops.add(stopReading);
    });
    return {
      cancel: () => {
        if (over) return;
        over = true;
        this.#open.delete(fail);
        this.#clock.after(this.#latencyMs, () => {
          for (const stop of stops) stop();
        });
      },
    };
  }

  close(): void {
    for (const fail of [...this.#open]) fail();
  }

  #spoiled(bytes: Uint8Array): Uint8Array {
    if (!this.#far.faults.poisons) return bytes;
    const spoiled = bytes.slice();
    spoiled[0] = (spoiled[0] ?? 0) ^ 0xff;
    return spoiled;
  }
}

export class FakePool implements PeerPool {
  readonly peers = new Map<string, FakePeer>();
  readonly banned = new Set<string>();
  readonly dropped: string[] = [];
  readonly #part: (id: string) => void;

  constructor(part: (id: string) => void) {
    this.#part = part;
  }

  ban(id: string): void {
    this.banned.add(id);
    this.#part(id);
  }

  drop(id: string): void {
    this.dropped.push(id);
    this.#part(id);
  }

  close(): void {
    for (const id of [...this.peers.keys()]) this.#part(id);
  }
}
