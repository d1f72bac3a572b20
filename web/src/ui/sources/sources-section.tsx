import { useApp } from "../app-context.ts";
import { useLoaded } from "../use-loaded.ts";
import { loadSources } from "./load-sources.ts";
import type { SourcesBodyProps } from "./sources-body.tsx";

/** "Where it comes from": what this device got from where, and what it gave. Folded or not as it was left. */
export function SourcesSection(props: SourcesBodyProps) {
  const { sourcesOpen } = useApp().preferences;
  const open = sourcesOpen.value;
  const body = useLoaded(loadSources, open);
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
      {open && typeof body.value === "object" && body.value !== null && <body.value.part {...props} />}
    </details>
  );
}
