import type { Notices } from "./notices.ts";

/** Tells of subtitles that were added without their film. */
export function tellOfLeft(notices: Notices, left: readonly File[]): void {
  if (left.length === 0) return;
  const names = left.map(({ name }) => `“${name}”`).join(", ");
  const here = left.length === 1 ? "has no film of its name" : "have no films of their names";
  notices.bad(`${names} ${here} here. Drop subtitles together with their film, or on its page.`);
}
