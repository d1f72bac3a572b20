/** Loads what "Where it comes from" shows, once it is first wanted: the first picture of a film must not wait for it. */
export async function loadSources() {
  return (await import("./sources-body.tsx")).SourcesBody;
}

/** Brings the section, once it is there, to the middle of the window, so that film and map are both in sight. */
export async function scrollToSources(): Promise<void> {
  await loadSources();
  requestAnimationFrame(() =>
    document.querySelector(".sources > summary")?.scrollIntoView({ block: "center" }),
  );
}
