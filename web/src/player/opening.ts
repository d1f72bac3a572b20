import { isLanguage } from "./beginning.ts";

/** The first seconds of a picture or sound, as the page of a video names them. Addresses are absolute. */
export interface OpeningRendition {
  readonly kind: string;
  /** As RFC 6381 writes it. */
  readonly codec: string;
  /** A tag, "" when unknown. */
  readonly language: string;
  readonly init: string;
  /** The first segments, with their ends in seconds. */
  readonly segments: readonly { readonly url: string; readonly end: number }[];
}

/** How a video begins: what a player opens first of it, unless the viewer wants something else. */
export type Opening = readonly OpeningRendition[];

/** Reads the opening in the text that the box put into the page; null when there is none. */
export function readOpening(text: string | null | undefined, base: string): Opening | null {
  try {
    const { renditions } = JSON.parse(text ?? "") as { renditions: Written[] };
    return renditions.map(({ kind, codec, language, init, segments }) => ({
      kind: String(kind),
      codec: String(codec),
      language: String(language),
      init: new URL(String(init), base).href,
      segments: segments.map(({ path, end }) => ({
        url: new URL(String(path), base).href,
        end: Number(end),
      })),
    }));
  } catch {
    return null;
  }
}

interface Written {
  readonly kind: unknown;
  readonly codec: unknown;
  readonly language: unknown;
  readonly init: unknown;
  readonly segments: readonly { readonly path: unknown; readonly end: unknown }[];
}

/** What a player asks for first of one rendition. */
export interface FirstAddresses {
  readonly init: string;
  readonly segment: string;
}

/**
 * The addresses that a player asks for first when it begins at a position, in seconds, with the sound in a language.
 * Null when the opening does not tell.
 */
export function firstAddresses(
  opening: Opening,
  position: number,
  language: string | null,
  canPlay: (codecs: string) => boolean,
): FirstAddresses[] | null {
  const wanted = opening.map(({ kind, codec, language: spoken, init, segments }) => {
    const segment = segments.find(({ end }) => position < end);
    const isWanted = kind !== "audio" || language === null || isLanguage(spoken, language);
    return segment !== undefined && isWanted && canPlay(codec) ? { init, segment: segment.url } : null;
  });
  return wanted.every((addresses) => addresses !== null) && wanted.length > 0 ? wanted : null;
}
