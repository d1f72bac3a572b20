import { type Signal, useSignal } from "@preact/signals";
import { useEffect, useId } from "preact/hooks";
import { messageOf } from "../api/request.ts";
import type { Subtitles, SubtitlesFacts } from "../api/subtitles.ts";
import { isBusy } from "../api/video.ts";
import { languageName } from "../player/tracks.ts";
import { useApp } from "./app-context.ts";
import { Dialog } from "./dialog.tsx";
import type { VideoDialogProps } from "./video-dialogs.tsx";

/** Languages to choose from; any other can stand in the file's name. */
const languages =
  "ar bg ca cs da de el en es et eu fa fi fr he hi hr hu id is it ja ko lt lv nb nl pl pt pt-BR ro ru sk sl sr sv th tr uk vi zh-Hans zh-Hant".split(
    " ",
  );

/** How old files may be written, by the names that the box knows. */
const encodings: readonly (readonly [name: string, label: string])[] = [
  ["windows-1252", "Western"],
  ["windows-1250", "Central European"],
  ["windows-1251", "Cyrillic"],
  ["windows-1253", "Greek"],
  ["windows-1254", "Turkish"],
  ["windows-1255", "Hebrew"],
  ["windows-1256", "Arabic"],
  ["gb18030", "Chinese, simplified"],
  ["big5", "Chinese, traditional"],
  ["shift_jis", "Japanese"],
  ["euc-kr", "Korean"],
];

/** Lists, adds and removes the subtitles of a video. onChanged is called when there are others. */
export function SubtitlesDialog(props: VideoDialogProps & { onChanged: () => void }) {
  const { api } = useApp();
  const { video } = props;
  const list = useSignal<readonly Subtitles[] | null>(null);
  const problem = useSignal("");
  const refresh = async () => {
    try {
      list.value = video.playable ? await api.listSubtitles(video.id) : [];
    } catch (error) {
      problem.value = messageOf(error);
    }
  };
  const changed = () => {
    void refresh();
    props.onChanged();
  };
  useEffect(() => void refresh(), []);
  return (
    <Dialog title="Subtitles" onClose={props.onClose}>
      {list.value !== null && (
        <SubtitlesList video={video.id} list={list.value} problem={problem} onChanged={changed} />
      )}
      <AddForm id={video.id} busy={isBusy(video)} problem={problem} onAdded={changed} />
      <p class="problem" role="alert">
        {problem.value}
      </p>
    </Dialog>
  );
}

interface ListProps {
  readonly video: string;
  readonly list: readonly Subtitles[];
  readonly problem: Signal<string>;
  readonly onChanged: () => void;
}

function SubtitlesList({ video, list, problem, onChanged }: ListProps) {
  const { api } = useApp();
  const remove = async (id: string) => {
    problem.value = "";
    try {
      await api.removeSubtitles(video, id);
      onChanged();
    } catch (error) {
      problem.value = messageOf(error);
    }
  };
  if (list.length === 0) return <p class="hint">This video has none.</p>;
  return (
    <ul class="subtitles">
      {list.map((entry) => (
        <li key={entry.id}>
          <span class="any-length">
            {titleOf(entry)}
            <span class="hint"> · {entry.added ? "added" : "from the film"}</span>
          </span>
          <button
            type="button"
            class="button quiet"
            aria-label={`Remove ${titleOf(entry)}`}
            onClick={() => void remove(entry.id)}
          >
            Remove
          </button>
        </li>
      ))}
    </ul>
  );
}

/** What subtitles are called in a list. */
export function titleOf({ language, name, forced }: Subtitles): string {
  const parts = [language === "" ? "" : languageName(language), name, forced ? "forced" : ""];
  return parts.filter((part) => part !== "").join(", ") || "Unknown language";
}

interface AddFormProps {
  readonly id: string;
  /** Whether the video is still prepared, so that what is added shows later. */
  readonly busy: boolean;
  readonly problem: Signal<string>;
  readonly onAdded: () => void;
}

function AddForm({ id, busy, problem, onAdded }: AddFormProps) {
  const { api } = useApp();
  const file = useSignal<File | null>(null);
  const facts = useSignal<SubtitlesFacts>({});
  const sending = useSignal(false);
  const said = useSignal("");
  const note = (more: SubtitlesFacts) => {
    const known = Object.entries({ ...facts.value, ...more }).filter(([, value]) => value !== "");
    facts.value = Object.fromEntries(known);
  };
  const add = async (event: Event) => {
    event.preventDefault();
    if (file.value === null) return;
    [problem.value, said.value, sending.value] = ["", "", true];
    try {
      const added = await api.addSubtitles(id, file.value, facts.value);
      said.value = addedText(file.value.name, added);
      file.value = null;
      onAdded();
    } catch (error) {
      problem.value = messageOf(error);
    }
    sending.value = false;
  };
  return (
    <form class="subtitles-form" onSubmit={(event) => void add(event)}>
      <FileChoice file={file} />
      {file.value !== null && <Facts note={note} />}
      {busy && <p class="hint">The video has them once it is ready.</p>}
      <p class="hint" role="status">
        {said.value}
      </p>
      <div class="dialog-actions">
        <button type="submit" class="button primary" disabled={file.value === null || sending.value}>
          Add
        </button>
      </div>
    </form>
  );
}

function addedText(name: string, added: { waiting: boolean; duplicate: boolean }): string {
  if (added.duplicate) return `“${name}” was there already.`;
  return added.waiting ? `“${name}” is added, and shows once the video is ready.` : `“${name}” is added.`;
}

function FileChoice({ file }: { file: Signal<File | null> }) {
  const fieldId = useId();
  return (
    <div class="subtitles-file">
      <input
        id={fieldId}
        class="visually-hidden"
        type="file"
        accept=".srt,.vtt,.ass,.ssa"
        onChange={(event) => {
          file.value = event.currentTarget.files?.[0] ?? null;
          event.currentTarget.value = "";
        }}
      />
      <label for={fieldId} class="button">
        {file.value === null ? "Choose a file" : "Another file"}
      </label>
      <span class="hint any-length">{file.value?.name ?? "SubRip (.srt), WebVTT (.vtt), ASS or SSA"}</span>
    </div>
  );
}

function Facts({ note }: { note: (more: SubtitlesFacts) => void }) {
  const ids = { language: useId(), name: useId(), encoding: useId() };
  return (
    <>
      <label for={ids.language}>Language</label>
      <select
        id={ids.language}
        class="field"
        onChange={(event) => note({ language: event.currentTarget.value })}
      >
        <option value="">As the file's name says</option>
        {languages
          .map((tag) => ({ tag, name: languageName(tag) }))
          .toSorted((a, b) => a.name.localeCompare(b.name))
          .map(({ tag, name }) => (
            <option key={tag} value={tag}>
              {name}
            </option>
          ))}
      </select>
      <label for={ids.name}>Label, if it needs one</label>
      <input
        id={ids.name}
        class="field"
        maxLength={100}
        autocomplete="off"
        onInput={(event) => note({ name: event.currentTarget.value.trim() })}
      />
      <label for={ids.encoding}>Letters</label>
      <select
        id={ids.encoding}
        class="field"
        onChange={(event) => note({ encoding: event.currentTarget.value })}
      >
        <option value="">Found out by the box</option>
        {encodings.map(([name, label]) => (
          <option key={name} value={name}>
            {label}
          </option>
        ))}
      </select>
    </>
  );
}
