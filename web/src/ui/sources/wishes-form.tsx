import { useSignal } from "@preact/signals";
import { useId } from "preact/hooks";
import { maxNameLength, type ShareChoice, shareChoices, tidyName } from "../../swarm/wishes.ts";
import { useApp } from "../app-context.ts";

const shareNames: Readonly<Record<ShareChoice, string>> = {
  off: "Off",
  lan: "Same network",
  all: "Everyone",
};

const effects: Readonly<Record<ShareChoice, string>> = {
  off: "Your browser plays from the box alone and gives nothing to others.",
  lan: "Your browser passes parts of the film on to viewers of it on the same network; they can see this device's network address.",
  all: "Your browser passes parts of the film on to all other viewers of it; they can see this device's network address.",
};

/** The name that others see, and with whom this device shares. */
export function WishesForm() {
  const { preferences, metered } = useApp();
  const { share } = preferences;
  const group = useId();
  return (
    <div class="wishes">
      <NameField />
      <fieldset class="segments" aria-describedby={`${group}-effect`}>
        <legend>Share with</legend>
        <div class="segments-row">
          {shareChoices.map((choice) => (
            <label key={choice}>
              <input
                type="radio"
                name={group}
                checked={share.value === choice}
                onChange={() => {
                  share.value = choice;
                }}
              />
              <span>{shareNames[choice]}</span>
            </label>
          ))}
        </div>
      </fieldset>
      <p class="hint" id={`${group}-effect`}>
        {effects[share.value]}
        {metered.value &&
          share.value !== "off" &&
          " On this connection, which may cost by the byte, it only takes and gives nothing."}
      </p>
    </div>
  );
}

/** What is typed counts once it is done; an empty field keeps the name that was. */
function NameField() {
  const { name } = useApp().preferences;
  const said = useSignal("");
  const id = useId();
  return (
    <div class="wishes-name">
      <label for={id}>Others see you as</label>
      <input
        id={id}
        class="field"
        type="text"
        maxLength={maxNameLength}
        autocomplete="nickname"
        spellcheck={false}
        value={name.value}
        onChange={(event) => {
          const typed = tidyName(event.currentTarget.value);
          said.value = typed === "" || typed === name.value ? "" : "Kept on this device.";
          name.value = typed || name.value;
          event.currentTarget.value = name.value;
        }}
      />
      <span class="hint" role="status">
        {said.value}
      </span>
    </div>
  );
}
