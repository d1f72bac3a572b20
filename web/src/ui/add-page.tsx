import { useId } from "preact/hooks";
import { type AddItem, isOpen } from "./add-queue.ts";
import { announcementFor, lineFor, type Step, stepsOf } from "./add-steps.ts";
import { useApp } from "./app-context.ts";
import { CheckIcon, UploadIcon } from "./icons.tsx";
import { tellOfLeft } from "./left-subtitles.ts";
import { SignInForm } from "./sign-in-form.tsx";
import { useTitle } from "./use-title.ts";
import { WatchedPanel } from "./watched-panel.tsx";

/** Adds videos: the drop zone, and every file's way into the library. */
export function AddPage() {
  const { session } = useApp();
  useTitle("Add");
  return (
    <>
      <div class="page-head">
        <h1 tabIndex={-1}>Add</h1>
      </div>
      {session.current.value !== null && (session.mayAdd.value ? <Queue /> : <WhoMayAdd />)}
    </>
  );
}

function WhoMayAdd() {
  return (
    <section class="panel prose">
      <h2>Only the admin of this box can add videos</h2>
      <p>
        Are you the admin? Open the admin link that the box printed when it started. Or run{" "}
        <code>shoal link</code> on the box for a new one, and open that on this device.
      </p>
      <p>Everybody else: ask the admin to add the video, or to open the link here.</p>
      <SignInForm />
    </section>
  );
}

function Queue() {
  const { queue, session } = useApp();
  const items = queue.items.value;
  const ended = items.some((item) => !isOpen(item));
  return (
    <>
      <Chooser compact={items.length > 0} />
      {items.length > 0 && (
        <section aria-labelledby="files">
          <div class="section-head">
            <h2 id="files">Files</h2>
            {ended && (
              <button type="button" class="button quiet" onClick={() => queue.clearEnded()}>
                Clear the finished ones
              </button>
            )}
          </div>
          <ul class="queue">
            {items.map((item) => (
              <li key={item.key}>
                <Row item={item} />
              </li>
            ))}
          </ul>
          {queue.isSending.value && (
            <p class="hint">
              Keep this page open until everything is sent. If it closes all the same, add the file again
              within a day: it goes on where it ended.
            </p>
          )}
        </section>
      )}
      {session.mayChange.value && <WatchedPanel />}
    </>
  );
}

function Chooser(props: { compact: boolean }) {
  const { queue, notices } = useApp();
  const fieldId = useId();
  return (
    <div class={props.compact ? "chooser compact" : "chooser"}>
      <UploadIcon />
      <div>
        <p class="chooser-title">Drop videos here</p>
        <p class="hint">Films, clips, recordings, sound alone; subtitles named as their film come along.</p>
      </div>
      <input
        id={fieldId}
        class="visually-hidden"
        type="file"
        multiple
        onChange={(event) => {
          const field = event.currentTarget;
          tellOfLeft(notices, queue.add([...(field.files ?? [])]));
          // The same file may be chosen again.
          field.value = "";
        }}
      />
      <label for={fieldId} class="button primary">
        Choose files
      </label>
    </div>
  );
}

function Row({ item }: { item: AddItem }) {
  const name = item.video?.title ?? item.file.name;
  return (
    <article class="queue-item">
      <div class="queue-head">
        <h3 class="queue-name" title={item.file.name}>
          {name}
        </h3>
        <RowActions item={item} />
      </div>
      {item.phase !== "known" && <Steps steps={stepsOf(item)} />}
      <p class={item.phase === "failed" ? "queue-line problem" : "queue-line"}>{lineFor(item)}</p>
      {item.subtitles.length > 0 && (
        <p class="queue-line">Subtitles: {item.subtitles.map(({ name }) => name).join(", ")}</p>
      )}
      {item.subtitleProblems.map((problem) => (
        <p key={problem} class="queue-line problem" role="alert">
          {problem}
        </p>
      ))}
      {/* Numbers change too often to be read out. */}
      <p class="visually-hidden" role="status">
        {announcementFor(item)}
      </p>
    </article>
  );
}

function RowActions({ item }: { item: AddItem }) {
  const { queue } = useApp();
  const { phase, video } = item;
  const href = video === null ? "" : `/watch/${encodeURIComponent(video.id)}`;
  return (
    <div class="queue-actions">
      {phase === "known" && (
        <a class="button primary" href={href}>
          Open it
        </a>
      )}
      {(phase === "preparing" || phase === "ready") && video?.playable && (
        <a class="button primary" href={href}>
          Watch now
        </a>
      )}
      {phase === "failed" && item.canRetry && (
        <button type="button" class="button" onClick={() => void queue.retry(item.key)}>
          Try again
        </button>
      )}
      {(phase === "waiting" || phase === "sending") && (
        <button type="button" class="button quiet" onClick={() => queue.pause(item.key)}>
          Pause
        </button>
      )}
      {phase === "paused" && (
        <button type="button" class="button" onClick={() => queue.resume(item.key)}>
          Go on
        </button>
      )}
      {isOpen(item) && (
        <button type="button" class="button quiet" onClick={() => void queue.cancel(item.key)}>
          Cancel
        </button>
      )}
    </div>
  );
}

function Steps({ steps }: { steps: readonly Step[] }) {
  return (
    <ol class="steps">
      {steps.map((step) => (
        <li key={step.name} class={`step ${step.state}`}>
          <span class={step.part === null ? "step-bar unknown" : "step-bar"}>
            <span class="step-fill" style={{ inlineSize: `${(step.part ?? 1) * 100}%` }} />
          </span>
          <span class="step-name">
            {step.state === "done" && <CheckIcon />}
            {step.name}
            {step.state === "done" && <span class="visually-hidden"> done</span>}
          </span>
        </li>
      ))}
    </ol>
  );
}
