import type { EventServer } from '../pluginserver/event-server';
import type { SocketPath } from './socket-path';

/** How long workers go on without their supervisor at the most, in milliseconds. */
const MAX_MS = 10_000;
/** Kong keeps connections open while it runs: without any for this time, in milliseconds, the workers end. */
const UNUSED_MS = 1_000;
/** Between two looks, in milliseconds. Short: an instance that Kong starts through a worker without supervisor fails. */
const LOOK_MS = 20;

/**
 * Resolves when a worker whose supervisor is gone has no more to do: when Kong's next connections go to another server,
 * when nobody is connected, or when it took too long for either.
 */
export function waitForTakeover(
  socket: Pick<SocketPath, 'loss'>,
  server: Pick<EventServer, 'connectionCount'>,
): Promise<void> {
  return new Promise((resolve) => {
    const startedAtMs = performance.now();
    let usedAtMs = startedAtMs;
    const look = setInterval(() => {
      const nowMs = performance.now();
      if (server.connectionCount > 0) usedAtMs = nowMs;
      const isUnused = nowMs - usedAtMs >= UNUSED_MS;
      if (socket.loss === undefined && !isUnused && nowMs - startedAtMs < MAX_MS) return;
      clearInterval(look);
      resolve();
    }, LOOK_MS);
  });
}
