import { type Signal, useSignal } from "@preact/signals";
import type { RefObject } from "preact";
import { useLayoutEffect } from "preact/hooks";

/** The width of an element in whole pixels, as it changes; 0 before it is known. */
export function useWidth(element: RefObject<Element | null>): Signal<number> {
  const width = useSignal(0);
  useLayoutEffect(() => {
    if (element.current === null) return;
    const observer = new ResizeObserver(([entry]) => {
      width.value = Math.round(entry?.contentRect.width ?? 0);
    });
    width.value = Math.round(element.current.getBoundingClientRect().width);
    observer.observe(element.current);
    return () => observer.disconnect();
  }, []);
  return width;
}
