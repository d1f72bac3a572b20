import { useSignal } from "@preact/signals";
import { messageOf } from "../api/request.ts";
import type { IngestJob, Status } from "../api/status.ts";
import { useApp } from "./app-context.ts";
import { formatBytes, formatCount, formatPercent } from "./format.ts";
import { CheckIcon, WarningIcon } from "./icons.tsx";
import { StatePanel } from "./state-panel.tsx";
import { usePoll } from "./use-poll.ts";
import { useTitle } from "./use-title.ts";
import { ViewersPanel, videosWatched } from "./viewers-panel.tsx";

const lookEveryMs = 3000;

const stageWords: Readonly<Record<string, string>> = {
  receive: "Arriving",
  check: "Checking",
  prepare: "Preparing",
  copy: "Copying",
};

/** How the box is: its disk, what it works on, what needs attention. */
export function NetworkPage() {
  const { api } = useApp();
  const status = useSignal<Status | null>(null);
  const error = useSignal<string | null>(null);
  useTitle("Network");
  const look = async (signal?: AbortSignal) => {
    try {
      status.value = await api.getStatus(signal);
      error.value = null;
    } catch (reason) {
      signal?.throwIfAborted();
      error.value = messageOf(reason);
      throw reason;
    }
  };
  usePoll(look, () => lookEveryMs, "");
  return (
    <>
      <div class="page-head">
        <h1 tabIndex={-1}>Network</h1>
      </div>
      <div role="status">
        {status.value !== null && error.value !== null && <p class="strip">{error.value} Trying again…</p>}
      </div>
      {status.value !== null && <Overview status={status.value} />}
      {status.value === null && error.value !== null && (
        <StatePanel
          icon={<WarningIcon />}
          title="The box does not say how it is"
          action={
            <button type="button" class="button primary" onClick={() => void look().catch(() => {})}>
              Try again
            </button>
          }
        >
          <p>{error.value}</p>
        </StatePanel>
      )}
    </>
  );
}

function Overview({ status }: { status: Status }) {
  return (
    <>
      <ul class="facts">
        <li>
          <strong>{formatCount(status.library.videos, "video")}</strong>
          <span>{formatBytes(status.library.bytes)} in the library</span>
        </li>
        <li>
          <strong>1 machine</strong>
          <span>{formatBytes(status.node.free)} free</span>
        </li>
        <li>
          <strong>{formatCount(status.viewers.length, "viewer")}</strong>
          <span>{watchedWords(videosWatched(status.viewers).length)}</span>
        </li>
      </ul>
      <Warnings warnings={status.warnings} />
      <NodeCard status={status} />
      <ViewersPanel viewers={status.viewers} />
      {status.ingest.length > 0 && <Work jobs={status.ingest} />}
    </>
  );
}

function watchedWords(videos: number): string {
  return videos > 1 ? `watching ${formatCount(videos, "video")}` : "watching now";
}

function Warnings({ warnings }: { warnings: readonly string[] }) {
  if (warnings.length === 0) {
    return (
      <p class="all-well">
        <CheckIcon /> All is well.
      </p>
    );
  }
  return (
    <section class="panel warnings" aria-labelledby="attention">
      <h2 id="attention">Needs attention</h2>
      <ul>
        {warnings.map((warning) => (
          <li key={warning}>
            <WarningIcon />
            <span class="any-length">{warning}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function NodeCard({ status }: { status: Status }) {
  const { node } = status;
  const room = node.used + node.free;
  const part = room > 0 ? node.used / room : 0;
  return (
    <section class="panel node" aria-labelledby="node">
      <div class="section-head">
        <h2 id="node" class="any-length">
          {node.name || "This box"}
        </h2>
        <span class="pill">{node.self ? "This box" : node.state}</span>
      </div>
      <div class="meter" aria-hidden="true">
        <span class="meter-fill" style={{ inlineSize: `${part * 100}%` }} />
      </div>
      <dl class="node-facts">
        <div>
          <dt>Used</dt>
          <dd>{formatBytes(node.used)}</dd>
        </div>
        <div>
          <dt>Free</dt>
          <dd>{formatBytes(node.free)}</dd>
        </div>
        {node.capacity > 0 && (
          <div>
            <dt>Shoal may use</dt>
            <dd>{formatBytes(node.capacity)}</dd>
          </div>
        )}
        <div>
          <dt>Version</dt>
          <dd class="any-length">{node.version || "unknown"}</dd>
        </div>
      </dl>
    </section>
  );
}

function Work({ jobs }: { jobs: readonly IngestJob[] }) {
  const { library } = useApp();
  const titles = new Map(library.list.value?.videos.map((video) => [video.id, video.title]));
  return (
    <section class="panel" aria-labelledby="work">
      <h2 id="work">Working on</h2>
      <ul class="work">
        {jobs.map((job) => (
          <li key={job.id}>
            <a class="any-length" href={`/watch/${encodeURIComponent(job.id)}`}>
              {titles.get(job.id) ?? "A new video"}
            </a>
            <span>
              {stageWords[job.stage] ?? "Working"} {formatPercent(job.progress)}
            </span>
          </li>
        ))}
      </ul>
    </section>
  );
}
