import type { Chapter } from "../api/video.ts";
import { formatDuration } from "../player/duration.ts";

/** The chapters of the video that plays; a press goes there. */
export function ChapterList(props: { chapters: readonly Chapter[]; onChoose: (position: number) => void }) {
  if (props.chapters.length === 0) return null;
  return (
    <section class="chapters" aria-labelledby="chapters">
      <h2 id="chapters">Chapters</h2>
      <ol>
        {props.chapters.map(({ start, title }) => (
          <li key={`${start} ${title}`}>
            <button type="button" onClick={() => props.onChoose(start)}>
              <span>{formatDuration(start)}</span>
              <span>{title}</span>
            </button>
          </li>
        ))}
      </ol>
    </section>
  );
}
