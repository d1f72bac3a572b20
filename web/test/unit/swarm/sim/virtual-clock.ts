import type { Clock } from "../../../../src/swarm/clock.ts";

interface Event {
  readonly at: number;
  readonly order: number;
  run: (() => void) | null;
}

/** Time that only goes on when it is told to, and then in leaps from event to event. */
export class VirtualClock implements Clock {
  #now = 0;
  #order = 0;
  /** A binary heap by time, then by order. */
  readonly #heap: Event[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): () => void {
    const event: Event = { at: this.#now + Math.max(0, ms), order: this.#order++, run };
    this.#push(event);
    return () => {
      event.run = null;
    };
  }

  /** Time passes and nothing runs, as when the machine sleeps: what was due meanwhile is late. */
  sleep(ms: number): void {
    this.#now += ms;
  }

  /** Runs everything up to a time, in order, with the promises that it settles. */
  async runTo(ms: number): Promise<void> {
    for (let next = this.#heap[0]; next !== undefined && next.at <= ms; next = this.#heap[0]) {
      this.#pop();
      if (next.run === null) continue;
      this.#now = Math.max(this.#now, next.at);
      next.run();
      for (let i = 0; i < 8; i++) await null;
    }
    this.#now = ms;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(event, heap[parent] as Event)) break;
      heap[at] = heap[parent] as Event;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Event, heap[child] as Event)) child += 1;
      if (!isBefore(heap[child] as Event, last)) break;
      heap[at] = heap[child] as Event;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
