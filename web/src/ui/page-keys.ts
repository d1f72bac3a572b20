import { useEffect } from "preact/hooks";
import { focusKindOf, pageActionFor } from "../player/keys.ts";
import { type App, useApp } from "./app-context.ts";

/** The keys of every page: / searches the library, ? shows the keys. */
export function usePageKeys(): void {
  const app = useApp();
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.defaultPrevented || !app.preferences.keysEnabled.value) return;
      if (document.querySelector("dialog[open]") !== null) return;
      const action = pageActionFor(event, focusKindOf(event.target instanceof Element ? event.target : null));
      if (action === null) return;
      event.preventDefault();
      if (action === "keys") app.keyListOpen.value = true;
      else search(app);
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}

const searchField = "#search";

/** Puts the cursor into the search, which is in the library. */
function search({ router }: App): void {
  if (router.route.value.page === "library") document.querySelector<HTMLElement>(searchField)?.focus();
  else router.go("/", searchField);
}
