// Reading JSON from outside. Each reader takes a value of unknown shape and a name for it, and returns it
// typed or throws a DecodeError; fields that are not asked for are ignored.

/** Says that JSON from outside does not have the promised shape. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
}

/** The fields of one JSON object. `where` names the object in errors, such as "videos[3]". */
export class Fields {
  readonly where: string;
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(value: unknown, where: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new DecodeError(`${where} is not an object`);
    }
    this.where = where;
    this.#values = value as Record<string, unknown>;
  }

  /** The value as it is; undefined when the field is missing. */
  raw(key: string): unknown {
    return this.#values[key];
  }

  text(key: string, fallback?: string): string {
    return this.#read(key, fallback, (value) => typeof value === "string");
  }

  number(key: string, fallback?: number): number {
    return this.#read(key, fallback, (value) => typeof value === "number" && Number.isFinite(value));
  }

  flag(key: string, fallback?: boolean): boolean {
    return this.#read(key, fallback, (value) => typeof value === "boolean");
  }

  /** One of the given words. */
  word<Word extends string>(key: string, words: readonly Word[]): Word {
    const value = this.text(key);
    const found = words.find((word) => word === value);
    if (found === undefined) throw new DecodeError(`${this.where}.${key} is an unknown word`);
    return found;
  }

  /** What read makes of the field, or null when it is null or missing. */
  optional<T>(key: string, read: (value: unknown, where: string) => T): T | null {
    const value = this.#values[key];
    if (value === undefined || value === null) return null;
    return read(value, `${this.where}.${key}`);
  }

  /** What read makes of each entry; a missing or null list is empty. */
  list<T>(key: string, read: (value: unknown, where: string) => T): T[] {
    const value = this.#values[key] ?? [];
    if (!Array.isArray(value)) throw new DecodeError(`${this.where}.${key} is not a list`);
    return value.map((entry, index) => read(entry, `${this.where}.${key}[${index}]`));
  }

  #read<T>(key: string, fallback: T | undefined, fits: (value: unknown) => boolean): T {
    const value = this.#values[key];
    if ((value === undefined || value === null) && fallback !== undefined) return fallback;
    if (!fits(value)) throw new DecodeError(`${this.where}.${key} has the wrong type`);
    return value as T;
  }
}

/** A string, for use with Fields.optional and Fields.list. */
export function readText(value: unknown, where: string): string {
  if (typeof value !== "string") throw new DecodeError(`${where} is not a string`);
  return value;
}

/** A number, for use with Fields.optional and Fields.list. */
export function readNumber(value: unknown, where: string): number {
  if (typeof value !== "number" || !Number.isFinite(value)) throw new DecodeError(`${where} is not a number`);
  return value;
}
