import { keyFrom } from "../api/session.ts";

/** The address of the page, as far as it matters here. */
export interface Address {
  readonly hash: string;
  readonly pathname: string;
  readonly search: string;
}

/**
 * Takes the one-use key out of the address, where an admin link put it, so that it stays neither in the
 * address bar nor in the history. Returns "" when there is none.
 */
export function takeAdminKey(address: Address, history: Pick<History, "replaceState">): string {
  if (!address.hash.includes("key=")) return "";
  const key = keyFrom(address.hash);
  history.replaceState(null, "", address.pathname + address.search);
  return key;
}
