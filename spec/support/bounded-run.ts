import { runInNewContext } from 'node:vm';

/**
 * Returns what `work` returns, or throws when it has not ended after `timeoutMs`. Synchronous work is interrupted too,
 * also inside a regular expression, which Jest's own timeout cannot do. Meant for work that takes milliseconds when it
 * grows with its input as it should and ages when it does not; so the limit says nothing about speed.
 */
export function boundedRun<Result>(work: () => Result, timeoutMs = 100_000): Result {
  return runInNewContext('work()', { work }, { timeout: timeoutMs }) as Result;
}
