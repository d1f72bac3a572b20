import { encode } from "uqr";

const quietZone = 4;

/** The path of a QR code's dark squares, one unit each, within size × size units. */
export function qrPath(text: string): { size: number; path: string } {
  const { data, size } = encode(text, { ecc: "M", border: quietZone });
  const dark = data.flatMap((row, y) => row.flatMap((on, x) => (on ? [`M${x} ${y}h1v1h-1z`] : [])));
  return { size, path: dark.join("") };
}

/** A QR code, dark on light in every theme, because cameras need it so. */
export function QrCode(props: { text: string; label: string }) {
  const { size, path } = qrPath(props.text);
  return (
    <svg class="qr-code" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={props.label}>
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#0b1213" shape-rendering="crispEdges" />
    </svg>
  );
}
