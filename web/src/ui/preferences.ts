import { effect, type Signal, signal } from "@preact/signals";
import type { DeviceStorage } from "../player/device-storage.ts";

export const themes = ["system", "light", "dark"] as const;
export type Theme = (typeof themes)[number];

/** What this device's user chose; kept on the device. */
export interface Preferences {
  readonly theme: Signal<Theme>;
  readonly keysEnabled: Signal<boolean>;
  /** Whether films have the whole width of the page. */
  readonly theatre: Signal<boolean>;
}

/** Reads the preferences, keeps them as they change, and shows the page in the chosen theme. */
export function openPreferences(storage: DeviceStorage, root: HTMLElement): Preferences {
  const theme = signal(readTheme(storage.getItem("shoal.theme")));
  const keysEnabled = signal(storage.getItem("shoal.keys") !== "off");
  effect(() => {
    root.dataset.theme = theme.value;
    storage.setItem("shoal.theme", theme.value);
  });
  const theatre = signal(storage.getItem("shoal.theatre") === "on");
  effect(() => storage.setItem("shoal.keys", keysEnabled.value ? "on" : "off"));
  effect(() => storage.setItem("shoal.theatre", theatre.value ? "on" : "off"));
  return { theme, keysEnabled, theatre };
}

function readTheme(stored: string | null): Theme {
  return themes.find((theme) => theme === stored) ?? "system";
}
