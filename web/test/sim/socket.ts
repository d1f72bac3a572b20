import type { RoomSocket } from "../../src/swarm/room-link.ts";

type Kind = "open" | "message" | "close";

/** A WebSocket to the room in virtual time. */
export class SimulatedSocket implements RoomSocket {
  readyState = 0;
  readonly bufferedAmount = 0;
  readonly #send: (text: string) => void;
  readonly #listeners = new Map<Kind, (event: Event) => void>();

  constructor(send: (text: string) => void) {
    this.#send = send;
  }

  send(text: string): void {
    this.#send(text);
  }

  close(): void {
    if (this.readyState === 1) this.#send("leave");
    this.readyState = 3;
  }

  addEventListener(kind: Kind, listener: (event: Event) => void): void {
    this.#listeners.set(kind, listener);
  }

  opened(): void {
    if (this.readyState !== 0) return;
    this.readyState = 1;
    this.#tell("open", {});
  }

  /** What came from the room: a message, or the end. */
  take(text: string): void {
    if (this.readyState !== 1) return;
    if (!text.startsWith("close ")) this.#tell("message", { data: text });
    else {
      this.readyState = 3;
      this.#tell("close", { code: Number(text.slice(6)) });
    }
  }

  #tell(kind: Kind, event: object): void {
    this.#listeners.get(kind)?.(event as Event);
  }
}
