import { type ReadonlySignal, signal } from "@preact/signals";
import { parseRoute, type Route } from "./route.ts";

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
