import type { Server } from 'node:http';
import { renewalChannel } from '../../telemetry/channels';
import { describeError } from '../../telemetry/describe-error';
import type { Log } from '../../telemetry/log';
import type * as Metrics from '../endpoints/metrics-endpoint';
import { isInTerminal } from './hangup';
import { listenAsSuccessor } from '../listening/listen';
import type { SocketPath } from './socket-path';
import type { WorkerPool } from './worker-pool';

/** How often the socket file is looked at, in milliseconds. */
const WATCH_MS = 1_000;

/** Resolves when the process is told to stop: a while after the first SIGTERM, at once after anything else. */
export function signalled(log: Log, graceMs: number): Promise<'signalled'> {
  return new Promise((resolve) => {
    let waitMs = graceMs;
    const ending = isInTerminal() ? (['SIGTERM', 'SIGINT', 'SIGHUP'] as const) : (['SIGTERM', 'SIGINT'] as const);
    for (const signal of ending) {
      process.on(signal, () => {
        log('notice', 'stopping', { signal });
        setTimeout(resolve, signal === 'SIGTERM' ? waitMs : 0, 'signalled');
        waitMs = 0;
      });
    }
  });
}

/** Resolves when gateways can no longer connect, because the socket's file is not the one that the workers listen on. */
export function lost(socket: SocketPath, pool: WorkerPool): Promise<'removed' | 'taken'> {
  return new Promise((resolve) => {
    setInterval(() => {
      const loss = pool.living > 0 ? socket.loss : undefined;
      if (loss !== undefined) resolve(loss);
    }, WATCH_MS).unref();
  });
}

/** Makes this process and its workers read all keys anew at SIGHUP, unless a terminal sends it. */
export function renewKeysAtHangup(pool: WorkerPool, log: Log): void {
  if (isInTerminal()) return;
  process.on('SIGHUP', () => {
    log('notice', 'fetching all keys again', { signal: 'SIGHUP' });
    renewalChannel.publish({});
    pool.broadcast({ kind: 'renew-keys' });
  });
}

/** An endpoint that ends with the server. */
export interface SideEndpoint {
  close(): void;
}

/**
 * Serves metrics of the pool: at once or, when another server is being replaced, as soon as that closes the address.
 *
 * @throws the error of `listen(2)`, at once only
 */
export async function openMetrics(
  address: Metrics.MetricsAddress | undefined,
  takesOver: boolean,
  pool: () => WorkerPool,
  log: Log,
): Promise<SideEndpoint> {
  let endpoint: Server | undefined;
  const publish = async ({ host, port }: Metrics.MetricsAddress): Promise<void> => {
    endpoint = await loadMetrics().serveMetrics({ host, port }, pool, log);
    log('notice', 'publishing metrics', { address: addressOf(endpoint) });
  };
  if (address !== undefined && !takesOver) await publish(address);
  else if (address !== undefined) {
    listenAsSuccessor(() => publish(address)).catch((error: unknown) => {
      log('error', 'metrics cannot be served', { ...address, ...describeError(error) });
    });
  }
  return {
    close: () => {
      endpoint?.closeAllConnections();
      endpoint?.close();
    },
  };
}

/** Where a server listens, with the port that the system chose when none was named. */
function addressOf(endpoint: Server): string | undefined {
  const address = endpoint.address();
  return typeof address !== 'object' || address === null ? undefined : addressText(address.address, address.port);
}

/** An address and a port as one text. */
export function addressText(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}

function loadMetrics(): typeof Metrics {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- takes longer to load than all the rest
  return require('../endpoints/metrics-endpoint') as typeof Metrics;
}
