import "./ui/styles/base.css";
import "./ui/styles/shell.css";
import "./ui/styles/library.css";
import "./ui/styles/add.css";
import "./ui/styles/watch.css";
import "./ui/styles/sources.css";
import "./ui/styles/panels.css";
import "./ui/styles/settings.css";
import "./ui/styles/subtitles.css";
import "./player/player.css";
import { openDeviceStorage } from "./player/device-storage.ts";
import { LanguageMemory } from "./player/language-memory.ts";
import { readOpening } from "./player/opening.ts";
import { ResumeStore } from "./player/resume-store.ts";
import { FilmOpener } from "./ui/film-opener.ts";
import { loadPlayer } from "./ui/load-player.ts";
import { parseRoute } from "./ui/route.ts";

// This script is small: it asks for the beginning of the film, and everything else comes beside that.

/** How long the client waits at most until the beginning is asked for, in ms. */
const patienceMs = 300;

/** Returns once the page is read to its end. This script waits neither for that nor for the style sheet. */
async function wholePage(): Promise<void> {
  if (document.readyState !== "loading") return;
  await new Promise((resolve) => document.addEventListener("DOMContentLoaded", resolve, { once: true }));
}

async function main(): Promise<void> {
  const storage = openDeviceStorage();
  const resume = new ResumeStore(storage, Date.now);
  const languages = new LanguageMemory(storage);
  const opener = new FilmOpener(resume, languages);
  const route = parseRoute(location.pathname);
  if (route.page === "watch") {
    // The client keeps the browser busy while it starts; what is asked for before that travels meanwhile.
    const late = new Promise((resolve) => setTimeout(resolve, patienceMs));
    const opening = readOpening(document.getElementById("opening")?.textContent, location.href);
    await Promise.race([opener.open(route.id, opening), late]);
    void loadPlayer().catch(() => {});
  }
  const { start } = await import("./ui/start.ts");
  await wholePage();
  start({ storage, resume, languages, opener });
}

void main();
