// Shows what is hard to bring about on a real box, such as ten peers and a failed check. The address says what:
// ?page=network&viewers=200, or any field of MadeUp. Not part of the client.
import "../../src/ui/styles/base.css";
import "../../src/ui/styles/shell.css";
import "../../src/ui/styles/watch.css";
import "../../src/ui/styles/sources.css";
import "../../src/ui/styles/panels.css";
import { signal } from "@preact/signals";
import { type ComponentChildren, h, render } from "preact";
import { readStatus } from "../../src/api/status.ts";
import { memoryStorage } from "../../src/player/device-storage.ts";
import type { PlaybackMoment } from "../../src/player/moment.ts";
import { type App, AppContext } from "../../src/ui/app-context.ts";
import { NetworkPage } from "../../src/ui/network-page.tsx";
import { openPreferences } from "../../src/ui/preferences.ts";
import { SourcesSection } from "../../src/ui/sources/sources-section.tsx";
import { type MadeUp, sharingOf, usual } from "./made-up-sharing.ts";

const asked = new URLSearchParams(location.search);

function madeUp(): MadeUp {
  const fields = Object.entries(usual).map(([key, value]) => {
    const given = asked.get(key);
    if (given === null) return [key, value];
    return [
      key,
      typeof value === "number" ? Number(given) : typeof value === "boolean" ? given !== "false" : given,
    ];
  });
  return Object.fromEntries(fields) as MadeUp;
}

function appOf(): App {
  const preferences = openPreferences(memoryStorage(), document.documentElement, () => 0.2);
  preferences.sourcesOpen.value = asked.get("folded") === null;
  if (asked.has("longNames")) preferences.name.value = "Averylongnamethatdoesnotendbeforeforty cha";
  const part: Partial<App> = {
    preferences,
    metered: signal(asked.has("metered")),
    title: signal(""),
    library: { list: signal(null) } as unknown as App["library"],
    api: {
      getStatus: async () => readStatus(status(Number(asked.get("viewers") ?? 0))),
      getVideo: async (id: string) => ({ title: `The film called ${id} `.repeat(id === "video1" ? 9 : 1) }),
    } as unknown as App["api"],
  };
  return part as App;
}

function status(viewers: number): unknown {
  return {
    node: { id: "n", name: "attic-pc", self: true, used: 4e11, free: 6e11, version: "0.1.0" },
    library: { videos: 42, bytes: 4e11 },
    viewers: Array.from({ length: viewers }, (_, i) => ({
      id: `viewer${i}`,
      name: i === 1 ? "Averylongname".repeat(3) : `Guest ${i}`,
      video: `video${i % 3}`,
      buffer_seconds: 10 + (i % 20),
      peers: i % 8,
      bytes: { origin: 3e6 * i, peers: 7e6 * i, uploaded: 5e6 * (i % 5) },
    })),
  };
}

function read(made: MadeUp, start: number): () => PlaybackMoment {
  return () => {
    const seconds = (performance.now() - start) / 1000;
    const fetched = Math.min(made.duration, made.fetched + Math.floor(seconds / 2) * 4);
    const position = Math.max(0, made.fetched - 30) + seconds;
    return {
      position,
      bufferSeconds: Math.max(0, fetched - position),
      sharing: sharingOf({ ...made, fetched }),
    };
  };
}

function page(): ComponentChildren {
  if (asked.get("page") === "network") return h(NetworkPage, {});
  const made = madeUp();
  const reader = asked.has("without") ? () => ({ position: 0, bufferSeconds: 0, sharing: null }) : null;
  return (
    <article class="watch">
      <SourcesSection
        read={reader ?? read(made, performance.now())}
        duration={made.duration}
        onSeek={(position) => {
          document.title = `sought ${position}`;
        }}
      />
    </article>
  );
}

const main = document.getElementById("main");
if (main !== null) render(<AppContext.Provider value={appOf()}>{page()}</AppContext.Provider>, main);
