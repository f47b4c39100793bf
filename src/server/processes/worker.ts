/** One worker process: runs the plugin for the connections it accepts. Started by the supervisor only. */
import { surviveHangup } from './hangup';
// Before the other modules are loaded, which takes most of the time of a start.
surviveHangup();
import cluster from 'node:cluster';
import { renewalChannel } from '../../telemetry/channels';
import { createLogger } from '../../telemetry/log';
import { EventServer } from '../pluginserver/event-server';
import type * as Metrics from '../endpoints/metrics';
import { waitForTakeover } from './orphan';
import { releaseOutput } from './output-release';
import { loadPlugin, type PluginModule, PluginModuleError } from '../pluginserver/plugin-module';
import { SocketPath } from './socket-path';
import { SupervisedInstances } from './supervised-instances';
import { describeError } from '../../telemetry/describe-error';
import {
  type FromWorker,
  type ToWorker,
  WORKER_PLACE_VARIABLE,
  WORKER_SETTINGS_VARIABLE,
  type WorkerSettings,
} from './worker-messages';

/** How long events may take to end after the worker was told to stop, in milliseconds. */
const DRAIN_MS = 5_000;
/** Instances that were not used for so long are dropped, in milliseconds; they are made again when asked for. */
const UNUSED_MS = 60 * 60 * 1_000;
/** How often the worker looks for them and tells the supervisor which it uses, in milliseconds. */
const HOUSEKEEPING_MS = 10 * 60 * 1_000;
/** How often the worker says that its event loop turns, in milliseconds. */
const ALIVE_MS = 1_000;

const { log } = createLogger();
let isStopping = false;
// Kong closes our stderr when it dies. That must not be an error of its own.
process.stderr.on('error', () => undefined);

const settings = JSON.parse(process.env[WORKER_SETTINGS_VARIABLE] ?? '{}') as WorkerSettings;
const send = (message: FromWorker): void => {
  // The supervisor may die at any time. Whoever waits for its answer is told when this process has noticed.
  if (process.connected) process.send?.(message, undefined, undefined, () => undefined);
};
const socket = new SocketPath(settings.socketPath, settings.supervisorPid);
const source = new SupervisedInstances(send, settings.deadlineMs);
const plugin = loadPluginOrExit();
const metrics = settings.hasMetrics ? loadMetrics() : undefined;
const server = new EventServer({
  plugin,
  source,
  log,
  deadlineMs: settings.deadlineMs,
  observer: metrics?.createEventObserver(),
});
metrics?.observeServer(server, process.env[WORKER_PLACE_VARIABLE] ?? '');

process.on('message', (message: ToWorker) => {
  if (message.kind === 'drain') void stop(DRAIN_MS, 0);
  else if (message.kind === 'renew-keys') renewalChannel.publish({});
  else if (message.kind === 'instance-closed') server.instances.drop(message.id);
  else source.receive(message);
});
// A terminal and systemd send these to all processes: the supervisor, if there is one, decides what they mean.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (!process.connected && signal !== 'SIGHUP') void stop(DRAIN_MS, 0);
  });
}

const self = cluster.worker;
self?.once('disconnect', () => {
  if (!settings.takesOver || isStopping) return;
  // Otherwise node:cluster ends the process now.
  self.exitedAfterDisconnect = true;
  source.abandon();
  log('error', 'the supervisor is gone, a worker goes on without a log until another server takes over', {
    pid: process.pid,
  });
  releaseOutput();
  void waitForTakeover(socket, server).then(() => stop(DRAIN_MS, 0));
});

// An exception outside of any event leaves nothing to rely on: every request in this process is refused and the
// process ends. Kong never takes that for consent, and the supervisor replaces the worker.
process.on('uncaughtException', (error: unknown) => {
  log('error', 'the worker ends because of an unexpected exception', describeError(error));
  server.failAll({ reason: 'the worker broke' });
  void stop(0, 1);
});
// A rejection that nobody waited for cannot have been part of a decision, as an event goes on by a normal return only.
// Ending here would let one such bug take the service down.
process.on('unhandledRejection', (error: unknown) => {
  log('error', 'a promise was rejected and nobody waited for it', describeError(error));
});

setInterval(() => {
  send({ kind: 'instances-used', ids: server.instances.dropUnused(UNUSED_MS) });
}, HOUSEKEEPING_MS).unref();

setInterval(() => {
  send({ kind: 'alive' });
}, ALIVE_MS).unref();

server.listen(socket.ownName).then(
  () => {
    socket.recognize();
  },
  (error: unknown) => {
    log('error', 'cannot listen', { socket: socket.ownName, ...describeError(error) });
    process.exit(1);
  },
);

function loadPluginOrExit(): PluginModule {
  try {
    return loadPlugin(settings.pluginPath);
  } catch (error) {
    const reason = error instanceof PluginModuleError ? { reason: error.message } : describeError(error);
    log('error', 'the plugin cannot be served', reason);
    return process.exit(1);
  }
}

async function stop(maximumMs: number, exitCode: number): Promise<void> {
  isStopping = true;
  await server.drain(maximumMs);
  process.exit(exitCode);
}

function loadMetrics(): typeof Metrics {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- takes longer to load than all the rest
  return require('../endpoints/metrics') as typeof Metrics;
}
