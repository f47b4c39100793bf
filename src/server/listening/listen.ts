import type { ListenOptions, Server } from 'node:net';
import { describeError } from '../../telemetry/describe-error';
import type { Log } from '../../telemetry/log';

/** How long the server that is replaced may keep an address, in milliseconds: it notices within 1 s and drains for 5 s. */
const PATIENCE_MS = 15_000;
/** Between two attempts, in milliseconds. */
const PAUSE_MS = 100;
/** At most one line in this time tells of connections that were not accepted, in milliseconds. */
const LINE_MS = 60_000;

/**
 * Makes a server accept connections, and keeps the process going when one cannot be accepted later: what Node reports of it
 * is an `error` of the server, which would end the process if nobody listened to it. Without a descriptor left, Node 20 to 26
 * (libuv 1.46 and later) close new connections and report nothing.
 *
 * @param log - is told of connections that were not accepted, at most once a minute
 * @param now - a clock that never goes back, in milliseconds
 * @throws the error of `listen(2)`
 */
export function listen<T extends Server>(
  server: T,
  options: ListenOptions,
  log: Log,
  now: () => number = () => performance.now(),
): Promise<T> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      server.on('error', failureReport(log, now));
      resolve(server);
    });
  });
}

/** Returns what logs that a connection was not accepted: the first at once, then how many there were in a minute. */
function failureReport(log: Log, now: () => number): (error: Error) => void {
  let failures = 0;
  let nextLineAtMs = -Infinity;
  return (error) => {
    failures += 1;
    if (now() < nextLineAtMs) return;
    log('error', 'connections cannot be accepted', { failures, ...describeError(error) });
    failures = 0;
    nextLineAtMs = now() + LINE_MS;
  };
}

/**
 * Listens on an address that the server that is being replaced may still have: tries again while it is in use.
 *
 * @throws the error of `listen(2)`
 */
export async function listenAsSuccessor<T>(listen: () => Promise<T>): Promise<T> {
  const patienceEndsAtMs = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await listen();
    } catch (error) {
      const isTaken = (error as NodeJS.ErrnoException).code === 'EADDRINUSE';
      if (!isTaken || performance.now() > patienceEndsAtMs) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
