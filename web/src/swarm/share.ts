import type { Share } from "../protocol/messages.ts";

/** What becomes of a viewer's choice on this connection: where bytes cost money, none are given. */
export function shareOn(metered: boolean, chosen: Share): Share {
  return metered && chosen !== "off" ? "receive" : chosen;
}
