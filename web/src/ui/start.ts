import { effect, signal } from "@preact/signals";
import { h, render } from "preact";
import { createApi } from "../api/api.ts";
import type { DeviceStorage } from "../player/device-storage.ts";
import { AddQueue } from "./add-queue.ts";
import { wholeProgress } from "./add-steps.ts";
import { takeAdminKey } from "./admin-link.ts";
import { AppRoot } from "./app.tsx";
import type { App } from "./app-context.ts";
import { formatPercent } from "./format.ts";
import { LibraryStore } from "./library-store.ts";
import { type Connection, watchMetered } from "./metered.ts";
import { Notices } from "./notices.ts";
import { poll } from "./poll.ts";
import { openPreferences } from "./preferences.ts";
import { Router } from "./router.ts";
import { SessionStore } from "./session-store.ts";

const sessionIntervalMs = 5 * 60_000;

/** What was made before the client was there. */
export type Early = Pick<App, "resume" | "languages" | "opener"> & { readonly storage: DeviceStorage };

function createApp({ storage, ...early }: Early): App {
  const api = createApi();
  const notices = new Notices();
  const library = new LibraryStore(api, Date.now);
  // The store itself shows what went wrong.
  const refresh = () => void library.refresh().catch(() => {});
  return {
    ...early,
    api,
    notices,
    library,
    router: new Router(),
    session: new SessionStore(api, notices),
    queue: new AddQueue(api, () => performance.now(), refresh),
    preferences: openPreferences(storage, document.documentElement, Math.random),
    metered: watchMetered((navigator as { connection?: Connection }).connection),
    title: signal(""),
    keyListOpen: signal(false),
    subtitlesChanged: signal(0),
  };
}

/** Signs in by the admin link that this page was opened with, if it was. */
async function useAdminLink(app: App): Promise<void> {
  const key = takeAdminKey(location, history);
  if (key !== "") await app.session.signIn(key);
}

function showTitle(app: App): void {
  const progress = wholeProgress(app.queue.items.value);
  const parts = [progress === null ? "" : formatPercent(progress), app.title.value, "Shoal"];
  document.title = parts.filter((part) => part !== "").join(" · ");
}

/** Shows the client, and keeps it running. */
export function start(early: Early): void {
  const root = document.getElementById("app");
  if (root === null) throw new Error("index.html has no #app");
  const app = createApp(early);
  const admin = useAdminLink(app);
  window.addEventListener("hashchange", () => void useAdminLink(app));
  window.addEventListener("beforeunload", (event) => {
    if (app.queue.isSending.value) event.preventDefault();
  });
  effect(() => showTitle(app));
  poll({
    run: async () => {
      await admin;
      await app.session.refresh();
    },
    intervalMs: () => sessionIntervalMs,
    page: document,
  });
  render(h(AppRoot, { app }), root);
}
