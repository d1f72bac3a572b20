import type { ChunkPlace, Run } from "../../../../src/protocol/runs.ts";
import type { RoomLink } from "../../../../src/swarm/parts.ts";
import { eachPlace, keyOf, runsOf } from "../../../../src/swarm/places.ts";
import type { VirtualClock } from "./virtual-clock.ts";

interface Lease {
  readonly place: ChunkPlace;
  holder: string;
  until: number;
  readonly waiting: string[];
}

interface Member {
  readonly link: FakeRoomLink;
  answer(answer: { granted: Run[]; held: Run[]; ready: Run[] }): void;
}

const leaseMs = 10_000;
const haveMs = 250;
const leaseGapMs = 100;

/** A room that counts viewers and grants leases as docs/protocol.md says. */
export class FakeRoom {
  readonly clock: VirtualClock;
  readonly latencyMs: number;
  readonly #members = new Map<string, Member>();
  readonly #haves = new Map<string, Set<string>>();
  readonly #leases = new Map<string, Lease>();
  readonly reports: { from: string; peer: string }[] = [];
  /** Answers nothing and lets nobody in. */
  down = false;

  constructor(clock: VirtualClock, latencyMs: number) {
    this.clock = clock;
    this.latencyMs = latencyMs;
  }

  get viewers(): number {
    return this.#members.size;
  }

  join(id: string, link: FakeRoomLink, answer: Member["answer"]): void {
    this.#members.set(id, { link, answer });
    this.#tellCount();
  }

  leave(id: string): void {
    this.#members.delete(id);
    for (const holders of this.#haves.values()) holders.delete(id);
    for (const lease of [...this.#leases.values()]) {
      const at = lease.waiting.indexOf(id);
      if (at >= 0) lease.waiting.splice(at, 1);
      if (lease.holder === id) this.#passOn(lease);
    }
    this.#tellCount();
  }

  lease(id: string, chunks: readonly Run[], urgent: boolean): void {
    const answer = { granted: [] as ChunkPlace[], held: [] as ChunkPlace[], ready: [] as ChunkPlace[] };
    eachPlace(chunks, (place) => answer[this.#judge(id, place, urgent)].push(place));
    this.#members.get(id)?.answer({
      granted: runsOf(answer.granted),
      held: runsOf(answer.held),
      ready: runsOf(answer.ready),
    });
  }

  release(id: string, chunks: readonly Run[]): void {
    eachPlace(chunks, (place) => {
      const lease = this.#leases.get(keyOf(place));
      if (lease?.holder === id) this.#passOn(lease);
      else if (lease !== undefined) lease.waiting.splice(0, Number(lease.waiting.includes(id)));
    });
  }

  have(id: string, add: readonly Run[], drop: readonly Run[]): void {
    eachPlace(add, (place) => {
      const key = keyOf(place);
      const holders = this.#haves.get(key) ?? new Set();
      this.#haves.set(key, holders.add(id));
      this.#leases.delete(key);
    });
    eachPlace(drop, (place) => this.#haves.get(keyOf(place))?.delete(id));
  }

  /** Whom two have reported is no viewer any more. */
  report(from: string, peer: string): void {
    this.reports.push({ from, peer });
    const reporters = new Set(
      this.reports.filter((report) => report.peer === peer).map((report) => report.from),
    );
    if (reporters.size >= 2) this.leave(peer);
  }

  #judge(id: string, place: ChunkPlace, urgent: boolean): "granted" | "held" | "ready" {
    const key = keyOf(place);
    if (!urgent && (this.#haves.get(key)?.size ?? 0) > 0) return "ready";
    const lease = this.#leases.get(key);
    if (lease !== undefined && lease.holder !== id && !urgent) {
      if (!lease.waiting.includes(id)) lease.waiting.push(id);
      return "held";
    }
    if (lease === undefined) this.#grant({ place, holder: id, until: 0, waiting: [] });
    return "granted";
  }

  #grant(lease: Lease): void {
    lease.until = this.clock.now() + leaseMs;
    this.#leases.set(keyOf(lease.place), lease);
    this.clock.after(leaseMs, () => {
      if (this.#leases.get(keyOf(lease.place)) === lease && this.clock.now() >= lease.until)
        this.#passOn(lease);
    });
  }

  #passOn(lease: Lease): void {
    this.#leases.delete(keyOf(lease.place));
    const next = lease.waiting.shift();
    if (next === undefined) return;
    this.#grant({ ...lease, holder: next });
    this.#members.get(next)?.answer({ granted: runsOf([lease.place]), held: [], ready: [] });
  }

  #tellCount(): void {
    for (const { link } of this.#members.values()) link.setViewers(this.#members.size);
  }
}

/** What one viewer sees of a room. */
export class FakeRoomLink implements RoomLink {
  readonly viewer: string;
  readonly #room: FakeRoom;
  readonly #onRoom: () => void;
  #joined = false;
  #viewers = 1;
  #add: Run[] = [];
  #drop: Run[] = [];
  #telling = false;
  #nextAt = 0;

  constructor(viewer: string, room: FakeRoom, onRoom: () => void) {
    this.viewer = viewer;
    this.#room = room;
    this.#onRoom = onRoom;
  }

  get joined(): boolean {
    return this.#joined;
  }

  get viewers(): number {
    return this.#joined ? this.#viewers : 1;
  }

  welcome(viewers: number): void {
    this.#joined = true;
    this.#viewers = viewers;
    this.#tell();
    this.#onRoom();
  }

  setViewers(viewers: number): void {
    this.#room.clock.after(this.#room.latencyMs, () => {
      this.#viewers = viewers;
      this.#onRoom();
    });
  }

  lease(chunks: readonly Run[], urgent: boolean): void {
    this.#sendInTurn(() => this.#room.lease(this.viewer, chunks, urgent));
  }

  release(chunks: readonly Run[]): void {
    this.#sendInTurn(() => this.#room.release(this.viewer, chunks));
  }

  tellHave(add: readonly Run[], drop: readonly Run[]): void {
    this.#add.push(...add);
    this.#drop.push(...drop);
    if (this.#joined) this.#tell();
  }

  report(peer: string): void {
    this.#send(() => this.#room.report(this.viewer, peer));
  }

  close(): void {
    this.#joined = false;
  }

  #tell(): void {
    if (this.#telling) return;
    this.#telling = true;
    this.#room.clock.after(haveMs, () => {
      this.#telling = false;
      const [add, drop] = [this.#add, this.#drop];
      [this.#add, this.#drop] = [[], []];
      this.#send(() => this.#room.have(this.viewer, add, drop));
    });
  }

  /** Who has just said something of leases waits a moment before the next, as the real link does. */
  #sendInTurn(run: () => void): void {
    const { clock } = this.#room;
    const wait = Math.max(0, this.#nextAt - clock.now());
    if (wait === 0) this.#nextAt = clock.now() + leaseGapMs;
    clock.after(wait, () => this.#send(run));
  }

  #send(run: () => void): void {
    this.#room.clock.after(this.#room.latencyMs, () => {
      if (this.#joined && !this.#room.down) run();
    });
  }
}
