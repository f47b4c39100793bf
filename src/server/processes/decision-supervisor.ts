import { randomUUID } from 'node:crypto';
import { SERVER_START_VARIABLE } from '../../telemetry/server-start';
import type { Log } from '../../telemetry/log';
import type { NamedConfigs } from '../../policies/policy-file';
import type { MetricsAddress } from '../endpoints/metrics-endpoint';
import { SocketPath } from './socket-path';
import { addressText, lost, openMetrics, renewKeysAtHangup, signalled } from './supervision';
import type { DecisionWorkerSettings } from './worker-messages';
import { WorkerPool } from './worker-pool';

/** How to serve decisions. */
export interface DecisionSupervisorOptions extends Omit<DecisionWorkerSettings, 'hasMetrics'> {
  readonly workers: number;
  /** Permission bits of the socket file. */
  readonly socketMode: number;
  /** A live server on the same Unix socket is replaced. It notices, lets its decisions end, and stops. */
  readonly takesOver: boolean;
  /** A worker whose event loop is blocked for this time is killed and replaced. */
  readonly stuckSeconds: number;
  readonly metrics?: MetricsAddress | undefined;
  /** Returns the policies that count now; another object when they have changed. */
  readonly policies: () => NamedConfigs;
  readonly log: Log;
}

/** How often the policies are asked for, in milliseconds. */
const LOOK_MS = 1_000;

/**
 * Runs the decision server until it is told to stop. This process starts the workers, replaces those that die and hands
 * them the policies, but decides nothing itself. When it dies, its workers end at once, and gateways refuse what they
 * would have asked. SIGHUP makes all processes read all keys anew. Resolves with the exit code of the process.
 *
 * @throws SocketPathError when the socket's path cannot be used, or the error of `listen(2)` for the metrics
 */
export async function superviseDecisions(options: DecisionSupervisorOptions): Promise<number> {
  const { address, workers, takesOver, metrics, log } = options;
  const stopSignal = signalled(log, 0);
  const socket = 'path' in address ? new SocketPath(address.path) : undefined;
  await socket?.check(takesOver, options.socketMode);
  // The socket must never be open to more users than it should be, not even until a chmod.
  if (socket !== undefined) process.umask(0o777 & ~options.socketMode);

  // Workers inherit it.
  process.env[SERVER_START_VARIABLE] = randomUUID();
  const { gateway, stripping, peers, deadlineMs } = options;
  const settings: DecisionWorkerSettings = {
    ...{ gateway, stripping, peers, deadlineMs },
    address: socket === undefined ? address : { path: socket.ownName },
    hasMetrics: metrics !== undefined,
  };
  let policies = options.policies();
  let listensOn = socket?.path ?? '';
  let onUnclaimed: (error: unknown) => void = () => undefined;
  const unclaimed = new Promise<never>((_, reject) => {
    onUnclaimed = reject;
  });
  const pool = new WorkerPool('decision-worker', settings, options.stuckSeconds, log, {
    onMessage: ({ kind }, reply) => {
      if (kind === 'policies-wanted') reply({ kind: 'policies', policies });
    },
    onListening: (host, port) => {
      if (socket === undefined) listensOn = addressText(host ?? '', port);
      try {
        socket?.claim();
      } catch (error) {
        onUnclaimed(error);
      }
    },
  });
  renewKeysAtHangup(pool, log);
  const endpoint = await openMetrics(metrics, takesOver, () => pool, log);
  try {
    const start = await Promise.race([stopSignal, unclaimed, pool.start(workers)]);
    if (start === false) return 1;
    if (start === true) {
      log('notice', 'serving decisions', {
        ...{ gateway, address: listensOn, policies: Object.keys(policies).length, workers, pid: process.pid },
      });
    }
    setInterval(() => {
      const next = options.policies();
      if (next === policies) return;
      policies = next;
      pool.broadcast({ kind: 'policies', policies });
      log('notice', 'policies reloaded', { policies: Object.keys(policies).length });
    }, LOOK_MS).unref();
    const ends = [stopSignal, unclaimed, ...(socket === undefined ? [] : [lost(socket, pool)])];
    const end = await Promise.race<'signalled' | 'removed' | 'taken'>(ends);
    if (end === 'taken') log('notice', 'another server took the socket over, this one ends', { socket: listensOn });
    if (end === 'removed') log('error', 'the socket file was removed, the server ends', { socket: listensOn });
    return end === 'removed' ? 1 : 0;
  } finally {
    socket?.release();
    await pool.stop();
    endpoint.close();
  }
}
