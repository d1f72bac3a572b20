import { useSignal } from "@preact/signals";
import { useId, useRef } from "preact/hooks";
import { copyFrom } from "../player/copy-text.ts";

/** A text to take along, and a button that copies it; hint is told until then. */
export function CopyField(props: { label: string; text: string; hint?: string }) {
  const field = useRef<HTMLInputElement>(null);
  const fieldId = useId();
  const result = useSignal("");
  const copy = async () => {
    if (field.current === null) return;
    const copied = await copyFrom(field.current);
    result.value = copied ? "Copied." : "Press Ctrl+C or ⌘C to copy the marked text.";
  };
  return (
    <>
      <label for={fieldId}>{props.label}</label>
      <div class="field-row">
        <input
          id={fieldId}
          ref={field}
          class="field"
          readOnly
          value={props.text}
          onFocus={(event) => event.currentTarget.select()}
        />
        <button type="button" class="button" aria-describedby={fieldId} onClick={() => void copy()}>
          Copy
        </button>
      </div>
      <p class="hint" role="status">
        {result.value || props.hint}
      </p>
    </>
  );
}
