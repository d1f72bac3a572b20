import { Fields } from "../protocol/decode.ts";

/** Who this browser is to the box: a role, and the node that answered. */
export interface Session {
  readonly role: string;
  readonly node: { readonly id: string; readonly name: string; readonly version: string };
}

/** Whether a role may add videos. */
export function mayAdd(role: string): boolean {
  return role === "admin" || role === "uploader";
}

/** Whether a role may rename and delete videos. */
export function mayChange(role: string): boolean {
  return role === "admin";
}

function readNodeName(value: unknown, where: string): Session["node"] {
  const fields = new Fields(value, where);
  return { id: fields.text("id", ""), name: fields.text("name", ""), version: fields.text("version", "") };
}

export function readSession(value: unknown, where = "session"): Session {
  const fields = new Fields(value, where);
  return {
    role: fields.text("role"),
    node: fields.optional("node", readNodeName) ?? { id: "", name: "", version: "" },
  };
}

/**
 * The key in a typed or pasted text: the text itself, or what follows `#key=` in an admin link.
 * Returns "" when there is none.
 */
export function keyFrom(text: string): string {
  const trimmed = text.trim();
  const mark = trimmed.indexOf("#");
  if (mark < 0) return /\s|\//.test(trimmed) ? "" : trimmed;
  return new URLSearchParams(trimmed.slice(mark + 1)).get("key") ?? "";
}
