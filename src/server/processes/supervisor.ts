import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { SERVER_START_VARIABLE } from '../../telemetry/server-start';
import type { Log } from '../../telemetry/log';
import { InstanceRegistry } from '../pluginserver/instance-registry';
import type { MetricsAddress } from '../endpoints/metrics-endpoint';
import { SocketPath } from './socket-path';
import { answerWorker } from './supervised-instances';
import { lost, openMetrics, renewKeysAtHangup, signalled } from './supervision';
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
  /** A worker whose event loop is blocked for this time is killed and replaced. Should exceed what Kong waits. */
  readonly stuckSeconds: number;
  readonly metrics?: MetricsAddress | undefined;
  readonly log: Log;
}

/**
 * How long a server that can be replaced goes on after SIGTERM, in milliseconds. Kong 3.9.3: when its first worker ends,
 * also at a reload, SIGTERM is followed by SIGKILL some 30 ms later. Workers that were not told to stop by then outlive
 * that, until the next server is there.
 */
const TERM_GRACE_MS = 1_000;
/** Instances that no worker used are forgotten after this time, in milliseconds. */
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
  // A server that Kong does not reach must not say that it serves: the process that does listen there would answer for it.
  const unclaimed = new Promise<never>((_, reject) => {
    onUnclaimed = reject;
  });
  const pool = new WorkerPool('worker', { ...settings, hasMetrics: metrics !== undefined }, options.stuckSeconds, log, {
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
  renewKeysAtHangup(pool, log);
  const endpoint = await openMetrics(metrics, takesOver, () => pool, log);
  try {
    const start = await Promise.race([stopSignal, unclaimed, pool.start(options.workers)]);
    if (start === false) return 1;
    if (start === true) log('notice', 'serving', { socket: socket.path, workers: options.workers, pid: process.pid });
    const end = await Promise.race([stopSignal, unclaimed, lost(socket, pool)]);
    if (end === 'taken') log('notice', 'another server took the socket over, this one ends', { socket: socket.path });
    if (end === 'removed') log('error', 'the socket file was removed, the server ends', { socket: socket.path });
    return end === 'removed' ? 1 : 0;
  } finally {
    socket.release();
    await pool.stop();
    endpoint.close();
  }
}
