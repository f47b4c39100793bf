/** One worker of the decision server. Started by the supervisor only. */
import { surviveHangup } from './hangup';
// Before the other modules are loaded, which takes most of the time of a start.
surviveHangup();
import { createLogger } from '../../telemetry/log';
import { openDecisions, type OpenDecisions } from '../decisions/decisions';
import type { NamedConfigs } from '../../policies/policy-file';
import type * as Metrics from '../endpoints/metrics';
import type * as Traces from '../endpoints/traces';
import { describeError } from '../../telemetry/describe-error';
import { areTracesWanted } from '../../telemetry/traces';
import { FLUSH_MS, liveAsWorker } from './worker-life';
import { type DecisionWorkerSettings, WORKER_PLACE_VARIABLE, WORKER_SETTINGS_VARIABLE } from './worker-messages';

const logger = createLogger();
const { log } = logger;
const settings = JSON.parse(process.env[WORKER_SETTINGS_VARIABLE] ?? '{}') as DecisionWorkerSettings;
const metrics = settings.hasMetrics ? loadMetrics() : undefined;
const traces = areTracesWanted(process.env) ? loadTraces().openTraces(log) : undefined;
const observer = metrics?.createEventObserver();
let decisions: OpenDecisions | undefined;

const life = liveAsWorker(
  {
    drain: async (maximumMs) => {
      await decisions?.server.drain(maximumMs);
      await traces?.close(FLUSH_MS);
    },
    failAll: (reason) => decisions?.pending.failAll(reason),
  },
  log,
  (message) => {
    if (message.kind === 'policies') use(message.policies);
  },
);
life.send({ kind: 'policies-wanted' });

/** Takes the policies that the supervisor has checked. What cannot be used all the same changes nothing. */
function use(policies: NamedConfigs): void {
  try {
    if (decisions === undefined) begin(openDecisions(policies, { ...settings, logger, observer }));
    else decisions.use(policies);
  } catch (error) {
    log('error', 'new policies cannot be used, the previous ones stay in use', describeError(error));
    if (decisions === undefined) process.exit(1);
  }
}

function begin(opened: OpenDecisions): void {
  decisions = opened;
  metrics?.observeServer(opened.measured, process.env[WORKER_PLACE_VARIABLE] ?? '');
  opened.server.listen(settings.address).catch((error: unknown) => {
    log('error', 'cannot listen', { ...settings.address, ...describeError(error) });
    process.exit(1);
  });
}

function loadTraces(): typeof Traces {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- its packages are not always installed
  return require('../endpoints/traces') as typeof Traces;
}

function loadMetrics(): typeof Metrics {
  // eslint-disable-next-line @typescript-eslint/no-require-imports -- takes longer to load than all the rest
  return require('../endpoints/metrics') as typeof Metrics;
}
