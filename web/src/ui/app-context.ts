import type { ReadonlySignal, Signal } from "@preact/signals";
import { createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Api } from "../api/api.ts";
import type { LanguageMemory } from "../player/language-memory.ts";
import type { ResumeStore } from "../player/resume-store.ts";
import type { AddQueue } from "./add-queue.ts";
import type { FilmOpener } from "./film-opener.ts";
import type { LibraryStore } from "./library-store.ts";
import type { Notices } from "./notices.ts";
import type { Preferences } from "./preferences.ts";
import type { Router } from "./router.ts";
import type { SessionStore } from "./session-store.ts";

/** The parts that pages use; main.ts and start.ts make them. */
export interface App {
  readonly api: Api;
  readonly router: Router;
  readonly session: SessionStore;
  readonly library: LibraryStore;
  readonly queue: AddQueue;
  readonly resume: ResumeStore;
  readonly languages: LanguageMemory;
  readonly opener: FilmOpener;
  readonly preferences: Preferences;
  readonly notices: Notices;
  /** Whether the connection costs by the byte. */
  readonly metered: ReadonlySignal<boolean>;
  /** The name of the page that is shown; "" for the library. */
  readonly title: Signal<string>;
  /** Whether the list of keys is shown. */
  readonly keyListOpen: Signal<boolean>;
  /** Counts how often the video that is watched got other subtitles. */
  readonly subtitlesChanged: Signal<number>;
}

export const AppContext = createContext<App | null>(null);

export function useApp(): App {
  const app = useContext(AppContext);
  if (app === null) throw new Error("a component is used outside of the app");
  return app;
}
