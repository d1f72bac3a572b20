import type { DeviceStorage } from "./device-storage.ts";

const soundKey = "shoal.sound-language";
const textKey = "shoal.text-language";

/** The languages that this device's viewer chose last, as language tags; null where nothing was chosen yet. */
export class LanguageMemory {
  readonly #storage: DeviceStorage;

  constructor(storage: DeviceStorage) {
    this.#storage = storage;
  }

  get sound(): string | null {
    return this.#storage.getItem(soundKey) || null;
  }

  set sound(tag: string) {
    this.#storage.setItem(soundKey, tag);
  }

  /** The language of subtitles, or "off" when they were switched off. */
  get text(): string | null {
    return this.#storage.getItem(textKey) || null;
  }

  set text(tag: string) {
    this.#storage.setItem(textKey, tag);
  }
}
