import { type ReadonlySignal, signal } from "@preact/signals";

/** Where the viewer is. */
export type Route =
  | { readonly page: "library" }
  | { readonly page: "watch"; readonly id: string }
  | { readonly page: "add" }
  | { readonly page: "network" }
  | { readonly page: "settings" }
  | { readonly page: "trash" }
  | { readonly page: "nowhere" };

/** The route that a path names. */
export function parseRoute(path: string): Route {
  const trimmed = path.replace(/\/+$/, "");
  if (trimmed === "") return { page: "library" };
  const watch = /^\/watch\/([^/]+)$/.exec(trimmed)?.[1];
  if (watch !== undefined) return watchRoute(watch);
  if (trimmed === "/add") return { page: "add" };
  if (trimmed === "/network") return { page: "network" };
  if (trimmed === "/settings") return { page: "settings" };
  if (trimmed === "/trash") return { page: "trash" };
  return { page: "nowhere" };
}

function watchRoute(encoded: string): Route {
  try {
    return { page: "watch", id: decodeURIComponent(encoded) };
  } catch {
    return { page: "nowhere" };
  }
}

/** A new page's heading, so that screen readers follow. */
const usualFocus = "main h1";

/** Follows the address of the window, and changes it without loading the page again. */
export class Router {
  readonly #route = signal<Route>(parseRoute(location.pathname));
  #startedAt = 0;
  #arrivalFocus = usualFocus;

  constructor() {
    history.scrollRestoration = "manual";
    window.addEventListener("popstate", (event) => this.#arrive(scrollIn(event.state)));
    document.addEventListener("click", (event) => this.#onClick(event));
  }

  get route(): ReadonlySignal<Route> {
    return this.#route;
  }

  /** When the present page was asked for, on the clock of performance.now; 0 for the first one. */
  get startedAt(): number {
    return this.#startedAt;
  }

  /** A selector of what gets the focus on the present page, when it is shown. */
  get arrivalFocus(): string {
    return this.#arrivalFocus;
  }

  go(path: string, focus = usualFocus): void {
    if (path === location.pathname + location.search) return;
    history.replaceState({ scroll: window.scrollY }, "");
    history.pushState(null, "", path);
    this.#arrive(0, focus);
  }

  #arrive(scroll: number, focus = usualFocus): void {
    const next = parseRoute(location.pathname);
    if (JSON.stringify(next) === JSON.stringify(this.#route.value)) return;
    this.#startedAt = performance.now();
    this.#arrivalFocus = focus;
    this.#route.value = next;
    requestAnimationFrame(() => window.scrollTo(0, scroll));
  }

  /** Links within the page need no new load. */
  #onClick(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (link === null || link.origin !== location.origin || link.target !== "" || link.hash !== "") return;
    event.preventDefault();
    this.go(link.pathname + link.search);
  }
}

function scrollIn(state: unknown): number {
  if (typeof state !== "object" || state === null || !("scroll" in state)) return 0;
  return typeof state.scroll === "number" ? state.scroll : 0;
}
