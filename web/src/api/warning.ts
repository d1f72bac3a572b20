import { Fields } from "../protocol/decode.ts";

/** A warning is a sentence, or an object that holds one as its message. */
export function readWarning(value: unknown, where: string): string {
  if (typeof value === "string") return value;
  return new Fields(value, where).text("message");
}
