/**
 * Calls close on Escape within root, and on a press or a focus outside of it; Escape gives the focus back to
 * root's first button. Returns how to stop that.
 */
export function closeOnLeaving(root: HTMLElement, close: () => void): () => void {
  const listeners = new AbortController();
  const { signal } = listeners;
  const onOutside = (event: Event) => {
    const target = event.composedPath()[0];
    // A press on plain text within root focuses whatever can have the focus around root.
    const around = event.type === "focusin" && target instanceof Node && target.contains(root);
    if (!around && !event.composedPath().includes(root)) close();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    close();
    root.querySelector("button")?.focus();
  };
  document.addEventListener("pointerdown", onOutside, { signal });
  document.addEventListener("focusin", onOutside, { signal });
  root.addEventListener("keydown", onKey, { signal });
  return () => listeners.abort();
}
