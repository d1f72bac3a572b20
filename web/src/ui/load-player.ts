/** Loads the player, which is large and used on the watch page only; once, however often it is called. */
export async function loadPlayer() {
  return (await import("../player/player-view.tsx")).PlayerView;
}
