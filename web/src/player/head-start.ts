import { readArrival } from "./arrival.ts";
import { firstPlaylists, segmentAt } from "./beginning.ts";
import type { Answer } from "./delivery.ts";
import { firstAddresses, type Opening } from "./opening.ts";
import { readMaster, readMedia } from "./playlist.ts";

/** What a player is going to play. */
export interface Beginning {
  /** The absolute address of the master playlist. */
  readonly source: string;
  /** Where it begins, in seconds. */
  readonly position: number;
  /** The language of the sound, as a tag, or null for the default one. */
  readonly language: string | null;
  /** What is known of it already; null when the playlists must tell. */
  readonly opening: Opening | null;
}

/** What a head start works with. */
export interface HeadStartTools {
  deliver(url: string): Answer;
  /** Whether the player can play these codecs, as RFC 6381 writes them. */
  canPlay(codecs: string): boolean;
}

/**
 * Asks for what a player will ask for first (the playlists, and of picture and sound the initialisation section
 * and the segment at the position) while the player's code is still on its way. The player takes over from it
 * what it wants by address. One film at a time. Nothing depends on it: what failed is not there to be taken.
 */
export class HeadStart {
  readonly #tools: HeadStartTools;
  readonly #waiting = new Map<string, Answer>();
  #source: string | null = null;

  constructor(tools: HeadStartTools) {
    this.#tools = tools;
  }

  /**
   * Begins a film, unless it is the one that was begun last and has not been ended. Returns when everything is asked
   * for, or when it is clear that it cannot be.
   */
  async begin(film: Beginning): Promise<void> {
    if (this.#source === film.source) return;
    this.end();
    this.#source = film.source;
    try {
      await this.#run(film);
    } catch {
      // The player asks for it again, and says what is wrong.
    }
  }

  /** Asks for an address that the player is going to ask for. */
  ask(url: string): void {
    if (!this.#waiting.has(url)) this.#ask(url);
  }

  /** Hands over what is on its way from an address, once; null when nothing is. */
  take(url: string): Answer | null {
    const delivery = this.#waiting.get(url) ?? null;
    this.#waiting.delete(url);
    return delivery;
  }

  /** Gives up what nobody took. Returns how many bytes of it came in vain. */
  end(): number {
    this.#source = null;
    const left = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const delivery of left) delivery.cancel();
    return left.reduce((sum, { travel }) => sum + travel.loaded, 0);
  }

  async #run({ source, position, language, opening }: Beginning): Promise<void> {
    const known = firstAddresses(opening ?? [], position, language, (codecs) => this.#tools.canPlay(codecs));
    for (const { init } of known ?? []) this.#ask(init);
    const answer = this.#ask(source);
    const text = new TextDecoder().decode(await answer.bytes);
    if (this.#source !== source) return;
    // Where others begin at the same time, first segments are fetched in parts that are shared.
    const isAlone = (readArrival((name) => answer.header(name))?.stripe ?? 0) === 0;
    if (known !== null) {
      if (isAlone) for (const { segment } of known) this.#ask(segment);
      return;
    }
    const playlists = firstPlaylists(readMaster(text, source), language, (codecs) =>
      this.#tools.canPlay(codecs),
    );
    await Promise.all(playlists.map((playlist) => this.#open(playlist, position, source, isAlone)));
  }

  async #open(playlist: string, position: number, source: string, isAlone: boolean): Promise<void> {
    const text = new TextDecoder().decode(await this.#ask(playlist).bytes);
    const media = readMedia(text, playlist);
    if (this.#source !== source) return;
    const segment = segmentAt(media, position);
    if (segment === null) return;
    if (media.init !== null) this.#ask(media.init);
    if (isAlone) this.#ask(segment.url);
  }

  #ask(url: string): Answer {
    const delivery = this.#tools.deliver(url);
    this.#waiting.set(url, delivery);
    delivery.bytes.catch(() => {
      if (this.#waiting.get(url) === delivery) this.#waiting.delete(url);
    });
    return delivery;
  }
}
