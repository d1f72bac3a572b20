import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";
import { keyFrom } from "../api/session.ts";
import { useApp } from "./app-context.ts";

/** Signs this device in by an admin link or a token. */
export function SignInForm() {
  const { session } = useApp();
  const text = useSignal("");
  const problem = useSignal("");
  const busy = useSignal(false);
  const fieldId = useId();
  const submit = async (event: Event) => {
    event.preventDefault();
    const key = keyFrom(text.value);
    if (key === "") {
      problem.value = "This is no admin link. It ends with #key= and many letters.";
      return;
    }
    problem.value = "";
    busy.value = true;
    if (await session.signIn(key)) text.value = "";
    busy.value = false;
  };
  return (
    <form class="sign-in" onSubmit={(event) => void submit(event)}>
      <label for={fieldId}>Admin link or token</label>
      <div class="field-row">
        <input
          id={fieldId}
          class="field"
          type="password"
          autocomplete="off"
          spellcheck={false}
          required
          value={text.value}
          onInput={(event) => {
            text.value = event.currentTarget.value;
          }}
        />
        <button type="submit" class="button primary" disabled={busy.value}>
          Sign in
        </button>
      </div>
      <p class="problem" role="alert">
        {problem.value}
      </p>
    </form>
  );
}
