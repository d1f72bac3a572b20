/** One line of the list of keys: what is pressed, and what it does. */
export interface KeyName {
  readonly keys: readonly string[];
  readonly effect: string;
}

/** The keys of the player, and then those of every page. */
export const keyNames: readonly KeyName[] = [
  { keys: ["Space", "K"], effect: "Play or pause" },
  { keys: ["←", "→"], effect: "5 seconds back or on" },
  { keys: ["J", "L"], effect: "10 seconds back or on" },
  { keys: [",", "."], effect: "One picture back or on, while paused" },
  { keys: ["0", "9"], effect: "Jump to that tenth, 0 to 9" },
  { keys: ["Home", "End"], effect: "To the start or the end" },
  { keys: ["PgUp", "PgDn"], effect: "Chapter back or on" },
  { keys: ["<", ">"], effect: "Slower or faster" },
  { keys: ["↑", "↓"], effect: "Louder or quieter" },
  { keys: ["M"], effect: "Sound off or on" },
  { keys: ["A"], effect: "Next sound track" },
  { keys: ["C"], effect: "Subtitles on or off" },
  { keys: ["F"], effect: "Full screen" },
  { keys: ["T"], effect: "Theatre: the whole width" },
  { keys: ["P"], effect: "Picture in picture" },
  { keys: ["I"], effect: "Statistics" },
  { keys: ["B"], effect: "Where it comes from" },
  { keys: ["S"], effect: "Share" },
  { keys: ["/"], effect: "Search the library" },
  { keys: ["?"], effect: "This list" },
  { keys: ["Esc"], effect: "Close what is on top" },
];
