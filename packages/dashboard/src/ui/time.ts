const UNITS: readonly (readonly [Intl.RelativeTimeFormatUnit, number])[] = [
  ['year', 31_536_000],
  ['month', 2_592_000],
  ['day', 86_400],
  ['hour', 3_600],
  ['minute', 60],
];

/** "5 minutes ago", "in 3 days"; "just now" within a minute. Both in milliseconds since the epoch. */
export function relativeTime(at: number, now: number, locale = 'en'): string {
  const seconds = (at - now) / 1000;
  for (const [unit, length] of UNITS) {
    if (Math.abs(seconds) >= length) {
      const format = new Intl.RelativeTimeFormat(locale, { numeric: 'auto' });
      return format.format(Math.trunc(seconds / length), unit);
    }
  }
  return seconds <= 0 ? 'just now' : 'in less than a minute';
}

export function exactTime(at: number): string {
  return new Date(at).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });
}
