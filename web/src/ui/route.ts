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
