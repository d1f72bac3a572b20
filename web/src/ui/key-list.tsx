import { keyNames } from "../player/key-list.ts";
import { useApp } from "./app-context.ts";
import { Dialog } from "./dialog.tsx";

/** All keys over whatever page is shown, while they are asked for. */
export function KeyListDialog() {
  const { keyListOpen } = useApp();
  if (!keyListOpen.value) return null;
  const close = () => {
    keyListOpen.value = false;
  };
  return (
    <Dialog title="Keys" wide onClose={close}>
      <KeyList />
    </Dialog>
  );
}

/** Every key with what it does, and the switch for all of them. */
export function KeyList() {
  const { preferences } = useApp();
  return (
    <>
      <label class="switch">
        <input
          type="checkbox"
          checked={preferences.keysEnabled.value}
          onChange={(event) => {
            preferences.keysEnabled.value = event.currentTarget.checked;
          }}
        />
        <span>Use these keys</span>
      </label>
      <dl class="keys">
        {keyNames.map(({ keys, effect }) => (
          <div key={effect}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{effect}</dd>
          </div>
        ))}
      </dl>
    </>
  );
}
