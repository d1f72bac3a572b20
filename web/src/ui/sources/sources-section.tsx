import { type Signal, useSignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { useApp } from "../app-context.ts";
import { loadSources } from "./load-sources.ts";
import type { SourcesBodyProps } from "./sources-body.tsx";

type Body = (props: SourcesBodyProps) => preact.VNode;

/** "Where it comes from": what this device got from where, and what it gave. Folded or not as it was left. */
export function SourcesSection(props: SourcesBodyProps) {
  const { sourcesOpen } = useApp().preferences;
  const open = sourcesOpen.value;
  const body = useBody(open);
  return (
    <details
      class="sources panel"
      open={open}
      onToggle={(event) => {
        sourcesOpen.value = event.currentTarget.open;
      }}
    >
      <summary>
        <h2>Where it comes from</h2>
      </summary>
      {open && body.value === "failed" && (
        <p role="alert">This part of the page could not be loaded. Reload the page to try again.</p>
      )}
      {open && typeof body.value === "object" && body.value !== null && <body.value.Body {...props} />}
    </details>
  );
}

function useBody(wanted: boolean): Signal<{ Body: Body } | "failed" | null> {
  const loaded = useSignal<{ Body: Body } | "failed" | null>(null);
  useEffect(() => {
    const load = async () => {
      try {
        loaded.value = { Body: await loadSources() };
      } catch {
        loaded.value = "failed";
      }
    };
    const there = loaded.peek() !== null && loaded.peek() !== "failed";
    if (wanted && !there) void load();
  }, [wanted]);
  return loaded;
}
