import type { RoomLink } from "./parts.ts";
import type { Snapshot } from "./snapshot.ts";

/** How long the room, and then the first peer, may take before this viewer goes on as if alone, in seconds. */
const patience = { room: 1, peers: 2.5 };

/** Whether this viewer shares, is alone, or may meet others any moment. Times are in seconds. */
export class Standing {
  /** Since when the room is waited for. */
  #waitsSince = 0;
  #joinedAt: number | null = null;

  /** The room's connection was begun. */
  begin(now: number): void {
    this.#waitsSince = now;
  }

  /** Takes in whether the room is joined. Returns true when it was, and is no more. */
  note(joined: boolean, now: number): boolean {
    if (joined) {
      this.#joinedAt ??= now;
      return false;
    }
    const lost = this.#joinedAt !== null;
    if (lost) this.#waitsSince = now;
    this.#joinedAt = null;
    return lost;
  }

  of(room: RoomLink | null, peers: number, now: number): Pick<Snapshot, "mode" | "settling"> {
    if (room === null) return { mode: "alone", settling: false };
    if (peers > 0) return { mode: "sharing", settling: false };
    const until =
      this.#joinedAt === null ? this.#waitsSince + patience.room : this.#joinedAt + patience.peers;
    const settling = now < until && (!room.joined || room.viewers > 1);
    return { mode: settling ? "sharing" : "alone", settling };
  }
}
