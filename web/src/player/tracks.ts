/** One entry of a settings list; the id is given back to choose it. */
export interface Choice {
  readonly id: number;
  readonly label: string;
}

/** The id of the quality that the player picks by itself. */
export const autoQuality = -1;

export const playbackRates = [0.5, 0.75, 1, 1.25, 1.5, 1.75, 2] as const;

/** What a quality list is made from; bitrate in bits a second. */
export interface Level {
  readonly width: number;
  readonly height: number;
  readonly bitrate: number;
}

/** The id of no subtitles. */
export const noText = -1;

/** What the lists of sound and subtitles are made from. */
export interface LanguageTrack {
  readonly name?: string | undefined;
  readonly lang?: string | undefined;
}

/** The name by which a picture size is known: 1080p for 1920×1080, and for 1920×804. */
export function qualityName(width: number, height: number): string {
  const steps = [2160, 1440, 1080, 720, 480, 360, 240, 144];
  const short = Math.min(width, height);
  const byWidth = Math.round((Math.max(width, height) * 9) / 16);
  const size = Math.max(short, byWidth);
  const step = steps.find((candidate) => Math.abs(candidate - size) <= candidate * 0.06);
  return `${step ?? short}p`;
}

/** The qualities to choose from, best first; ids are indices into levels. Empty when there is nothing to choose. */
export function qualityChoices(levels: readonly Level[]): Choice[] {
  const seen = levels.map((level) => qualityName(level.width, level.height));
  const sorted = levels
    .map((level, id) => ({ id, level, name: seen[id] ?? "" }))
    .filter(({ level }) => level.height > 0)
    .sort((a, b) => b.level.height - a.level.height || b.level.bitrate - a.level.bitrate);
  if (sorted.length < 2) return [];
  return sorted.map(({ id, level, name }) => {
    const twice = seen.filter((other) => other === name).length > 1;
    return { id, label: twice ? `${name}, ${megabits(level.bitrate)}` : name };
  });
}

function megabits(bitrate: number): string {
  return `${(bitrate / 1e6).toFixed(1)} Mbit/s`;
}

/** The sound tracks to choose from, in their order. Empty when there is nothing to choose. */
export function soundChoices(tracks: readonly LanguageTrack[], nameOf: (tag: string) => string): Choice[] {
  return tracks.length < 2 ? [] : languageChoices(tracks, nameOf);
}

/** The subtitles to choose from, in their order, after none of them. Empty when there are none. */
export function textChoices(tracks: readonly LanguageTrack[], nameOf: (tag: string) => string): Choice[] {
  return tracks.length === 0 ? [] : [{ id: noText, label: "Off" }, ...languageChoices(tracks, nameOf)];
}

function languageChoices(tracks: readonly LanguageTrack[], nameOf: (tag: string) => string): Choice[] {
  const names = tracks.map((track, id) => trackName(track, nameOf) || `Track ${id + 1}`);
  return names.map((name, id) => {
    const sameBefore = names.slice(0, id).filter((other) => other === name).length;
    return { id, label: sameBefore > 0 ? `${name} (${sameBefore + 1})` : name };
  });
}

/** A box names a track by its language's tag when the file has no better name, and counts equal ones. */
function trackName({ name = "", lang = "" }: LanguageTrack, nameOf: (tag: string) => string): string {
  const language = lang !== "" && lang !== "und" ? nameOf(lang) : "";
  const saysNothing = name === "" || name.replace(/ \(\d+\)$/, "") === lang;
  if (saysNothing) return language;
  const saysLanguage = name.toLowerCase().includes(language.toLowerCase());
  return language === "" || saysLanguage ? name : `${language}: ${name}`;
}

/** The name of a language in the viewer's own, or the tag itself. */
export function languageName(tag: string): string {
  try {
    return new Intl.DisplayNames(undefined, { type: "language" }).of(tag) ?? tag;
  } catch {
    return tag;
  }
}

/** The rate one step up or down from the present one. */
export function nextRate(present: number, direction: 1 | -1): number {
  const candidates = playbackRates.filter((rate) => (direction > 0 ? rate > present : rate < present));
  return (direction > 0 ? candidates[0] : candidates.at(-1)) ?? present;
}
