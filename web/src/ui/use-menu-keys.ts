import { useEffect } from "preact/hooks";
import { closeOnLeaving } from "../player/close-on-leaving.ts";

/** Focus goes to the first entry; arrows walk, Escape and anything outside close. */
export function useMenuKeys(
  root: { current: HTMLDivElement | null },
  open: boolean,
  close: () => void,
): void {
  useEffect(() => {
    const element = root.current;
    if (!open || element === null) return;
    const items = [...element.querySelectorAll<HTMLElement>("[role=menuitem]")];
    items[0]?.focus();
    const onKey = (event: KeyboardEvent) => {
      const at = items.indexOf(document.activeElement as HTMLElement);
      if (event.key === "ArrowDown") items[(at + 1) % items.length]?.focus();
      else if (event.key === "ArrowUp") items.at(at - 1)?.focus();
      else return;
      event.preventDefault();
    };
    element.addEventListener("keydown", onKey);
    const stop = closeOnLeaving(element, close);
    return () => {
      stop();
      element.removeEventListener("keydown", onKey);
    };
  }, [open]);
}
