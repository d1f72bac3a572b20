import type { IngestJob } from "../../api/status.ts";
import { useApp } from "../app-context.ts";
import { formatPercent } from "../format.ts";

const stageWords: Readonly<Record<string, string>> = {
  receive: "Arriving",
  check: "Checking",
  prepare: "Preparing",
  copy: "Copying",
};

/** The videos that are on their way. */
export function WorkPanel({ jobs }: { jobs: readonly IngestJob[] }) {
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
