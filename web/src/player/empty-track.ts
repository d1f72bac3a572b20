/**
 * The address of a subtitle file without text, for hls.js, which fills its tracks itself.
 * build/hls-track-source.ts puts it in.
 */
export const emptyTrackAddress = URL.createObjectURL(new Blob(["WEBVTT\n"], { type: "text/vtt" }));
