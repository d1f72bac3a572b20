import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { Viewer } from "../../api/status.ts";
import { useApp } from "../app-context.ts";
import { formatBytes, formatCount } from "../format.ts";

/** How many viewers are listed before the rest is only counted. */
const fewViewers = 20;
/** Rows beyond this slow the page down more than they tell. */
const mostViewers = 500;

/** Who watches what, and how they get it. No addresses: what others may know of a viewer is the chosen name. */
export function ViewersPanel({ viewers }: { viewers: readonly Viewer[] }) {
  const all = useSignal(false);
  const shown = inOrder(viewers).slice(0, all.value ? mostViewers : fewViewers);
  const titles = useTitles(videosWatched(shown));
  const more = viewers.length - shown.length;
  return (
    <section class="panel" aria-labelledby="viewers">
      <h2 id="viewers">People watching</h2>
      {viewers.length === 0 && (
        <p class="hint">Nobody is watching just now. Who opens a video shows up here.</p>
      )}
      <ul class="viewers">
        {shown.map((viewer) => (
          <ViewerRow key={viewer.id} viewer={viewer} title={titles.value.get(viewer.video)} />
        ))}
      </ul>
      {more > 0 && !all.value && (
        <button
          type="button"
          class="button viewers-more"
          onClick={() => {
            all.value = true;
          }}
        >
          and {more} more
        </button>
      )}
      {more > 0 && all.value && <p class="hint viewers-more">and {more} more</p>}
    </section>
  );
}

const { compare } = new Intl.Collator("en", { numeric: true });

/** By video, so that those who may share stand together, and then by name; ids keep equal names in their places. */
function inOrder(viewers: readonly Viewer[]): Viewer[] {
  return viewers.toSorted(
    (a, b) => compare(a.video, b.video) || compare(a.name, b.name) || compare(a.id, b.id),
  );
}

/** The ids of what is watched, each once. */
export function videosWatched(viewers: readonly Viewer[]): string[] {
  return [...new Set(viewers.map(({ video }) => video))].filter((video) => video !== "");
}

function ViewerRow({ viewer, title }: { viewer: Viewer; title: string | undefined }) {
  return (
    <li>
      <p class="viewer-who">
        <strong class="any-length">{viewer.name || "Guest"}</strong>
        {viewer.video !== "" && (
          <>
            {" watches "}
            <a class="any-length" href={`/watch/${encodeURIComponent(viewer.video)}`}>
              {title ?? "a video"}
            </a>
          </>
        )}
      </p>
      <p class="viewer-how">{viewerWords(viewer)}</p>
    </li>
  );
}

/** How they get it: "14 s ahead · 3 peers · 12 MB from the box · 40 MB from devices · gave nothing". */
export function viewerWords({ bufferSeconds, peers, bytes }: Viewer): string {
  return [
    `${Math.floor(bufferSeconds)} s ahead`,
    peers === 0 ? "no peers" : formatCount(peers, "peer"),
    `${amount(bytes.origin)} from the box`,
    `${amount(bytes.peers)} from devices`,
    `gave ${amount(bytes.uploaded)}`,
  ].join(" · ");
}

function amount(bytes: number): string {
  return bytes === 0 ? "nothing" : formatBytes(bytes);
}

/** The titles of videos: those in the library's list, the others asked for one by one, each once. */
function useTitles(videos: readonly string[]): Signal<ReadonlyMap<string, string>> {
  const { api, library } = useApp();
  const titles = useSignal<ReadonlyMap<string, string>>(new Map());
  useEffect(() => {
    const listed = new Map(library.list.peek()?.videos.map(({ id, title }) => [id, title]));
    const gone = new AbortController();
    const find = async () => {
      for (const id of videos) {
        if (titles.peek().has(id)) continue;
        const title = listed.get(id) ?? (await api.getVideo(id, gone.signal)).title;
        titles.value = new Map([...titles.peek(), [id, title]]);
      }
    };
    // Without a title the link still leads to the video.
    void find().catch(() => {});
    return () => gone.abort();
  }, [videos.join(" ")]);
  return titles;
}
