import type { ListenOptions, Server } from 'node:net';

/** How long the server that is replaced may keep an address, in milliseconds: it notices within 1 s and drains for 5 s. */
const PATIENCE_MS = 15_000;
/** Between two attempts, in milliseconds. */
const PAUSE_MS = 100;

/**
 * Makes a server accept connections, and keeps the process going when one cannot be accepted later, as when it has no
 * descriptor left: Node reports each as an `error` of the server, which would end the process if nobody listened to it.
 *
 * @throws the error of `listen(2)`
 */
export function listen<T extends Server>(server: T, options: ListenOptions): Promise<T> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(options, () => {
      server.off('error', reject);
      // The connection that was not accepted has been closed; there is nobody to tell.
      server.on('error', () => undefined);
      resolve(server);
    });
  });
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
