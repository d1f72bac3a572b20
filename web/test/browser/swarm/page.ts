// What the browser tests of the swarm run inside a page: one viewer with all chunks, connected through the test.

import type { SignalKind } from "../../../src/protocol/messages.ts";
import { systemClock } from "../../../src/swarm/clock.ts";
import { browserConnections, Connections } from "../../../src/swarm/connections.ts";
import { watchPageLife } from "../../../src/swarm/page-life.ts";
import type { Source } from "../../../src/swarm/parts.ts";
import { UploadLimit } from "../../../src/swarm/upload-limit.ts";
import { startHashWorker, Verifier } from "../../../src/swarm/verifier.ts";

const chunkBytes = 1 << 20;

declare global {
  interface Window {
    /** Provided by the test: hands a signal to the other page. */
    relay(to: string, kind: SignalKind, data: string): void;
    viewer: Viewer;
  }
}

/** The bytes of a chunk, which follow from its ordinal and its owner. */
function chunkOf(owner: string, ordinal: number): Uint8Array {
  const words = new Uint32Array(chunkBytes / 4);
  let word = ordinal * 2_654_435_761 + owner.charCodeAt(0);
  for (let i = 0; i < words.length; i++) {
    word = (Math.imul(word, 1_664_525) + 1_013_904_223) >>> 0;
    words[i] = word;
  }
  return new Uint8Array(words.buffer);
}

export interface Fetched {
  readonly bytes: number;
  readonly ms: number;
  readonly hashes: readonly string[];
  readonly failed: readonly string[];
}

class Viewer {
  readonly id: string;
  readonly events: string[] = [];
  readonly pool: Connections;
  readonly verifier = new Verifier({ start: startHashWorker, subtle: undefined, clock: systemClock });
  sent = 0;
  made = 0;

  constructor(id: string) {
    this.id = id;
    const source: Source = {
      read: ({ ordinal, offset, length }, onBytes, onEnd) => {
        onBytes(offset, chunkOf(id, ordinal).subarray(offset, offset + length));
        onEnd();
        return () => {};
      },
    };
    this.pool = new Connections({
      viewer: () => id,
      others: () => 1,
      create: () => {
        this.made += 1;
        if (browserConnections === undefined) throw new Error("no WebRTC");
        return browserConnections();
      },
      source,
      limit: new UploadLimit(systemClock),
      clock: systemClock,
      events: {
        onPeer: (peer) => this.events.push(`open ${peer.id[0]}`),
        onChange: () => {},
        onSent: (bytes) => {
          this.sent += bytes;
        },
        onLost: (peer) => this.events.push(`lost ${peer.id[0]}`),
      },
      signal: (to, kind, data) => window.relay(to, kind, data),
      failed: (peer, why) => this.events.push(`failed ${peer[0]} ${why}`),
    });
    this.pool.start();
    const life = { leave: () => this.pool.stop(), comeBack: () => this.pool.start(), online: () => {} };
    watchPageLife(window, document, life);
  }

  meet(viewer: string, offer: boolean): void {
    this.pool.introduce([{ viewer, name: "", near: true, offer }]);
  }

  /** Gets chunks from a peer, two at a time, and hashes each. */
  async fetch(from: string, ordinals: readonly number[]): Promise<Fetched> {
    const began = performance.now();
    const failed: string[] = [];
    const hashes: string[] = [];
    let bytes = 0;
    const left = [...ordinals.entries()];
    const work = async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const [index, ordinal] = next;
        const chunk = await this.#one(from, ordinal, failed);
        bytes += chunk.length;
        hashes[index] = await this.verifier.sha256(chunk);
      }
    };
    await Promise.all([work(), work()]);
    return { bytes, ms: performance.now() - began, hashes, failed };
  }

  /** The hashes that the owner's chunks must have. */
  async expected(owner: string, ordinals: readonly number[]): Promise<string[]> {
    return Promise.all(ordinals.map((ordinal) => this.verifier.sha256(chunkOf(owner, ordinal))));
  }

  /** How fast chunks are hashed, in MB/s, with the page's longest pause meanwhile in ms. */
  async hashSpeed(chunks: number): Promise<{ rate: number; longestPause: number }> {
    const chunk = chunkOf("x", 1);
    await this.verifier.sha256(chunk);
    let longestPause = 0;
    let last = performance.now();
    const timer = setInterval(() => {
      longestPause = Math.max(longestPause, performance.now() - last);
      last = performance.now();
    }, 1);
    const began = performance.now();
    await Promise.all(Array.from({ length: chunks }, () => this.verifier.sha256(chunk)));
    const seconds = (performance.now() - began) / 1000;
    clearInterval(timer);
    return { rate: (chunks * chunk.length) / 1e6 / seconds, longestPause };
  }

  #one(from: string, ordinal: number, failed: string[]): Promise<Uint8Array> {
    const chunk = new Uint8Array(chunkBytes);
    const peer = this.pool.peers.get(from);
    const piece = { rendition: "v0", ordinal, offset: 0, length: chunkBytes, urgent: false };
    return new Promise((resolve) => {
      const fail = (why: string) => {
        failed.push(why);
        resolve(new Uint8Array(0));
      };
      if (peer === undefined) return fail("no peer");
      peer.request(piece, {
        onBytes: (offset, bytes) => chunk.set(bytes, offset),
        onDone: () => resolve(chunk),
        onFailed: fail,
      });
    });
  }
}

window.viewer = new Viewer(new URL(location.href).searchParams.get("viewer") ?? "");
