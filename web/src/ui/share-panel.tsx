import { CopyField } from "./copy-field.tsx";
import { QrCode } from "./qr-code.tsx";

/** Whether an address is of use on other devices. */
export function isReachableFromOthers(url: string): boolean {
  const { hostname } = new URL(url);
  return !/^(localhost|.*\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
}

/** An address to pass on: as a QR code for cameras, and as text to copy. */
export function SharePanel(props: { url: string }) {
  return (
    <div class="share">
      <QrCode text={props.url} label={`QR code for ${props.url}`} />
      <div class="share-text">
        <CopyField
          label="Address"
          text={props.url}
          hint="Point a phone's camera at the code, or type the address."
        />
      </div>
    </div>
  );
}
