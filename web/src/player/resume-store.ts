import type { DeviceStorage } from "./device-storage.ts";

/** Where a viewer stopped. Position and duration in seconds, at in ms since 1970. */
export interface ResumePoint {
  readonly position: number;
  readonly duration: number;
  readonly at: number;
}

const storageKey = "shoal.resume";
const maxVideos = 300;
/** Less than this much is not worth going back to, in seconds. */
const minPosition = 10;
/** What is left of a film that counts as watched. */
const creditsFraction = 0.05;

/** Remembers per video where this device stopped. */
export class ResumeStore {
  readonly #storage: DeviceStorage;
  readonly #now: () => number;

  constructor(storage: DeviceStorage, now: () => number) {
    this.#storage = storage;
    this.#now = now;
  }

  /** The point to go on from, or null to begin at the start. */
  get(videoId: string): ResumePoint | null {
    return this.#read().get(videoId) ?? null;
  }

  /** Keeps a position; one near the start or the end is forgotten instead. */
  save(videoId: string, position: number, duration: number): void {
    const points = this.#read();
    points.delete(videoId);
    if (isWorthKeeping(position, duration)) points.set(videoId, { position, duration, at: this.#now() });
    this.#write(points);
  }

  forget(videoId: string): void {
    const points = this.#read();
    if (points.delete(videoId)) this.#write(points);
  }

  /** Every point, newest first. */
  all(): [string, ResumePoint][] {
    return [...this.#read()].sort(([, a], [, b]) => b.at - a.at);
  }

  #read(): Map<string, ResumePoint> {
    try {
      const parsed: unknown = JSON.parse(this.#storage.getItem(storageKey) ?? "{}");
      return new Map(Object.entries(parsed ?? {}).filter((entry) => isPoint(entry[1])));
    } catch {
      return new Map();
    }
  }

  #write(points: Map<string, ResumePoint>): void {
    const newest = [...points].sort(([, a], [, b]) => b.at - a.at).slice(0, maxVideos);
    this.#storage.setItem(storageKey, JSON.stringify(Object.fromEntries(newest)));
  }
}

function isWorthKeeping(position: number, duration: number): boolean {
  return position >= minPosition && position < duration * (1 - creditsFraction);
}

function isPoint(value: unknown): value is ResumePoint {
  if (typeof value !== "object" || value === null) return false;
  const point = value as Record<string, unknown>;
  return [point.position, point.duration, point.at].every(
    (field) => typeof field === "number" && Number.isFinite(field),
  );
}
