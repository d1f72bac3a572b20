import type { ListedSegment, MasterPlaylist, MediaPlaylist, SoundTrack } from "./playlist.ts";

/**
 * The addresses of the media playlists that hls.js opens first, of the picture and of the sound beside it: the
 * quality that is listed first, as HlsStream tells it to, and the sound in a language, or else the default one.
 * Empty when nothing can be played. Language is a tag, or null for no preference.
 */
export function firstPlaylists(
  master: MasterPlaylist,
  language: string | null,
  canPlay: (codecs: string) => boolean,
): string[] {
  const variant = master.variants.find(({ codecs }) => canPlay(codecs));
  if (variant === undefined) return [];
  const sounds = master.sounds.filter(({ group }) => group === variant.soundGroup);
  const sound = preferred(sounds, language)?.url ?? null;
  return sound === null ? [variant.url] : [variant.url, sound];
}

function preferred(sounds: readonly SoundTrack[], language: string | null): SoundTrack | undefined {
  return (
    sounds.find((sound) => language !== null && isLanguage(sound.language, language)) ??
    sounds.find((sound) => sound.isDefault) ??
    sounds[0]
  );
}

/** Whether two tags are the same language to hls.js, which takes en for en-GB and the other way round. */
export function isLanguage(a: string, b: string): boolean {
  return a === b || (a.length !== b.length && a !== "" && (a.startsWith(b) || b.startsWith(a)));
}

/** The segment that a position in seconds lies in, or null when it is not listed (yet). */
export function segmentAt(playlist: MediaPlaylist, position: number): ListedSegment | null {
  return playlist.segments.find(({ start, duration }) => position < start + duration) ?? null;
}
