/** A quality of a master playlist (RFC 8216, 4.3.4.2), or a recording without a picture. Addresses are absolute. */
export interface Variant {
  readonly url: string;
  readonly codecs: string;
  /** The group of sound tracks that plays with it, "" for none. */
  readonly soundGroup: string;
}

/** A sound track of a master playlist. */
export interface SoundTrack {
  readonly group: string;
  readonly language: string;
  readonly isDefault: boolean;
  /** null for a track that comes with the variant itself. */
  readonly url: string | null;
}

export interface MasterPlaylist {
  readonly variants: readonly Variant[];
  readonly sounds: readonly SoundTrack[];
}

/** One segment; start and duration in seconds. */
export interface ListedSegment {
  readonly url: string;
  readonly start: number;
  readonly duration: number;
}

export interface MediaPlaylist {
  /** The address of the initialisation section, or null without one. */
  readonly init: string | null;
  readonly segments: readonly ListedSegment[];
}

/** Reads a master playlist of a box, which came from the address base. What is not known is passed over. */
export function readMaster(text: string, base: string): MasterPlaylist {
  const variants: Variant[] = [];
  const sounds: SoundTrack[] = [];
  let stream: Attributes | null = null;
  for (const line of linesOf(text)) {
    if (line.startsWith("#EXT-X-STREAM-INF:")) {
      stream = attributesIn(line);
    } else if (line.startsWith("#EXT-X-MEDIA:")) {
      const media = attributesIn(line);
      if (media.get("TYPE") === "AUDIO") sounds.push(soundFrom(media, base));
    } else if (stream !== null && !line.startsWith("#")) {
      variants.push(variantFrom(stream, line, base));
      stream = null;
    }
  }
  return { variants, sounds };
}

/** Reads a media playlist of a box, which came from the address base. */
export function readMedia(text: string, base: string): MediaPlaylist {
  const segments: ListedSegment[] = [];
  let init: string | null = null;
  let [start, duration] = [0, 0];
  for (const line of linesOf(text)) {
    if (line.startsWith("#EXT-X-MAP:")) {
      init = resolved(attributesIn(line).get("URI"), base);
    } else if (line.startsWith("#EXTINF:")) {
      duration = Number.parseFloat(line.slice("#EXTINF:".length)) || 0;
    } else if (!line.startsWith("#")) {
      segments.push({ url: new URL(line, base).href, start, duration });
      start += duration;
    }
  }
  return { init, segments };
}

type Attributes = ReadonlyMap<string, string>;

function linesOf(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "");
}

function attributesIn(line: string): Attributes {
  const found = line.matchAll(/([A-Z0-9-]+)=(?:"([^"]*)"|([^,]*))/g);
  return new Map([...found].map(([, name = "", quoted, plain = ""]) => [name, quoted ?? plain]));
}

function variantFrom(stream: Attributes, uri: string, base: string): Variant {
  return {
    url: new URL(uri, base).href,
    codecs: stream.get("CODECS") ?? "",
    soundGroup: stream.get("AUDIO") ?? "",
  };
}

function soundFrom(media: Attributes, base: string): SoundTrack {
  return {
    group: media.get("GROUP-ID") ?? "",
    language: media.get("LANGUAGE") ?? "",
    isDefault: media.get("DEFAULT") === "YES",
    url: resolved(media.get("URI"), base),
  };
}

function resolved(uri: string | undefined, base: string): string | null {
  return uri === undefined ? null : new URL(uri, base).href;
}
