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
import { refusalResponse } from '../../src/core/refusal/refusal-response';
import type { RequestView } from '../../src/core/request/request-view';
import { reportDecision } from '../../src/gatekeeper/decision-report';
import { createGatekeepers, operatorsSigningKeys, type Door, type Gatekeeper } from '../../src/gatekeeper/gatekeeper';
import { describeError } from '../../src/telemetry/describe-error';
import { createLogger, type LogFields } from '../../src/telemetry/log';
import { version } from '../../package.json';
import { letThrough, tellLogPlugins } from './hand-over';
import type { Pdk } from './pdk';
import { isGrpc, readRequest } from './request';

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
const KONG: Door = { signingKeys: operatorsSigningKeys(), findsConsumers: true, knowsUpstreamPath: true };

/** How requests are refused when the configuration says nothing. */
const WITHOUT_POLICY = { realm: DEFAULT_REALM, handOver: { logDecisions: 'refused', logUser: undefined } } as const;

/** One entry of the plugin in Kong's configuration. */
export class Plugin {
  readonly #gatekeeper: Gatekeeper | Refusal;

  /**
   * Compiles the configuration. One that cannot be used does not throw: the stock plugin server would let every
   * request pass (Kong 3.9.3 with MsgPack:1). It makes an instance that refuses them all, and says why in the log.
   */
  constructor(config: unknown) {
    try {
      this.#gatekeeper = openGatekeeper(config, KONG);
    } catch (error) {
      log('error', 'the configuration is not usable, every request will be refused', reasonOf(error));
      this.#gatekeeper = new Refusal('configuration_error', 'see the log of the start');
    }
  }

  /** Kong's access phase: lets the request through as a verified caller, or ends it. Nothing is thrown. */
  async access(kong: Pdk): Promise<void> {
    let refusal: Refusal | undefined = new Refusal('internal_error', 'not decided');
    let request: RequestView | undefined;
    try {
      const gatekeeper = this.#gatekeeper;
      if (gatekeeper instanceof Refusal) {
        refusal = gatekeeper;
      } else {
        request = await readRequest(kong, gatekeeper.policy);
        refusal = await decideAndLetThrough(kong, request, gatekeeper);
      }
    } catch (error) {
      log('error', 'request refused because of an unexpected error', describeError(error));
    }
    if (refusal !== undefined) await this.#refuse(kong, refusal, request);
  }

  async #refuse(kong: Pdk, refusal: Refusal, request: RequestView | undefined): Promise<void> {
    reportDecision(refusal, logger);
    const { realm, handOver } = this.#gatekeeper instanceof Refusal ? WITHOUT_POLICY : this.#gatekeeper.policy;
    // It travels with the question for the id. A refusal that cannot be logged is a refusal all the same.
    const entry = logEntry(refusal, handOver);
    if (entry !== undefined) await tellLogPlugins(kong, entry).catch(() => undefined);
    const form = request !== undefined && isGrpc(request) ? 'grpc' : 'problem';
    const response = refusalResponse(refusal, realm, await requestIdOf(kong), form);
    await kong.response.exit(response.status, response.body, response.headers);
  }
}

/** Returns `undefined` only after the request has been let through with everything that belongs to it. */
async function decideAndLetThrough(
  kong: Pdk,
  request: RequestView,
  { policy, decide }: Gatekeeper,
): Promise<Refusal | undefined> {
  const decision = await decide(request);
  if (decision instanceof Refusal) return decision;
  const refusal = await letThrough(kong, decision, policy.handOver);
  if (refusal !== undefined) return refusal;
  reportDecision(decision, logger);
  return undefined;
}

/** Kong's id of the request; nothing when Kong does not tell, because without the id an answer is still an answer. */
async function requestIdOf(kong: Pdk): Promise<string | undefined> {
  try {
    return (await kong.nginx.getVar('kong_request_id')) ?? undefined;
  } catch {
    return undefined;
  }
}

/** What may be logged of an exception: a message of ours, otherwise only where it came from. Others may quote a token. */
function reasonOf(error: unknown): LogFields {
  return error instanceof ConfigError ? { reason: error.message } : describeError(error);
}
