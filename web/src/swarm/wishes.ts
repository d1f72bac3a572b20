/** A value that changes, and how to hear of it: what a signal of Preact is, without needing Preact. */
export interface Watched<T> {
  readonly value: T;
  /** Calls back at once and with each new value; returns how to stop. */
  subscribe(onValue: (value: T) => void): () => void;
}

/** With whom this device shares: with nobody, with viewers on the same network, or with every viewer of the video. */
export const shareChoices = ["off", "lan", "all"] as const;
export type ShareChoice = (typeof shareChoices)[number];

/** The most characters of a name that others see. */
export const maxNameLength = 40;

/** What this viewer wants of sharing; each may change while a video plays. */
export interface SharingWishes {
  /** What others see; 1 to 40 characters. */
  readonly name: Watched<string>;
  readonly share: Watched<ShareChoice>;
  /** True where the connection costs by the byte: this device then takes from others and gives nothing. */
  readonly metered: Watched<boolean>;
}

// Marks that turn the direction of the text around a name, and other characters that nobody sees.
const unseen = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** A name as others may be shown it: one line, no hidden marks, at most 40 characters; "" when nothing is left. */
export function tidyName(typed: string): string {
  let name = "";
  for (const character of typed.replace(unseen, " ").replace(/\s+/g, " ").trim()) {
    if (name.length + character.length > maxNameLength) break;
    name += character;
  }
  return name.trim();
}

/** Neither 0 and O nor 1, I and L, which look alike. */
const signs = "23456789ABCDEFGHJKMNPQRSTUVWXYZ";

/** A name for who has not chosen one, such as "Guest 7K"; random gives numbers from 0 up to 1. */
export function guestName(random: () => number): string {
  const sign = () => signs.charAt(Math.floor(random() * signs.length));
  return `Guest ${sign()}${sign()}`;
}
