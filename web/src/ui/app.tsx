import { useEffect, useRef } from "preact/hooks";
import { AddPage } from "./add-page.tsx";
import { type App, AppContext, useApp } from "./app-context.ts";
import { LibraryIcon } from "./icons.tsx";
import { LibraryPage } from "./library-page.tsx";
import { NetworkPage } from "./network-page.tsx";
import { SettingsPage } from "./settings-page.tsx";
import { Shell } from "./shell.tsx";
import { StatePanel } from "./state-panel.tsx";
import { TrashPage } from "./trash-page.tsx";
import { useTitle } from "./use-title.ts";
import { WatchPage } from "./watch-page.tsx";

/** The whole client. */
export function AppRoot(props: { app: App }) {
  return (
    <AppContext.Provider value={props.app}>
      <Shell>
        <Page />
      </Shell>
    </AppContext.Provider>
  );
}

function Page() {
  const route = useApp().router.route.value;
  useFocusOnArrival();
  switch (route.page) {
    case "library":
      return <LibraryPage />;
    case "watch":
      return <WatchPage key={route.id} id={route.id} />;
    case "add":
      return <AddPage />;
    case "network":
      return <NetworkPage />;
    case "settings":
      return <SettingsPage />;
    case "trash":
      return <TrashPage />;
    case "nowhere":
      return <NowherePage />;
  }
}

/** Moves the focus into a new page. */
function useFocusOnArrival(): void {
  const { router } = useApp();
  const route = router.route.value;
  const first = useRef(true);
  useEffect(() => {
    if (!first.current) {
      const wanted = document.querySelector<HTMLElement>(router.arrivalFocus);
      (wanted ?? document.querySelector<HTMLElement>("main"))?.focus({ preventScroll: true });
    }
    first.current = false;
  }, [route]);
}

function NowherePage() {
  useTitle("Not found");
  return (
    <StatePanel
      level={1}
      icon={<LibraryIcon />}
      title="There is nothing at this address"
      action={
        <a class="button primary" href="/">
          To the library
        </a>
      }
    />
  );
}
