import { useEffect, useRef } from "preact/hooks";
import { type SortOrder, sortOrders } from "../api/api.ts";
import type { Video } from "../api/video.ts";
import { useApp } from "./app-context.ts";
import { formatAgo } from "./format.ts";
import { AddIcon, LibraryIcon, SearchIcon, WarningIcon } from "./icons.tsx";
import type { LibraryList } from "./library-store.ts";
import { StatePanel } from "./state-panel.tsx";
import { usePlayerAhead } from "./use-player-ahead.ts";
import { usePoll } from "./use-poll.ts";
import { useTitle } from "./use-title.ts";
import { VideoCard } from "./video-card.tsx";

const sortNames: Readonly<Record<SortOrder, string>> = {
  new: "Newest first",
  title: "By title",
  duration: "By length",
};

const maxToContinue = 6;

/** All videos, what was begun, and the search. */
export function LibraryPage() {
  const { library } = useApp();
  useTitle("");
  usePlayerAhead(library.list.value !== null);
  usePoll(
    (signal) => library.refresh(signal),
    () => library.intervalMs(),
    `${library.sort.value} ${library.search.value}`,
  );
  return (
    <>
      <div class="page-head">
        <h1 tabIndex={-1}>Library</h1>
        <Tools />
      </div>
      <Content />
    </>
  );
}

function Tools() {
  const { library } = useApp();
  return (
    <search class="tools">
      <SearchField />
      <label class="visually-hidden" for="sort">
        Order
      </label>
      <select
        id="sort"
        class="field"
        value={library.sort.value}
        onChange={(event) => {
          const chosen = sortOrders.find((order) => order === event.currentTarget.value);
          if (chosen !== undefined) library.sort.value = chosen;
        }}
      >
        {sortOrders.map((order) => (
          <option key={order} value={order}>
            {sortNames[order]}
          </option>
        ))}
      </select>
    </search>
  );
}

const typingPauseMs = 150;

function SearchField() {
  const { library } = useApp();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <div class="search">
      <label class="visually-hidden" for="search">
        Search
      </label>
      <SearchIcon />
      <input
        id="search"
        class="field"
        type="search"
        placeholder="Search"
        autocomplete="off"
        defaultValue={library.search.value}
        onInput={(event) => {
          const text = event.currentTarget.value.trim();
          clearTimeout(timer.current);
          timer.current = setTimeout(() => {
            library.search.value = text;
          }, typingPauseMs);
        }}
      />
      <span class="search-key" aria-hidden="true">
        /
      </span>
    </div>
  );
}

function Content() {
  const { library } = useApp();
  const list = library.list.value;
  const error = library.error.value;
  if (list === null) return error === null ? <Skeleton /> : <Unreachable error={error} />;
  return (
    <>
      <div role="status">
        {error !== null && (
          <p class="strip">
            {error} Shown from {formatAgo(list.at, Date.now())}. Trying again…
          </p>
        )}
      </div>
      {list.videos.length === 0 ? <Empty search={list.search} /> : <Lists list={list} />}
    </>
  );
}

function Lists({ list }: { list: LibraryList }) {
  const { resume } = useApp();
  const byId = new Map(list.videos.map((video) => [video.id, video]));
  const begun = resume.all().flatMap(([id]) => byId.get(id) ?? []);
  const toContinue =
    list.search === "" ? begun.filter((video) => video.playable).slice(0, maxToContinue) : [];
  return (
    <>
      {toContinue.length > 0 && (
        <section aria-labelledby="continue">
          <h2 id="continue">Continue watching</h2>
          <Grid videos={toContinue} look="grid row" />
        </section>
      )}
      <section aria-labelledby="all">
        <h2 id="all" class={toContinue.length > 0 ? "" : "visually-hidden"}>
          {list.search === "" ? "All videos" : `Found for “${list.search}”`}
        </h2>
        <Grid videos={list.videos} look="grid" />
        {list.next !== null && <More />}
      </section>
    </>
  );
}

function Grid({ videos, look }: { videos: readonly Video[]; look: string }) {
  const { resume, session } = useApp();
  return (
    <ul class={look}>
      {videos.map((video) => (
        <li key={video.id}>
          <VideoCard
            video={video}
            resume={resume.get(video.id)}
            // A row that is swiped would cut off an open menu.
            mayChange={session.mayChange.value && look === "grid"}
          />
        </li>
      ))}
    </ul>
  );
}

/** Loads the next page when it comes near, and by a press. */
function More() {
  const { library } = useApp();
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => {
    if (button.current === null) return;
    const near = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) void library.loadMore();
      },
      { rootMargin: "600px" },
    );
    near.observe(button.current);
    return () => near.disconnect();
  }, [library.list.value?.next]);
  return (
    <p class="more">
      <button ref={button} type="button" class="button" onClick={() => void library.loadMore()}>
        Show more
      </button>
    </p>
  );
}

function Skeleton() {
  return (
    <div class="skeleton" aria-busy="true">
      <p class="skeleton-words" role="status">
        Loading the library…
      </p>
      <ul class="grid" aria-hidden="true">
        {Array.from({ length: 8 }, (_, index) => (
          <li key={index} class="card">
            <div class="card-poster" />
            <div class="skeleton-line" />
            <div class="skeleton-line short" />
          </li>
        ))}
      </ul>
    </div>
  );
}

function Unreachable({ error }: { error: string }) {
  const { library } = useApp();
  return (
    <StatePanel
      icon={<WarningIcon />}
      title="The library cannot be shown"
      action={
        <button type="button" class="button primary" onClick={() => void library.refresh().catch(() => {})}>
          Try again
        </button>
      }
    >
      <p>{error}</p>
      <p>This page tries again by itself.</p>
    </StatePanel>
  );
}

function Empty({ search }: { search: string }) {
  const { library, session } = useApp();
  if (search !== "") {
    const clear = () => {
      library.search.value = "";
      const field = document.querySelector<HTMLInputElement>("#search");
      if (field !== null) field.value = "";
    };
    return (
      <StatePanel
        icon={<SearchIcon />}
        title="Nothing found"
        action={
          <button type="button" class="button" onClick={clear}>
            Show all videos
          </button>
        }
      >
        <p class="any-length">No title has “{search}” in it.</p>
      </StatePanel>
    );
  }
  if (!session.mayAdd.value) {
    return (
      <StatePanel
        icon={<LibraryIcon />}
        title="Nothing here yet"
        action={
          <a class="button" href="/add">
            I am the admin
          </a>
        }
      >
        <p>The admin of this box can add videos. They appear here by themselves.</p>
      </StatePanel>
    );
  }
  return (
    <StatePanel
      icon={<LibraryIcon />}
      title="Add your first video"
      action={
        <a class="button primary" href="/add">
          <AddIcon /> Add a video
        </a>
      }
    >
      <p>Drop a file anywhere on this page, or choose one.</p>
    </StatePanel>
  );
}
