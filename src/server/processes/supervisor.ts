import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import { availableParallelism } from 'node:os';
import { renewalChannel } from '../../telemetry/channels';
import { SERVER_START_VARIABLE } from '../../telemetry/server-start';
import type { Log } from '../../telemetry/log';
import { InstanceRegistry } from '../pluginserver/instance-registry';
import type * as Metrics from '../endpoints/metrics-endpoint';
import { isInTerminal } from './hangup';
import { SocketPath } from './socket-path';
import { listenAsSuccessor } from './port-takeover';
import { answerWorker } from './supervised-instances';
import { describeError } from '../../telemetry/describe-error';
import type { WorkerSettings } from './worker-messages';
import { WorkerPool } from './worker-pool';

/** How to serve a plugin. */
export interface SupervisorOptions extends Omit<WorkerSettings, 'hasMetrics' | 'supervisorPid'> {
  readonly workers: number;
  /** Permission bits of the socket file. */
  readonly socketMode: number;
  /**
   * A live server on the same socket is replaced. It notices, lets its events end, and stops. And this one can be:
   * workers go on for a while when this process is killed.
   */
  readonly takesOver: boolean;
  /** A worker whose event loop stood still for so long is killed and replaced. Should exceed what Kong waits. */
  readonly stuckSeconds: number;
  readonly metrics?: Metrics.MetricsAddress | undefined;
  readonly log: Log;
}

/** How often the socket file is looked at, in milliseconds. */
const WATCH_MS = 1_000;
/**
 * How long a server that can be replaced goes on after SIGTERM, in milliseconds. Kong 3.9.3: when its first worker ends,
 * also at a reload, SIGTERM is followed by SIGKILL some 30 ms later. Workers that were not told to stop by then outlive
 * that, until the next server is there.
 */
const TERM_GRACE_MS = 1_000;
/** Instances that no worker used for so long are forgotten, in milliseconds. */
const UNUSED_MS = 3 * 60 * 60 * 1_000;

/**
 * Returns how many workers to run: one for two workers of Kong, because an event costs Kong about twice what it costs
 * here (docs/OPERATIONS.md), but at least two, so that when one dies another serves.
 *
 * @param kongWorkers - `KONG_NGINX_WORKER_PROCESSES`; anything but a number counts as Kong's default, one for a core
 */
export function defaultWorkers(kongWorkers: string | undefined, cores: number = availableParallelism()): number {
  const nginx = /^[1-9][0-9]*$/.test(kongWorkers ?? '') ? Number(kongWorkers) : cores;
  return Math.max(2, Math.min(cores, Math.ceil(nginx / 2)));
}

/**
 * Runs the plugin server until it is told to stop. This process starts the workers, replaces those that die and knows
 * the instances, but serves no event itself. When it dies, its workers end, at once or when they were replaced.
 * SIGHUP makes all processes read all keys anew. Resolves with the exit code of the process.
 *
 * @throws SocketPathError when the socket's path cannot be used, at the start or later, or the error of `listen(2)` for the metrics
 */
export async function supervise(options: SupervisorOptions): Promise<number> {
  const { socketPath, pluginPath, deadlineMs, takesOver, metrics, log } = options;
  const stopSignal = signalled(log, takesOver ? TERM_GRACE_MS : 0);
  const socket = new SocketPath(socketPath);
  await socket.check(takesOver, options.socketMode);
  // The socket must never be open to more users than it should be, not even until a chmod.
  process.umask(0o777 & ~options.socketMode);

  // Workers inherit it.
  process.env[SERVER_START_VARIABLE] = randomUUID();
  const registry = new InstanceRegistry(() => performance.now());
  setInterval(() => {
    registry.dropUnused(UNUSED_MS);
  }, UNUSED_MS).unref();
  const settings = { socketPath, supervisorPid: process.pid, takesOver, pluginPath, deadlineMs };
  let onUnclaimed: (error: unknown) => void = () => undefined;
  // A server that Kong does not reach must not say that it serves: whoever does listen there would answer for it.
  const unclaimed = new Promise<never>((_, reject) => {
    onUnclaimed = reject;
  });
  const pool = new WorkerPool({ ...settings, hasMetrics: metrics !== undefined }, options.stuckSeconds, log, {
    onMessage: (message, reply) => {
      answerWorker(registry, message, reply, (answer) => {
        pool.broadcast(answer);
      });
    },
    onListening: () => {
      try {
        socket.claim();
      } catch (error) {
        onUnclaimed(error);
      }
    },
  });
  if (!isInTerminal()) {
    process.on('SIGHUP', () => {
      log('notice', 'reading all keys anew', { signal: 'SIGHUP' });
      renewalChannel.publish({});
      pool.broadcast({ kind: 'renew-keys' });
    });
  }
  let endpoint: Server | undefined;
  const openMetrics = async (address: Metrics.MetricsAddress): Promise<void> => {
    endpoint = await loadMetrics().serveMetrics(address, () => pool);
    log('notice', 'publishing metrics', { address: addressOf(endpoint) });
  };
  if (metrics && !takesOver) await openMetrics(metrics);
  try {
    const start = await Promise.race([stopSignal, unclaimed, pool.start(options.workers)]);
    if (start === false) return 1;
    if (start === true) log('notice', 'serving', { socket: socket.path, workers: options.workers, pid: process.pid });
    if (metrics && takesOver) {
      // The server that is replaced has the port until it ends, and requests do not wait for that.
      listenAsSuccessor(() => openMetrics(metrics)).catch((error: unknown) => {
        log('error', 'metrics cannot be served', { host: metrics.host, port: metrics.port, ...describeError(error) });
      });
    }
    const end = await Promise.race([stopSignal, unclaimed, lost(socket, pool)]);
    if (end === 'taken') log('notice', 'another server took the socket over, this one ends', { socket: socket.path });
    if (end === 'removed') log('error', 'the socket file was removed, the server ends', { socket: socket.path });
    return end === 'removed' ? 1 : 0;
  } finally {
    socket.release();
    await pool.stop();
    endpoint?.closeAllConnections();
    endpoint?.close();
  }
}

/** Resolves when the process is told to stop: a while after the first SIGTERM, at once after anything else. */
function signalled(log: Log, graceMs: number): Promise<'signalled'> {
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

/** Resolves when Kong can no longer connect, because the socket's file is not the one that the workers listen on. */
function lost(socket: SocketPath, pool: WorkerPool): Promise<'removed' | 'taken'> {
  return new Promise((resolve) => {
    setInterval(() => {
      const loss = pool.living > 0 ? socket.loss : undefined;
      if (loss !== undefined) resolve(loss);
    }, WATCH_MS).unref();
  });
}

/** Where a server listens, with the port that the system chose when none was named. */
function addressOf(endpoint: Server): string | undefined {
  const address = endpoint.address();
  if (typeof address !== 'object' || address === null) return undefined;
  return `${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`;
}

function loadMetrics(): typeof Metrics {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- takes longer to load than all the rest
  return require('../endpoints/metrics-endpoint') as typeof Metrics;
}
