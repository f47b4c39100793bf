/** How a check ended: `ok`, `hole` (the promise is not kept), `unknown` (it could not be found out from here). */
export type Health = 'ok' | 'hole' | 'unknown';

/** One line of a doctor's report. */
export interface Diagnosis {
  readonly health: Health;
  /** What was checked, such as `direct access`. */
  readonly check: string;
  /** Of what: a URL, a route, a file. */
  readonly target: string;
  /** What was seen. Holds no token. */
  readonly seen: string;
  /** What to do about it; only for a hole. */
  readonly cure?: string;
}
