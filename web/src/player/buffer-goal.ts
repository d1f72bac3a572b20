import { aheadOf } from "../swarm/rules.ts";
import type { ShareChoice } from "../swarm/wishes.ts";

/**
 * How far ahead the player itself keeps, in seconds, where segments are shared: longer than what is urgent to the swarm, and
 * not by much, since what the player holds nobody can give. hls.js's own bound where they are not.
 */
const sharedBuffer = 20;
const loneBuffer = 600;

/** How far a player fills its buffer, in seconds: always, and if its memory allows. */
export interface BufferGoal {
  readonly least: number;
  readonly most: number;
}

/**
 * In a tab in the background browsers let hls.js look at its buffer once a minute, after some minutes: what is fetched ahead goes into the
 * buffer there.
 */
export function bufferGoal(share: ShareChoice, isHidden: boolean, watched: number): BufferGoal {
  if (share === "off") return { least: isHidden ? aheadOf(watched) : sharedBuffer, most: loneBuffer };
  const goal = isHidden ? aheadOf(watched) : sharedBuffer;
  return { least: goal, most: goal };
}
