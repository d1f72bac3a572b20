import { Fields } from "../protocol/decode.ts";

/** Something that happened, in words for a person. */
export interface Happening {
  readonly id: string;
  /** RFC 3339. */
  readonly time: string;
  readonly message: string;
}

function readHappening(value: unknown, where: string): Happening {
  const fields = new Fields(value, where);
  return { id: fields.text("id"), time: fields.text("time"), message: fields.text("message") };
}

/** The newest first, as the box lists them. */
export function readHappenings(value: unknown, where = "events"): Happening[] {
  return new Fields(value, where).list("events", readHappening);
}
