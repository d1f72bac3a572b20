import { deliver } from "../player/delivery.ts";
import { HeadStart } from "../player/head-start.ts";
import type { LanguageMemory } from "../player/language-memory.ts";
import { canPlay } from "../player/media-source.ts";
import type { Opening } from "../player/opening.ts";
import type { ResumeStore } from "../player/resume-store.ts";
import { segmentPatience } from "../player/segment-source.ts";

/** Knows how a film begins on this device: from where, in which language. Opens it before its player is there. */
export class FilmOpener {
  readonly headStart: HeadStart;
  readonly #resume: ResumeStore;
  readonly #languages: LanguageMemory;

  constructor(resume: ResumeStore, languages: LanguageMemory) {
    this.#resume = resume;
    this.#languages = languages;
    const open = (url: string) => deliver(url, segmentPatience);
    this.headStart = new HeadStart({ deliver: open, canPlay });
  }

  /**
   * Asks for the beginning of a film; a second time does nothing. Opening is what the page knows of it. Returns when
   * everything is asked for.
   */
  open(id: string, opening: Opening | null = null): Promise<void> {
    return this.headStart.begin({
      source: masterPlaylist(id),
      position: this.startOf(id),
      language: this.#languages.sound,
      opening,
    });
  }

  /** Where a film begins, in seconds. */
  startOf(id: string): number {
    return this.#resume.get(id)?.position ?? 0;
  }
}

/** The address of a video's master playlist. */
export function masterPlaylist(id: string): string {
  return `${location.origin}/hls/${encodeURIComponent(id)}/master.m3u8`;
}
