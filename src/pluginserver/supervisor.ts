import { availableParallelism } from 'node:os';
import type { Log } from '../telemetry/log';
import { InstanceRegistry } from './instance-registry';
import type * as Metrics from './metrics-endpoint';
import { prepareSocketPath, socketIdentity } from './socket-path';
import { answerWorker } from './supervised-instances';
import type { WorkerSettings } from './worker-messages';
import { WorkerPool } from './worker-pool';

/** How to serve a plugin. */
export interface SupervisorOptions extends Omit<WorkerSettings, 'hasMetrics'> {
  readonly workers: number;
  /** Permission bits of the socket file. */
  readonly socketMode: number;
  readonly metrics?: Metrics.MetricsAddress | undefined;
  readonly log: Log;
}

/** How often the socket file is looked at, in milliseconds. */
const WATCH_MS = 1_000;
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
 * the instances, but serves no event itself. Resolves with the exit code of the process.
 *
 * @throws SocketPathError when the socket's path cannot be used, or the error of `listen(2)` for the metrics
 */
export async function supervise(options: SupervisorOptions): Promise<number> {
  const { socketPath, pluginPath, deadlineMs, metrics, log } = options;
  const stopSignal = signalled(log);
  await prepareSocketPath(socketPath);
  // The socket must never be open to more users than it should be, not even until a chmod.
  process.umask(0o777 & ~options.socketMode);

  const registry = new InstanceRegistry(() => performance.now());
  setInterval(() => {
    registry.dropUnused(UNUSED_MS);
  }, UNUSED_MS).unref();
  let identity: number | undefined;
  const pool = new WorkerPool({ socketPath, pluginPath, deadlineMs, hasMetrics: metrics !== undefined }, log, {
    onMessage: (message, reply) => {
      answerWorker(registry, message, reply, (answer) => {
        pool.broadcast(answer);
      });
    },
    onListening: () => {
      identity = socketIdentity(socketPath);
    },
  });
  const endpoint = metrics && (await loadMetrics().serveMetrics(metrics, () => pool));
  if (!(await pool.start(options.workers))) return 1;
  log('notice', 'serving', { socket: socketPath, workers: options.workers, pid: process.pid });

  const end = await Promise.race([stopSignal, lost(socketPath, () => identity, pool)]);
  // A lost socket is not drained: closing it would remove the file that replaced it.
  if (end === 'signalled') await pool.stop();
  else log('error', 'the socket file was removed or replaced, the server ends', { socket: socketPath });
  endpoint?.closeAllConnections();
  endpoint?.close();
  return end === 'signalled' ? 0 : 1;
}

/** Resolves when the process is told to stop. */
function signalled(log: Log): Promise<'signalled'> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        log('notice', 'stopping', { signal });
        resolve('signalled');
      });
    }
  });
}

/** Resolves when Kong can no longer connect, because the socket's file is not the one that a worker listens on. */
function lost(path: string, identity: () => number | undefined, pool: WorkerPool): Promise<'lost'> {
  return new Promise((resolve) => {
    setInterval(() => {
      if (pool.living === 0) return;
      const current = socketIdentity(path);
      if (current === undefined || current !== identity()) resolve('lost');
    }, WATCH_MS).unref();
  });
}

function loadMetrics(): typeof Metrics {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- takes longer to load than all the rest
  return require('./metrics-endpoint') as typeof Metrics;
}
