import { type ReadonlySignal, signal } from "@preact/signals";

/** What Chromium tells of the connection; other browsers tell nothing. */
export interface Connection {
  readonly saveData?: boolean;
  readonly type?: string;
  addEventListener?(type: "change", listener: () => void): void;
}

/** Whether the connection costs by the byte, as far as the browser tells: a mobile network, or its user saves data. */
export function watchMetered(connection: Connection | undefined): ReadonlySignal<boolean> {
  const read = () => connection?.saveData === true || connection?.type === "cellular";
  const metered = signal(read());
  connection?.addEventListener?.("change", () => {
    metered.value = read();
  });
  return metered;
}
