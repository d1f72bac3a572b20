/** How far a viewer shares (docs/protocol.md, `join`). */
export type Share = "all" | "lan" | "receive" | "off";

/** What the browser tells of the connection; undefined where it tells nothing. */
export interface ConnectionFacts {
  readonly saveData?: boolean;
  readonly type?: string;
}

/** What becomes of a viewer's choice on this connection: where bytes cost money, none are given. */
export function shareOn(connection: ConnectionFacts | undefined, chosen: Share): Share {
  const costs = connection?.saveData === true || connection?.type === "cellular";
  return costs && chosen !== "off" ? "receive" : chosen;
}
