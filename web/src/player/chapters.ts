/** A part of a film with a name; start in seconds. */
export interface Chapter {
  readonly start: number;
  readonly title: string;
}

/** The index of the chapter that a position lies in; -1 before the first one. Chapters are in order. */
export function chapterAt(chapters: readonly Chapter[], position: number): number {
  return chapters.findLastIndex((chapter) => chapter.start <= position);
}

/** Lets media-chrome know the chapters: it reads them from a text track, for its seek bar and preview. */
export function showChapters(media: HTMLVideoElement, chapters: readonly Chapter[], duration: number): void {
  const existing = [...media.textTracks].find((track) => track.kind === "chapters");
  if (existing === undefined && chapters.length === 0) return;
  const track = existing ?? media.addTextTrack("chapters");
  track.mode = "hidden";
  for (const cue of [...(track.cues ?? [])]) track.removeCue(cue);
  for (const [index, { start, title }] of chapters.entries()) {
    const end = chapters[index + 1]?.start ?? Math.max(duration, start + 1);
    const cue = new VTTCue(start, end, "");
    cue.text = escaped(title);
    track.addCue(cue);
  }
  // media-chrome looks again when a mode changes.
  track.mode = "disabled";
  track.mode = "hidden";
}

/** A cue's text is markup. */
function escaped(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");
}
