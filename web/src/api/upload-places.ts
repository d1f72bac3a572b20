/** The part of a browser's storage that is needed here. */
type TextStore = Pick<Storage, "getItem" | "setItem" | "removeItem" | "key" | "length">;

const prefix = "shoal.upload.";
/** How long the box keeps what arrived of a file, in ms. */
const keptMs = 24 * 60 * 60_000;

/** What tells a file from others, without reading it. */
export function fingerprintOf(file: { name: string; size: number; lastModified: number }): string {
  return `${file.size}.${file.lastModified}.${file.name}`;
}

/**
 * Remembers where uploads go on, in the browser's storage or, where there is none, as long as the page is
 * open. What the box has thrown away by now is forgotten.
 */
export class UploadPlaces {
  readonly #store: TextStore | null;
  readonly #now: () => number;
  readonly #here = new Map<string, string>();

  constructor(store: TextStore | null, now: () => number) {
    this.#store = store;
    this.#now = now;
  }

  find(print: string): string | null {
    this.#forgetOld();
    return this.#here.get(print) ?? this.#read(prefix + print)?.url ?? null;
  }

  keep(print: string, url: string): void {
    this.#here.set(print, url);
    try {
      this.#store?.setItem(prefix + print, JSON.stringify({ url, at: this.#now() }));
    } catch {
      // Full, or not allowed: then the page remembers as long as it is open.
    }
  }

  forget(print: string): void {
    this.#here.delete(print);
    this.#remove(prefix + print);
  }

  #forgetOld(): void {
    for (const key of this.#keys()) {
      const entry = this.#read(key);
      if (entry === null || entry.at < this.#now() - keptMs) this.#remove(key);
    }
  }

  #keys(): string[] {
    const store = this.#store;
    if (store === null) return [];
    try {
      const all = Array.from({ length: store.length }, (_, index) => store.key(index) ?? "");
      return all.filter((key) => key.startsWith(prefix));
    } catch {
      return [];
    }
  }

  #read(key: string): { url: string; at: number } | null {
    try {
      const entry: unknown = JSON.parse(this.#store?.getItem(key) ?? "null");
      if (typeof entry !== "object" || entry === null || !("url" in entry) || !("at" in entry)) return null;
      const { url, at } = entry;
      return typeof url === "string" && typeof at === "number" ? { url, at } : null;
    } catch {
      return null;
    }
  }

  #remove(key: string): void {
    try {
      this.#store?.removeItem(key);
    } catch {
      // As with keep.
    }
  }
}
