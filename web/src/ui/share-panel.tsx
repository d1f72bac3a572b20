import { useSignal } from "@preact/signals";
import { useId, useRef } from "preact/hooks";
import { copyFrom } from "../player/copy-text.ts";
import { QrCode } from "./qr-code.tsx";

/** Whether an address is of use on other devices. */
export function isReachableFromOthers(url: string): boolean {
  const { hostname } = new URL(url);
  return !/^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

/** An address to pass on: as a QR code for cameras, and as text to copy. */
export function SharePanel(props: { url: string }) {
  const field = useRef<HTMLInputElement>(null);
  const fieldId = useId();
  const result = useSignal("");
  const copy = async () => {
    if (field.current === null) return;
    const copied = await copyFrom(field.current);
    result.value = copied ? "Copied." : "Press Ctrl+C or ⌘C to copy the marked address.";
  };
  return (
    <div class="share">
      <QrCode text={props.url} label={`QR code for ${props.url}`} />
      <div class="share-text">
        <label for={fieldId}>Address</label>
        <div class="field-row">
          <input
            id={fieldId}
            ref={field}
            class="field"
            readOnly
            value={props.url}
            onFocus={(event) => event.currentTarget.select()}
          />
          <button type="button" class="button" onClick={() => void copy()}>
            Copy
          </button>
        </div>
        <p class="hint" role="status">
          {result.value || "Point a phone's camera at the code, or type the address."}
        </p>
        {!isReachableFromOthers(props.url) && (
          <p class="hint">
            This address works on this machine only. Open the page by the machine's network address, and share
            that.
          </p>
        )}
      </div>
    </div>
  );
}
