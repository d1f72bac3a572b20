/** What to do after the connection to the room was lost (docs/protocol.md, "Closing"). */
export type Rejoin = { readonly waitMs: number } | "stay away" | "another ticket";

const firstMs = 500;
const longestMs = 15_000;
const soon = { atLeast: 500, more: 2500 };
const slow = { atLeast: 1000, more: 4000 };
const later = { atLeast: 30_000, more: 5000 };

/**
 * Code is that of the close event, tries how often it was tried in vain since it last held, random a number from 0 up to
 * but not including 1: without it all viewers of a node that was restarted would come back at the same moment.
 */
export function rejoinAfter(code: number, tries: number, random: number): Rejoin {
  const within = ({ atLeast, more }: typeof soon) => ({ waitMs: atLeast + random * more });
  switch (code) {
    case 1001:
      return within(soon);
    case 4000:
    case 4003:
    case 4005:
      return "stay away";
    case 4001:
    case 4006:
      return within(later);
    case 4002:
      return within(slow);
    case 4004:
      return tries === 0 ? "another ticket" : doubled(tries, random);
    default:
      return doubled(tries, random);
  }
}

function doubled(tries: number, random: number): Rejoin {
  const whole = Math.min(longestMs, firstMs * 2 ** tries);
  return { waitMs: whole / 2 + (random * whole) / 2 };
}
