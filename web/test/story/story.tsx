// Shows what is hard to bring about on a real box, such as ten peers and a failed check. The address says what:
// ?page=network&viewers=200&nodes=12, or any field of MadeUp. Not part of the client.
import "../../src/ui/styles/base.css";
import "../../src/ui/styles/shell.css";
import "../../src/ui/styles/watch.css";
import "../../src/ui/styles/sources.css";
import "../../src/ui/styles/library.css";
import "../../src/ui/styles/panels.css";
import "../../src/ui/styles/settings.css";
import { signal } from "@preact/signals";
import { type ComponentChildren, render } from "preact";
import type { NetworkApi } from "../../src/api/network-api.ts";
import { memoryStorage } from "../../src/player/device-storage.ts";
import type { PlaybackMoment } from "../../src/player/moment.ts";
import { type App, AppContext } from "../../src/ui/app-context.ts";
import { NetworkBody } from "../../src/ui/network/network-body.tsx";
import { Notices } from "../../src/ui/notices.ts";
import { openPreferences } from "../../src/ui/preferences.ts";
import { SourcesSection } from "../../src/ui/sources/sources-section.tsx";
import { type MadeUpNetwork, networkOf } from "./made-up-network.ts";
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
    notices: new Notices(),
    session: { mayChange: signal(asked.has("admin")) } as unknown as App["session"],
    library: { list: signal(null) } as unknown as App["library"],
    api: {
      getVideo: async (id: string) => ({ title: `The film called ${id} `.repeat(id === "video1" ? 9 : 1) }),
    } as unknown as App["api"],
  };
  return part as App;
}

function networkApi(): NetworkApi {
  const number = (key: string, usually: number) => Number(asked.get(key) ?? usually);
  return networkOf({
    viewers: number("viewers", 0),
    nodes: number("nodes", 1),
    longNames: asked.has("longNames"),
    dead: number("dead", 0),
    drain: (asked.get("drain") ?? "") as MadeUpNetwork["drain"],
    repair: (asked.get("repair") ?? "idle") as MadeUpNetwork["repair"],
    joiners: number("joiners", 0),
    now: Date.now(),
  });
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

function networkPage(): ComponentChildren {
  return (
    <>
      <h1>Network</h1>
      <NetworkBody api={networkApi()} />
    </>
  );
}

function page(): ComponentChildren {
  if (asked.get("page") === "network") return networkPage();
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
