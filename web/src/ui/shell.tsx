import type { ComponentChildren } from "preact";
import { wholeProgress } from "./add-steps.ts";
import { useApp } from "./app-context.ts";
import { DropZone } from "./drop-zone.tsx";
import { formatPercent } from "./format.ts";
import {
  AddIcon,
  CheckIcon,
  CloseIcon,
  LibraryIcon,
  NetworkIcon,
  SettingsIcon,
  WarningIcon,
} from "./icons.tsx";
import { KeyListDialog } from "./key-list.tsx";
import { Wordmark } from "./logo.tsx";
import type { NoticeAction } from "./notices.ts";
import { usePageKeys } from "./page-keys.ts";
import type { Route } from "./route.ts";

interface Place {
  readonly page: Route["page"];
  readonly path: string;
  readonly name: string;
  readonly icon: ComponentChildren;
}

const places: readonly Place[] = [
  { page: "library", path: "/", name: "Library", icon: <LibraryIcon /> },
  { page: "add", path: "/add", name: "Add", icon: <AddIcon /> },
  { page: "network", path: "/network", name: "Network", icon: <NetworkIcon /> },
  { page: "settings", path: "/settings", name: "Settings", icon: <SettingsIcon /> },
];

/** The frame around every page: the places to go, one message at a time, the page itself. */
export function Shell(props: { children: ComponentChildren }) {
  const { session } = useApp();
  usePageKeys();
  const node = session.current.value?.node.name ?? "";
  return (
    <>
      <a class="skip-link" href="#main">
        Skip to the page
      </a>
      <header class="rail">
        <a class="rail-home" href="/" aria-label="Shoal, library">
          <Wordmark />
        </a>
        <nav class="places" aria-label="Places">
          {places.map((place) => (
            <PlaceLink key={place.path} place={place} />
          ))}
        </nav>
        <p class="rail-foot">
          {node !== "" && (
            <span class="rail-node" title={node}>
              {node}
            </span>
          )}
          {session.mayAdd.value && <span>{session.mayChange.value ? "You are admin" : "You may add"}</span>}
        </p>
      </header>
      <main id="main" class="main" tabIndex={-1}>
        <NoticeBar />
        {props.children}
      </main>
      <DropZone />
      <KeyListDialog />
    </>
  );
}

function PlaceLink({ place }: { place: Place }) {
  const { router, queue } = useApp();
  const { page } = router.route.value;
  // The way to the trash leads through the settings.
  const here = place.page === (page === "trash" ? "settings" : page);
  const progress = place.page === "add" ? wholeProgress(queue.items.value) : null;
  return (
    <a class="place" href={place.path} {...(here ? { "aria-current": "page" as const } : {})}>
      {place.icon}
      <span class="place-name">{place.name}</span>
      {progress !== null && <span class="place-progress">{formatPercent(progress)}</span>}
    </a>
  );
}

function NoticeButton({ action }: { action: NoticeAction }) {
  const { notices } = useApp();
  const press = () => {
    notices.dismiss();
    action.run();
    // The button is gone with its notice.
    document.querySelector<HTMLElement>("main h1")?.focus({ preventScroll: true });
  };
  return (
    <button type="button" class="button" onClick={press}>
      {action.label}
    </button>
  );
}

function NoticeBar() {
  const { notices } = useApp();
  const notice = notices.current.value;
  return (
    <div class="notice-slot" role="status">
      {notice !== null && (
        <div class={`notice ${notice.kind}`}>
          {notice.kind === "good" ? <CheckIcon /> : <WarningIcon />}
          <p>{notice.text}</p>
          {notice.action !== null && <NoticeButton action={notice.action} />}
          <button type="button" class="icon-button" aria-label="Dismiss" onClick={() => notices.dismiss()}>
            <CloseIcon />
          </button>
        </div>
      )}
    </div>
  );
}
