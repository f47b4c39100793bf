/** The periods of `rate-limiting`, from the shortest. */
export const PERIODS = ['second', 'minute', 'hour', 'day', 'month', 'year'] as const;

/** One of {@link PERIODS}. */
export type Period = (typeof PERIODS)[number];

/** Kong 3.9.3: kong/plugins/rate-limiting/expiration.lua; a month counts 30 days, a year 365. */
const WINDOW_SECONDS: Readonly<Record<Period, number>> = {
  second: 1,
  minute: 60,
  hour: 3_600,
  day: 86_400,
  month: 2_592_000,
  year: 31_536_000,
};

/** Returns when the calendar period (UTC) began that `nowMs` lies in, and how long Kong takes it to be. */
export function currentPeriod(period: Period, nowMs: number): { startMs: number; windowSeconds: number } {
  const windowSeconds = WINDOW_SECONDS[period];
  const date = new Date(nowMs);
  if (period === 'year') return { startMs: Date.UTC(date.getUTCFullYear(), 0), windowSeconds };
  if (period === 'month') return { startMs: Date.UTC(date.getUTCFullYear(), date.getUTCMonth()), windowSeconds };
  const windowMs = windowSeconds * 1000;
  return { startMs: Math.floor(nowMs / windowMs) * windowMs, windowSeconds };
}
