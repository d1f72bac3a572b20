const clock = new Intl.DateTimeFormat("en", { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat("en", { day: "numeric", month: "short" });

/** A time of day, with the day unless it is today: "14:32", "23 Nov, 14:32"; both in ms since 1970. "" for no time. */
export function formatMoment(then: number, now: number): string {
  // Go's zero time is in the year 1.
  if (!(then > 0)) return "";
  const today = new Date(then).toDateString() === new Date(now).toDateString();
  return today ? clock.format(then) : `${day.format(then)}, ${clock.format(then)}`;
}

/** How long something takes still, as a sentence; "" when that is not known. */
export function formatTimeAhead(seconds: number): string {
  if (seconds <= 0) return "";
  if (seconds < 60) return "Less than a minute left.";
  const [amount, unit] =
    seconds < 5400 ? [Math.ceil(seconds / 60), "minute"] : [Math.round(seconds / 3600), "hour"];
  return `About ${amount} ${unit}${amount === 1 ? "" : "s"} left.`;
}
