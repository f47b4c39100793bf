/**
 * The plugin as Kong's plugin servers load it: a module with `Plugin`, `Schema`, `Version`, `Priority` and `Name`. One
 * `Plugin` is made for every plugin entry in Kong's configuration; what must outlive it (keys, verified tokens) is at
 * module level and keyed by content, because an instance is short-lived (Kong 3.9.3: every worker starts its own, a
 * reload replaces them, the stock server drops idle ones).
 */
import { ConfigError } from '../../schema/config-error';
import { PLUGIN_NAME } from '../../schema/parse-config';
import { CONFIG_ENTITY_CHECKS, CONFIG_FIELDS } from '../../schema/fields/config-fields';
import { logEntry } from '../../src/core/log-entry';
import { DEFAULT_REALM } from '../../src/core/policy';
import { Refusal } from '../../src/core/refusal/refusal';
import { responseForm } from '../../src/core/refusal/refusal-response';
import { metadataAnswer } from '../../src/core/refusal/resource-metadata';
import type { RequestView } from '../../src/core/request/request-view';
import { reportDecision } from '../../src/gatekeeper/decision-report';
import { beginTrace, type DecisionTrace } from '../../src/gatekeeper/decision-trace';
import { createGatekeepers, operatorsSigningKeys, type Door, type Gatekeeper } from '../../src/gatekeeper/gatekeeper';
import { describeError } from '../../src/telemetry/describe-error';
import { createLogger, formatFields, type LogFields } from '../../src/telemetry/log';
import { version } from '../../package.json';
import { callsCarrier, type Carrier } from './carrier';
import { handOver } from './hand-over';
import { hideFromLogs } from './log-hiding';
import type { Pdk } from './pdk';
import { repetitionOfCaller, repetitionOfMissing } from './repetition';
import { readRequest } from './request';
import { handlerVersion, verdictCarrier } from './verdict-carrier';

/** Name in Kong's configuration. */
export const Name = PLUGIN_NAME;
/** After ip-restriction (990); before acl (950) and rate-limiting (910), which may build on the identity. */
export const Priority = 985;
/** Version of the package. */
export const Version = version;
/** Fields of `config`, in Kong's schema language. */
export const Schema = CONFIG_FIELDS;
/** Checks across the fields of `config`. The stock plugin server cannot pass these to Kong; parsing repeats them. */
export const EntityChecks = CONFIG_ENTITY_CHECKS;

const logger = createLogger();
const { log } = logger;
const openGatekeeper = createGatekeepers({ log });
const KONG: Door = { signingKeys: operatorsSigningKeys(), isKong: true, knowsUpstreamPath: true };

/** For a line that Kong must not write. */
const logLine = (line: string): void => {
  log('notice', line);
};

/** How requests are refused when the configuration says nothing. */
const WITHOUT_POLICY = {
  challenge: { realm: DEFAULT_REALM },
  handOver: { logDecisions: 'refused', logUser: undefined },
} as const;

/** One entry of the plugin in Kong's configuration. */
export class Plugin {
  /** Why no request can pass, when the configuration cannot be used; for `health` and metrics. */
  readonly problem: string | undefined;
  readonly #gatekeeper: Gatekeeper | Refusal;
  readonly #carrier: Carrier;

  /**
   * Compiles the configuration. One that cannot be used does not throw: the stock plugin server would let every
   * request pass (Kong 3.9.3 with MsgPack:1). It makes an instance that refuses them all, and says why in the log.
   */
  constructor(config: unknown) {
    const handler = handlerVersion(config);
    this.#carrier = handler === version ? verdictCarrier(config) : callsCarrier(logLine);
    try {
      if (handler !== undefined && handler !== version) {
        throw new ConfigError('lua_package_path', `its handler has version ${handler}, this plugin server ${version}`);
      }
      this.#gatekeeper = openGatekeeper(config, KONG);
    } catch (error) {
      const about = reasonOf(error);
      log('error', 'the configuration is not usable, every request will be refused', about);
      this.problem = `the configuration is not usable: ${formatFields(about)}`;
      this.#gatekeeper = new Refusal('configuration_error', this.problem);
    }
  }

  /** Kong's access phase: lets the request through as a verified caller, or ends it. Nothing is thrown. */
  async access(kong: Pdk): Promise<void> {
    let refusal: Refusal | undefined = new Refusal('internal_error', 'not decided');
    let request: RequestView | undefined;
    let trace: DecisionTrace | undefined;
    try {
      trace = beginTrace();
      const gatekeeper = this.#gatekeeper;
      if (gatekeeper instanceof Refusal) {
        refusal = gatekeeper;
      } else {
        request = await readRequest(kong, gatekeeper.policy);
        const answer = metadataAnswer(gatekeeper.policy.resourceMetadata, request);
        if (answer !== undefined) {
          await this.#carrier.answer(kong, answer);
          return;
        }
        refusal = await this.#decideAndLetThrough(kong, request, gatekeeper, trace);
      }
    } catch (error) {
      log('error', 'request refused because of an unexpected error', describeError(error));
    }
    if (refusal !== undefined) await this.#refuse(kong, refusal, request, trace);
  }

  /** Returns `undefined` only after the request has been let through with everything that belongs to it. */
  async #decideAndLetThrough(
    kong: Pdk,
    request: RequestView,
    { policy, decide }: Gatekeeper,
    trace: DecisionTrace | undefined,
  ): Promise<Refusal | undefined> {
    const decision = await decide(request, trace?.observe);
    trace?.decided();
    if (decision instanceof Refusal) return decision;
    const handedOver = await handOver(kong, decision, policy.handOver);
    if (handedOver instanceof Refusal) return handedOver;
    const { permission, knowsConsumer } = handedOver;
    await this.#carrier.proceed(kong, permission, request, () =>
      repetitionOfCaller(request, policy, decision, knowsConsumer, Date.now() / 1000),
    );
    reportDecision(decision, logger);
    trace?.end(decision, request);
    return undefined;
  }

  async #refuse(
    kong: Pdk,
    refusal: Refusal,
    request: RequestView | undefined,
    trace: DecisionTrace | undefined,
  ): Promise<void> {
    reportDecision(refusal, logger);
    trace?.end(refusal, request);
    const policy = this.#gatekeeper instanceof Refusal ? undefined : this.#gatekeeper.policy;
    const { challenge, handOver: settings } = policy ?? WITHOUT_POLICY;
    // It travels with what ends the event. A refusal whose token cannot be hidden is a refusal all the same.
    if (request && policy) await hideFromLogs(kong, request, policy.sources).catch(() => undefined);
    const form = request === undefined ? 'problem' : responseForm(request.headers);
    const rejection = { refusal, challenge, form, log: logEntry(refusal, settings) } as const;
    await this.#carrier.refuse(
      kong,
      rejection,
      request,
      () => request && policy && repetitionOfMissing(request, policy, refusal),
    );
  }
}

/** What may be logged of an exception: a message of ours, otherwise only where it came from. Others may quote a token. */
function reasonOf(error: unknown): LogFields {
  return error instanceof ConfigError ? { reason: error.message } : describeError(error);
}
