/** How long the server that is replaced may keep an address, in milliseconds: it notices within 1 s and drains for 5 s. */
const PATIENCE_MS = 15_000;
/** Between two attempts, in milliseconds. */
const PAUSE_MS = 100;

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
