import "./ui/styles/base.css";
import "./ui/styles/shell.css";
import "./ui/styles/library.css";
import "./ui/styles/add.css";
import "./ui/styles/watch.css";
import "./ui/styles/panels.css";
import { effect, signal } from "@preact/signals";
import { h, render } from "preact";
import { createApi } from "./api/api.ts";
import { openDeviceStorage } from "./player/device-storage.ts";
import { LanguageMemory } from "./player/language-memory.ts";
import { ResumeStore } from "./player/resume-store.ts";
import { AddQueue } from "./ui/add-queue.ts";
import { wholeProgress } from "./ui/add-steps.ts";
import { takeAdminKey } from "./ui/admin-link.ts";
import { AppRoot } from "./ui/app.tsx";
import type { App } from "./ui/app-context.ts";
import { formatPercent } from "./ui/format.ts";
import { LibraryStore } from "./ui/library-store.ts";
import { loadPlayer } from "./ui/load-player.ts";
import { Notices } from "./ui/notices.ts";
import { poll } from "./ui/poll.ts";
import { openPreferences } from "./ui/preferences.ts";
import { Router } from "./ui/router.ts";
import { SessionStore } from "./ui/session-store.ts";

const sessionIntervalMs = 5 * 60_000;

function createApp(): App {
  const api = createApi();
  const storage = openDeviceStorage();
  const notices = new Notices();
  const library = new LibraryStore(api, Date.now);
  // The store itself shows what went wrong.
  const refresh = () => void library.refresh().catch(() => {});
  return {
    api,
    notices,
    library,
    router: new Router(),
    session: new SessionStore(api, notices),
    queue: new AddQueue(api, () => performance.now(), refresh),
    resume: new ResumeStore(storage, Date.now),
    languages: new LanguageMemory(storage),
    preferences: openPreferences(storage, document.documentElement),
    title: signal(""),
    keyListOpen: signal(false),
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

function start(root: HTMLElement): void {
  const app = createApp();
  // Before anything is rendered, because a viewer waits for it.
  if (app.router.route.value.page === "watch") void loadPlayer().catch(() => {});
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

const root = document.getElementById("app");
if (root === null) throw new Error("index.html has no #app");
start(root);
