// Numbers as people read them. The page speaks English, so the numbers do too.

const nbsp = "\u00a0";
const thin = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** A number of bytes as 900 bytes, 12 KB, 4.4 GB; steps of 1000, as disks are sold. */
export function formatBytes(bytes: number): string {
  if (bytes < 1000) return `${whole.format(bytes)}${nbsp}${bytes === 1 ? "byte" : "bytes"}`;
  const units = ["KB", "MB", "GB", "TB", "PB"];
  let value = bytes / 1000;
  let unit = 0;
  // 999.95 would be written as 1,000.
  while (value >= 999.95 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const number = value >= 99.95 ? whole.format(value) : thin.format(value);
  return `${number}${nbsp}${units[unit]}`;
}

/** How much of how much, with the unit once where it is the same: "2.1 of 4.4 GB". */
export function formatBytesOf(part: number, all: number): string {
  const [left, right] = [formatBytes(part), formatBytes(all)];
  const [number, unit] = left.split(nbsp);
  return unit === right.split(nbsp)[1] ? `${number} of ${right}` : `${left} of ${right}`;
}

/** A part of one as 43 %; never 100 % before it is whole. */
export function formatPercent(part: number): string {
  const percent = part >= 1 ? 100 : Math.min(99, Math.floor(Math.max(0, part) * 100));
  return `${percent}${nbsp}%`;
}

/** How much time is left, in rough words. */
export function formatTimeLeft(seconds: number): string {
  if (seconds < 10) return "a few seconds left";
  if (seconds < 60) return `${Math.ceil(seconds / 10) * 10}${nbsp}s left`;
  if (seconds < 3600) return `${Math.ceil(seconds / 60)}${nbsp}min left`;
  return `${thin.format(seconds / 3600)}${nbsp}h left`;
}

const spans: readonly (readonly [number, Intl.RelativeTimeFormatUnit])[] = [
  [60, "minute"],
  [3600, "hour"],
  [86_400, "day"],
];

/** How long ago a time was, both in ms since 1970: "just now", "3 hours ago", or a date after a week. */
export function formatAgo(then: number, now: number): string {
  const seconds = (now - then) / 1000;
  if (!Number.isFinite(seconds)) return "";
  if (seconds < 60) return "just now";
  if (seconds > 7 * 86_400) {
    return new Intl.DateTimeFormat("en", { day: "numeric", month: "short", year: "numeric" }).format(then);
  }
  const [size, unit] = spans.findLast(([span]) => seconds >= span) ?? [60, "minute"];
  return new Intl.RelativeTimeFormat("en").format(-Math.floor(seconds / size), unit);
}

/** A count with its noun: "1 video", "42 videos". */
export function formatCount(count: number, one: string, many = `${one}s`): string {
  return `${whole.format(count)} ${count === 1 ? one : many}`;
}
