import { effect, type Signal, signal } from "@preact/signals";
import type { DeviceStorage } from "../player/device-storage.ts";
import { guestName, type ShareChoice, shareChoices, tidyName } from "../swarm/wishes.ts";

export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

/** What this device's user chose; kept on the device. */
export interface Preferences {
  readonly theme: Signal<Theme>;
  readonly keysEnabled: Signal<boolean>;
  /** Whether films have the whole width of the page. */
  readonly theatre: Signal<boolean>;
  /** Whether "Where it comes from" is unfolded. */
  readonly sourcesOpen: Signal<boolean>;
  /** What other viewers see; never "". */
  readonly name: Signal<string>;
  readonly share: Signal<ShareChoice>;
}

/** Reads the preferences, keeps them as they change, and shows the page in the chosen theme. */
export function openPreferences(
  storage: DeviceStorage,
  root: HTMLElement,
  random: () => number,
): Preferences {
  const theme = signal(oneOf(themes, storage.getItem("shoal.theme"), "system"));
  effect(() => {
    root.dataset.theme = theme.value;
    storage.setItem("shoal.theme", theme.value);
  });
  const name = signal(tidyName(storage.getItem("shoal.name") ?? "") || guestName(random));
  effect(() => storage.setItem("shoal.name", name.value));
  const share = signal(oneOf(shareChoices, storage.getItem("shoal.share"), "lan"));
  effect(() => storage.setItem("shoal.share", share.value));
  return {
    theme,
    name,
    share,
    keysEnabled: flag(storage, "shoal.keys", true),
    theatre: flag(storage, "shoal.theatre", false),
    sourcesOpen: flag(storage, "shoal.sources", false),
  };
}

/** A choice between yes and no, kept as "on" or "off". */
function flag(storage: DeviceStorage, key: string, usual: boolean): Signal<boolean> {
  const stored = storage.getItem(key);
  const chosen = signal(stored === "on" || (stored !== "off" && usual));
  effect(() => storage.setItem(key, chosen.value ? "on" : "off"));
  return chosen;
}

function oneOf<Word extends string>(words: readonly Word[], stored: string | null, usual: Word): Word {
  return words.find((word) => word === stored) ?? usual;
}
