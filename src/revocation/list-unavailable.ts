import { Refusal } from '../core/refusal/refusal';
import type { FetchError } from '../documents/fetch-error';

/** What is known of the last attempt to get a list. */
export interface FailedList {
  /** Whole seconds until the next one, at least 1. */
  readonly retryAfterSeconds: number;
  /** Why it failed; holds nothing of the list. */
  readonly failure: FetchError | undefined;
}

/**
 * Returns the refusal of a request whose token cannot be looked up in a list. The log gets the place of the list and why
 * the last attempt failed.
 *
 * @param name - place of a configured list; `undefined` where the token names it, because a log holds nothing of a token
 */
export function listUnavailable(
  reason: string,
  name: string | undefined,
  { retryAfterSeconds, failure }: FailedList,
): Refusal {
  const hint = [name, failure?.message].filter((part) => part !== undefined).join(': ');
  return new Refusal('revocation_unavailable', reason, { retryAfterSeconds, ...(hint !== '' && { hint }) });
}
