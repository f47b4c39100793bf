/** Counts by key, each for a limited time. Forgets keys whose time is over, so it stays as small as what is counted. */
export class Counters {
  readonly #counts = new Map<string, { count: number; untilMs: number }>();
  #sweepAtMs = 0;

  /** Returns a count, 0 for one that was never started or is over. */
  get(key: string, nowMs: number): number {
    const found = this.#counts.get(key);
    return found === undefined || found.untilMs <= nowMs ? 0 : found.count;
  }

  /** Adds one to a count, which is over at `untilMs` (Unix time). */
  increment(key: string, nowMs: number, untilMs: number): void {
    this.#sweep(nowMs);
    this.#counts.set(key, { count: this.get(key, nowMs) + 1, untilMs });
  }

  #sweep(nowMs: number): void {
    if (nowMs < this.#sweepAtMs) return;
    this.#sweepAtMs = nowMs + SWEEP_INTERVAL_MS;
    for (const [key, { untilMs }] of this.#counts) if (untilMs <= nowMs) this.#counts.delete(key);
  }
}

const SWEEP_INTERVAL_MS = 10_000;
