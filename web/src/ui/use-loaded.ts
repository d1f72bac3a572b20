import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";

/** A part of the page that is loaded when it is first wanted; null until it is there. */
export type Loaded<Part> = Signal<{ readonly part: Part } | "failed" | null>;

/** Loads a part once it is wanted, and again when it is wanted anew after that failed. */
export function useLoaded<Part>(load: () => Promise<Part>, wanted: boolean): Loaded<Part> {
  const loaded: Loaded<Part> = useSignal(null);
  useEffect(() => {
    const begin = async () => {
      try {
        loaded.value = { part: await load() };
      } catch {
        loaded.value = "failed";
      }
    };
    const there = loaded.peek() !== null && loaded.peek() !== "failed";
    if (wanted && !there) void begin();
  }, [wanted]);
  return loaded;
}
