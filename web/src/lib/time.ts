// Times come in UTC and are shown in the viewer's zone.
const withSeconds = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });
const utcDay = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric', timeZone: 'UTC' });

export function showTime(text: string): string {
  return withSeconds.format(new Date(text));
}

export function showDay(text: string): string {
  return day.format(new Date(text));
}

/** Of a day of usage sums, which is a day of UTC: `2026-11-21`. */
export function showUtcDay(text: string): string {
  return utcDay.format(new Date(`${text}T00:00:00Z`));
}

/** The last `count` days of UTC, oldest first, today included. */
export function lastUtcDays(count: number, now = new Date()): string[] {
  const today = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate());
  return Array.from({ length: count }, (_, at) =>
    new Date(today - (count - 1 - at) * 86_400_000).toISOString().slice(0, 10),
  );
}

/** Microseconds, as a person says them. */
export function showDuration(us: number): string {
  if (us < 1000) return `${us} µs`;
  if (us < 1_000_000) return `${(us / 1000).toFixed(us < 10_000 ? 1 : 0)} ms`;
  return `${(us / 1_000_000).toFixed(us < 10_000_000 ? 2 : 1)} s`;
}
