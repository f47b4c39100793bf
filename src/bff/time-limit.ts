/**
 * Returns what a promise resolves with, or rejects when it has not settled in time.
 * It cannot end what the promise waits for: the caller does, where that matters.
 * What is late is not lost: the promise itself still settles.
 *
 * @param promise - a rejection that comes later is not reported
 * @param maxMs - in milliseconds
 * @param late - makes the error of a promise that is late
 */
export function withinTime<T>(promise: Promise<T>, maxMs: number, late: () => Error): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(late());
    }, maxMs);
  });
  return Promise.race([promise, limit]).finally(() => {
    clearTimeout(timer);
  });
}
