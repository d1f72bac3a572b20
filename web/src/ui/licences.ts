import preactSignals from "../../node_modules/@preact/signals/LICENSE?raw";
import hls from "../../node_modules/hls.js/LICENSE?raw";
import mediaChrome from "../../node_modules/media-chrome/LICENSE?raw";
import preact from "../../node_modules/preact/LICENSE?raw";
import uqr from "../../node_modules/uqr/LICENSE?raw";

/** A part of this page that others wrote, and the text of its licence. */
export interface Licence {
  readonly name: string;
  readonly text: string;
}

export const licences: readonly Licence[] = [
  { name: "hls.js", text: hls },
  { name: "media-chrome", text: mediaChrome },
  { name: "preact", text: preact },
  { name: "@preact/signals", text: preactSignals },
  { name: "uqr", text: uqr },
];
