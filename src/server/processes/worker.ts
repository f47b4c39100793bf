/** One worker process: runs the plugin for the connections it accepts. Started by the supervisor only. */
import { surviveHangup } from './hangup';
// Before the other modules are loaded, which takes most of the time of a start.
surviveHangup();
import { createLogger } from '../../telemetry/log';
import { EventServer } from '../pluginserver/event-server';
import type * as Metrics from '../endpoints/metrics';
import type * as Traces from '../endpoints/traces';
import { waitForTakeover } from './orphan';
import { releaseOutput } from './output-release';
import { loadPlugin, type PluginModule, PluginModuleError } from '../pluginserver/plugin-module';
import { SocketPath } from './socket-path';
import { SupervisedInstances } from './supervised-instances';
import { describeError } from '../../telemetry/describe-error';
import { areTracesWanted } from '../../telemetry/traces';
import { DRAIN_MS, FLUSH_MS, liveAsWorker, outliveSupervisor } from './worker-life';
import { WORKER_PLACE_VARIABLE, WORKER_SETTINGS_VARIABLE, type WorkerSettings } from './worker-messages';

/** Unused instances are dropped after this time, in milliseconds; they are created again on demand. */
const UNUSED_MS = 60 * 60 * 1_000;
/** How often the worker looks for them and tells the supervisor which it uses, in milliseconds. */
const HOUSEKEEPING_MS = 10 * 60 * 1_000;

const { log } = createLogger();
const settings = JSON.parse(process.env[WORKER_SETTINGS_VARIABLE] ?? '{}') as WorkerSettings;
const life = liveAsWorker(
  {
    drain: async (maximumMs) => {
      await server.drain(maximumMs);
      await traces?.close(FLUSH_MS);
    },
    failAll: (reason) => {
      server.failAll({ reason });
    },
  },
  log,
  (message) => {
    if (message.kind === 'instance-closed') server.instances.drop(message.id);
    else source.receive(message);
  },
);
const socket = new SocketPath(settings.socketPath, settings.supervisorPid);
const source = new SupervisedInstances(life.send, settings.deadlineMs);
const plugin = loadPluginOrExit();
const metrics = settings.hasMetrics ? loadMetrics() : undefined;
const traces = areTracesWanted(process.env) ? loadTraces().openTraces(log) : undefined;
const server = new EventServer({
  plugin,
  source,
  log,
  deadlineMs: settings.deadlineMs,
  observer: metrics?.createEventObserver(),
});
metrics?.observeServer(server, process.env[WORKER_PLACE_VARIABLE] ?? '');

if (settings.takesOver) {
  outliveSupervisor(life, () => {
    source.abandon();
    log('error', 'the supervisor ended, this worker serves without a log until another server takes over', {
      pid: process.pid,
    });
    releaseOutput();
    void waitForTakeover(socket, server).then(() => life.stop(DRAIN_MS, 0));
  });
}

setInterval(() => {
  life.send({ kind: 'instances-used', ids: server.instances.dropUnused(UNUSED_MS) });
}, HOUSEKEEPING_MS).unref();

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
    log('error', 'the plugin cannot be loaded', reason);
    return process.exit(1);
  }
}

function loadTraces(): typeof Traces {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- its packages are not always installed
  return require('../endpoints/traces') as typeof Traces;
}

function loadMetrics(): typeof Metrics {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- takes longer to load than all the rest
  return require('../endpoints/metrics') as typeof Metrics;
}
