import { useEffect } from "preact/hooks";
import { useApp } from "./app-context.ts";

/** Names the page in the browser's tab. */
export function useTitle(title: string): void {
  const app = useApp();
  useEffect(() => {
    app.title.value = title;
  }, [title]);
}
