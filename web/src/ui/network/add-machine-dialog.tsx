import { useSignal } from "@preact/signals";
import type { NetworkApi } from "../../api/network-api.ts";
import type { Invite } from "../../api/nodes.ts";
import { messageOf } from "../../api/request.ts";
import { CopyField } from "../copy-field.tsx";
import { Dialog } from "../dialog.tsx";
import { QrCode } from "../qr-code.tsx";
import { formatMoment } from "./times.ts";

const spans = [
  { label: "1 hour", seconds: 3600 },
  { label: "1 day", seconds: 86_400 },
  { label: "1 week", seconds: 7 * 86_400 },
] as const;

/** Makes an invite, and shows how to use it on the new machine. */
export function AddMachineDialog({ api, onClose }: { api: NetworkApi; onClose: () => void }) {
  const invite = useSignal<Invite | null>(null);
  return (
    <Dialog title="Add a machine" wide onClose={onClose}>
      {invite.value === null ? (
        <InviteForm
          api={api}
          onInvite={(made) => {
            invite.value = made;
          }}
        />
      ) : (
        <InviteShown invite={invite.value} />
      )}
    </Dialog>
  );
}

function InviteForm({ api, onInvite }: { api: NetworkApi; onInvite: (invite: Invite) => void }) {
  const seconds = useSignal<number>(spans[1].seconds);
  const problem = useSignal("");
  const busy = useSignal(false);
  const make = async (event: Event) => {
    event.preventDefault();
    busy.value = true;
    try {
      onInvite(await api.invite(seconds.value));
    } catch (error) {
      problem.value = messageOf(error);
      busy.value = false;
    }
  };
  return (
    <form onSubmit={(event) => void make(event)}>
      <p>
        A second machine keeps a copy of everything, so that nothing is lost with one disk, and videos play
        from either. Install Shoal there, and take an invite along.
      </p>
      <fieldset class="segments invite-spans">
        <legend>The invite is good for</legend>
        <div class="segments-row">
          {spans.map((span) => (
            <label key={span.label}>
              <input
                type="radio"
                name="invite"
                checked={seconds.value === span.seconds}
                onChange={() => {
                  seconds.value = span.seconds;
                }}
              />
              <span>{span.label}</span>
            </label>
          ))}
        </div>
      </fieldset>
      <p class="problem" role="alert">
        {problem.value}
      </p>
      <div class="dialog-actions">
        <button type="submit" class="button primary" disabled={busy.value}>
          Make an invite
        </button>
      </div>
    </form>
  );
}

function InviteShown({ invite }: { invite: Invite }) {
  const until = formatMoment(Date.parse(invite.expires), Date.now());
  return (
    <>
      <p role="status">
        It lets one machine join{until === "" ? "" : `, until ${until}`}. Who has it can join: pass it on to
        nobody else.
      </p>
      <div class="share invite">
        <QrCode text={invite.link} label="QR code of the invite" />
        <div class="share-text">
          <CopyField label="Run this on the new machine" text={`shoal serve --join '${invite.link}'`} />
          <CopyField label="The invite alone" text={invite.link} />
        </div>
      </div>
    </>
  );
}
