import preactSignals from "../../node_modules/@preact/signals/LICENSE?raw";
import hashWasm from "../../node_modules/hash-wasm/LICENSE?raw";
import hls from "../../node_modules/hls.js/LICENSE?raw";
import base64 from "../../node_modules/js-base64/LICENSE.md?raw";
import mediaChrome from "../../node_modules/media-chrome/LICENSE?raw";
import preact from "../../node_modules/preact/LICENSE?raw";
import querystringify from "../../node_modules/querystringify/LICENSE?raw";
import requiresPort from "../../node_modules/requires-port/LICENSE?raw";
import tus from "../../node_modules/tus-js-client/LICENSE?raw";
import uqr from "../../node_modules/uqr/LICENSE?raw";
import urlParse from "../../node_modules/url-parse/LICENSE?raw";

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
  { name: "hash-wasm", text: hashWasm },
  { name: "tus-js-client", text: tus },
  { name: "js-base64", text: base64 },
  { name: "url-parse", text: urlParse },
  { name: "querystringify", text: querystringify },
  { name: "requires-port", text: requiresPort },
  { name: "uqr", text: uqr },
];
