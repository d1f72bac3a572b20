import { Fields, readText } from "../protocol/decode.ts";
import { send } from "./request.ts";
import { readWarning } from "./warning.ts";

/** The folder on the box whose films are added. */
export interface WatchedFolder {
  readonly dir: string;
  /** When it was looked through last; "" for not yet. */
  readonly scanned: string;
  readonly films: number;
  /** Films that are still to be added. */
  readonly waiting: number;
  /** Sentences for people. */
  readonly warnings: readonly string[];
}

function readFolder(value: unknown, where: string): WatchedFolder {
  const fields = new Fields(value, where);
  return {
    dir: fields.text("dir"),
    scanned: fields.optional("scanned", readText) ?? "",
    films: fields.number("films", 0),
    waiting: fields.number("waiting", 0),
    warnings: fields.list("warnings", readWarning),
  };
}

/** Returns the watched folder, or null when the box watches none. */
export async function getWatchedFolder(signal?: AbortSignal): Promise<WatchedFolder | null> {
  return new Fields(await send({ path: "/api/v1/watch", signal }), "watch").optional("folder", readFolder);
}
