import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../../../../testdata/protocol/", import.meta.url));

/** The entries of a file that the tests in Go read too. */
export function golden<Entry>(file: string): Entry[] {
  return JSON.parse(readFileSync(folder + file, "utf8")) as Entry[];
}

export function fromHex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, "hex"));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("hex");
}
