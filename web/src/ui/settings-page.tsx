import { useSignal } from "@preact/signals";
import { useApp } from "./app-context.ts";
import { TrashIcon } from "./icons.tsx";
import { KeyList } from "./key-list.tsx";
import type { Licence } from "./licences.ts";
import { type Theme, themes } from "./preferences.ts";
import { SharePanel } from "./share-panel.tsx";
import { SignInForm } from "./sign-in-form.tsx";
import { WishesForm } from "./sources/wishes-form.tsx";
import { useTitle } from "./use-title.ts";

const themeNames: Readonly<Record<Theme, string>> = {
  system: "System",
  light: "Light",
  dark: "Dark",
};

/** What this device's user can choose. */
export function SettingsPage() {
  useTitle("Settings");
  return (
    <>
      <div class="page-head">
        <h1 tabIndex={-1}>Settings</h1>
      </div>
      <div class="settings">
        <ShareSection />
        <MeSection />
        <LookSection />
        <AdminSection />
        <KeysSection />
        <AboutSection />
      </div>
    </>
  );
}

function ShareSection() {
  return (
    <section class="panel">
      <h2>Watch on another device</h2>
      <SharePanel url={`${location.origin}/`} />
    </section>
  );
}

function MeSection() {
  return (
    <section class="panel">
      <h2>Me</h2>
      <WishesForm />
    </section>
  );
}

function LookSection() {
  const { preferences } = useApp();
  return (
    <section class="panel">
      <fieldset class="segments">
        <legend>Colours</legend>
        <div class="segments-row">
          {themes.map((theme) => (
            <label key={theme}>
              <input
                type="radio"
                name="theme"
                checked={preferences.theme.value === theme}
                onChange={() => {
                  preferences.theme.value = theme;
                }}
              />
              <span>{themeNames[theme]}</span>
            </label>
          ))}
        </div>
      </fieldset>
    </section>
  );
}

function AdminSection() {
  const { session } = useApp();
  if (session.current.value === null) return null;
  if (session.mayAdd.value) {
    return (
      <section class="panel prose">
        <h2>Admin</h2>
        <p>
          {session.mayChange.value
            ? "You are admin on this device. You can add, rename and delete videos."
            : "You may add videos from this device."}
        </p>
        <p class="button-row">
          {session.mayChange.value && (
            <a class="button" href="/trash">
              <TrashIcon /> Trash
            </a>
          )}
          <button type="button" class="button" onClick={() => void session.signOut()}>
            Sign out
          </button>
        </p>
      </section>
    );
  }
  return (
    <section class="panel prose">
      <h2>Admin</h2>
      <p>
        Open the admin link that the box printed, or put it here. <code>shoal link</code> on the box prints a
        new one.
      </p>
      <SignInForm />
    </section>
  );
}

function KeysSection() {
  return (
    <section class="panel">
      <h2>Keys</h2>
      <KeyList />
    </section>
  );
}

function AboutSection() {
  const { session } = useApp();
  const licences = useSignal<readonly Licence[] | null>(null);
  const show = async () => {
    const loaded = await import("./licences.ts");
    licences.value = loaded.licences;
  };
  const node = session.current.value?.node;
  return (
    <section class="panel prose">
      <h2>About</h2>
      <p class="any-length">
        Shoal {node?.version ?? ""}
        {node?.name ? ` on ${node.name}` : ""}. Video without a big server. Nothing on this page comes from
        anywhere but this box.
      </p>
      {licences.value === null ? (
        <p>
          <button type="button" class="button" onClick={() => void show()}>
            Licences of the parts
          </button>
        </p>
      ) : (
        licences.value.map((licence) => (
          <details key={licence.name}>
            <summary>{licence.name}</summary>
            <pre>{licence.text}</pre>
          </details>
        ))
      )}
    </section>
  );
}
