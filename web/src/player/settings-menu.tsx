import type { Signal } from "@preact/signals";
import { useEffect, useId, useRef } from "preact/hooks";
import { closeOnLeaving } from "./close-on-leaving.ts";
import type { Player } from "./player.ts";
import { autoQuality, type Choice, playbackRates } from "./tracks.ts";

export interface SettingsMenuProps {
  readonly player: Player;
  readonly open: Signal<boolean>;
  readonly statsOpen: Signal<boolean>;
  readonly onKeyList: () => void;
}

/** The button and panel to choose quality, sound track, subtitles and speed, and to see more. */
export function SettingsMenu(props: SettingsMenuProps) {
  const { open } = props;
  const root = useRef<HTMLDivElement>(null);
  const panelId = useId();
  useEffect(() => {
    if (!open.value || root.current === null) return;
    return closeOnLeaving(root.current, () => {
      open.value = false;
    });
  }, [open.value]);
  return (
    <div class="player-settings" ref={root}>
      <button
        type="button"
        class="player-settings-button"
        aria-label="Settings"
        aria-expanded={open.value}
        aria-controls={panelId}
        onClick={() => {
          open.value = !open.value;
        }}
      >
        <svg viewBox="0 0 24 24" aria-hidden="true">
          <path d="M4 7h9M17 7h3M4 17h3M11 17h9" />
          <circle cx="15" cy="7" r="2.2" />
          <circle cx="9" cy="17" r="2.2" />
        </svg>
      </button>
      <div id={panelId} class="player-panel" hidden={!open.value}>
        {open.value && <Panel {...props} />}
      </div>
    </div>
  );
}

function Panel({ player, open, statsOpen, onKeyList }: SettingsMenuProps) {
  const settings = player.settings.value;
  const auto = settings.autoPicked ? `Auto (${settings.autoPicked})` : "Auto";
  const qualities = [{ id: autoQuality, label: auto }, ...settings.qualities];
  const leaveFor = (next: () => void) => {
    open.value = false;
    next();
  };
  const rates = playbackRates.map((rate) => ({ id: rate, label: rate === 1 ? "Normal" : `${rate}×` }));
  return (
    <>
      <Choices
        legend="Quality"
        choices={qualities}
        chosen={settings.quality}
        choose={(id) => player.chooseQuality(id)}
      />
      {settings.sounds.length > 0 && (
        <Choices
          legend="Sound"
          choices={settings.sounds}
          chosen={settings.sound}
          choose={(id) => player.chooseSound(id)}
        />
      )}
      {settings.texts.length > 0 && (
        <Choices
          legend="Subtitles"
          choices={settings.texts}
          chosen={settings.text}
          choose={(id) => player.chooseText(id)}
        />
      )}
      <Choices
        legend="Speed"
        choices={rates}
        chosen={settings.rate}
        choose={(rate) => player.chooseRate(rate)}
      />
      <div class="player-more">
        <p>More</p>
        <button type="button" onClick={() => leaveFor(() => (statsOpen.value = !statsOpen.value))}>
          {statsOpen.value ? "Hide statistics" : "Statistics"}
        </button>
        <button type="button" onClick={() => leaveFor(onKeyList)}>
          Keys
        </button>
      </div>
    </>
  );
}

interface ChoicesProps {
  readonly legend: string;
  readonly choices: readonly Choice[];
  readonly chosen: number;
  readonly choose: (id: number) => void;
}

function Choices(props: ChoicesProps) {
  const name = useId();
  return (
    <fieldset>
      <legend>{props.legend}</legend>
      {props.choices.map((choice) => (
        <label key={choice.id}>
          <input
            type="radio"
            name={name}
            checked={choice.id === props.chosen}
            onChange={() => props.choose(choice.id)}
          />
          <span>{choice.label}</span>
        </label>
      ))}
    </fieldset>
  );
}
