/** What to do when the page is put away, when it is back, and when the network is. Each may come twice. */
export interface PageLife {
  leave(): void;
  comeBack(): void;
  online(): void;
}

/**
 * Watches for a page that is left, frozen, or kept for the way back: there it must hold no connection, or the browser does
 * not keep it. Returns how to stop watching.
 */
export function watchPageLife(page: EventTarget, document: EventTarget, life: PageLife): () => void {
  const listeners = new AbortController();
  const { signal } = listeners;
  page.addEventListener("pagehide", () => life.leave(), { signal });
  document.addEventListener("freeze", () => life.leave(), { signal });
  document.addEventListener("resume", () => life.comeBack(), { signal });
  page.addEventListener("online", () => life.online(), { signal });
  const onShow = (event: Event) => {
    if ((event as PageTransitionEvent).persisted) life.comeBack();
  };
  page.addEventListener("pageshow", onShow, { signal });
  return () => listeners.abort();
}
