import { LRUCache } from 'lru-cache';
import { describeError } from '../../telemetry/describe-error';
import type { Log } from '../../telemetry/log';
import { withinTime } from '../time-limit';

/** How long requests with the cookie from before a renewal still get its result. */
const GRACE_MS = 60_000;
/** How long a provider that failed is not asked again for the same session. */
const PAUSE_MS = 5_000;
/** How long requests wait for a renewal. Its result counts also when it comes later. */
const MAX_WAIT_MS = 10_000;
const MAX_RENEWALS = 10_000;

class LateAnswerError extends Error {
  override readonly name = 'LateAnswerError';
}

/**
 * Returns a function that starts a renewal, or returns the one that was started under the same key. Rejects when it failed,
 * or was not there after 10 seconds. Results and late answers are kept for a minute, failures for five seconds.
 *
 * @param log - is told of each failure once
 */
export function createRenewals<T>(log: Log): (key: string, renew: () => Promise<T>) => Promise<T> {
  const renewals = new LRUCache<string, Promise<T>>({ max: MAX_RENEWALS });
  const keep = (key: string, result: Promise<T>, ms: number): void => {
    renewals.set(key, result);
    setTimeout(() => {
      if (renewals.get(key) === result) renewals.delete(key);
    }, ms).unref();
  };
  return (key, renew) => {
    const known = renewals.get(key);
    if (known !== undefined) return known;
    const started = renew();
    const waited = withinTime(started, MAX_WAIT_MS, () => new LateAnswerError('the provider did not answer in time'));
    renewals.set(key, waited);
    started.then(
      () => {
        keep(key, started, GRACE_MS);
      },
      () => {
        keep(key, started, PAUSE_MS);
      },
    );
    waited.catch((error: unknown) => {
      log('warn', 'a session could not be renewed', describeError(error));
      // The provider may have used the refresh token up: it is not sent again as long as its answer may come.
      if (renewals.get(key) === waited) keep(key, waited, GRACE_MS);
    });
    return waited;
  };
}
