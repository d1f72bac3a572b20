/** What a viewer is told when playing does not work: passing trouble in a line, or the end of it in a panel. */
export type Trouble =
  | { readonly kind: "passing"; readonly text: string }
  | {
      readonly kind: "final";
      readonly what: string;
      readonly why: string;
      readonly remedy: string;
      readonly code: string;
    };

export const cannotStream: Trouble = {
  kind: "final",
  what: "This browser cannot play video streams.",
  why: "It has neither Media Source Extensions nor HLS.",
  remedy: "Open this page in a current Firefox, Chrome, Edge or Safari.",
  code: "no_mse",
};

/** The browser refuses the codecs of a video. */
export function cannotDecode(code: string): Trouble {
  return {
    kind: "final",
    what: "This browser cannot play this video.",
    why: "It has no decoder for H.264 video with AAC sound.",
    remedy: "Open this page in another browser, or install the codecs of your system.",
    code,
  };
}

/** Playing failed after a recovery was tried. */
export function brokenPlayback(code: string): Trouble {
  return {
    kind: "final",
    what: "The video stopped playing.",
    why: "The browser could not go on with the data that it got.",
    remedy: "Try again. If it stops at the same place, add the file again.",
    code,
  };
}

/** What is said when the box names the machines that are away, in words that say what would help. */
export function machinesAway(words: string): Trouble {
  return { kind: "passing", text: `${words} Trying again…` };
}

/** What is said while the next try is awaited. Status is that of the box's answer, 0 without one. */
export function passingTrouble(status: number): Trouble {
  if (status === 503) return { kind: "passing", text: "The box is still preparing this. Trying again…" };
  if (status === 401 || status === 403) {
    return { kind: "passing", text: "The box does not let you watch this any more. Trying again…" };
  }
  if (status >= 400 && status < 500) {
    return { kind: "passing", text: "A part of the video is missing. Trying again…" };
  }
  return { kind: "passing", text: "The box is not answering. Trying again…" };
}
