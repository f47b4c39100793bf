import { ConfigError } from '../../../schema/config-error';
import { withHeaders, type HeaderChanges, type Proceed } from '../../core/decision';
import type { Policy } from '../../core/policy';
import { Refusal } from '../../core/refusal/refusal';
import { headerOf } from '../../core/request/credential-grammar';
import type { RequestView } from '../../core/request/request-view';
import { reportDecision } from '../../gatekeeper/decision-report';
import { beginTrace } from '../../gatekeeper/decision-trace';
import type { Gatekeeper, OpenGatekeeper } from '../../gatekeeper/gatekeeper';
import { describeError } from '../../telemetry/describe-error';
import type { Logger } from '../../telemetry/log';
import type { GatewayAbilities, Permission, Stripping } from './gateway';
import type { NamedConfigs } from '../../policies/policy-file';
import type { Reject, Rejection } from './rejection';

/** What a decision server answers, before its gateway's form. */
export type Outcome = { readonly outcome: 'proceed'; readonly permission: Permission } | Rejection;

/** The policies that a decision server applies. */
export interface Policies {
  /** How many there are. */
  readonly size: number;
  /** Decides about a request and reports the decision. Never rejects. An unknown name refuses the request. */
  decide(policy: string, request: RequestView): Promise<Outcome>;
}

/** What policies need from the outside. */
export interface PolicyDependencies {
  readonly openGatekeeper: OpenGatekeeper;
  /** Path of the signing keys, empty for none. */
  readonly signingKeys: string;
  readonly gateway: GatewayAbilities;
  readonly stripping: Stripping;
  readonly logger: Logger;
  readonly reject: Reject;
}

/** Most characters of an unknown name in the log. */
const MAX_LOGGED_NAME = 64;

/** Tells a service that the request is anonymous, as Kong does. */
const ANONYMOUS_HEADER = 'X-Anonymous-Consumer';

/**
 * Opens all policies, or none.
 *
 * @throws ConfigError with the policy's name in front of the field, for a configuration that is wrong, that needs Kong, or
 *   that the gateway cannot carry out
 */
export function openPolicies(configs: NamedConfigs, dependencies: PolicyDependencies): Policies {
  const opened = new Map(
    Object.entries(configs).map(([name, config]) => [
      name,
      withName(name, () => openPolicy(name, config, dependencies)),
    ]),
  );
  const { reject, logger } = dependencies;
  return {
    size: opened.size,
    decide: async (name, request) => {
      const policy = opened.get(name);
      if (policy === undefined) {
        const unknown = new Refusal('configuration_error', 'the gateway asks for a policy that does not exist');
        return reject(unknown, request, { policy: name.slice(0, MAX_LOGGED_NAME) });
      }
      try {
        return await policy(request);
      } catch (error) {
        logger.log('error', 'request refused because of an unexpected error', describeError(error));
        return reject(new Refusal('internal_error', 'not decided'), request);
      }
    },
  };
}

/**
 * Opens one policy.
 *
 * @throws ConfigError as {@link openPolicies}, without the policy's name
 */
export function openPolicy(
  name: string,
  config: unknown,
  { openGatekeeper, signingKeys, gateway, stripping, logger, reject }: PolicyDependencies,
): (request: RequestView) => Promise<Outcome> {
  const gatekeeper = openGatekeeper(config, { signingKeys, isKong: false, knowsUpstreamPath: false });
  refuseWhatGatewayCannot(gatekeeper, gateway);
  const { policy, decide } = gatekeeper;
  const context = { policy: name, challenge: policy.challenge };
  const written = writtenHeaders(policy);
  const mayReachService = forgeryFilter(policy, written, gateway, stripping);
  return async (request) => {
    const trace = beginTrace();
    const left = Object.keys(request.headers).find(mayReachService);
    const decision =
      left !== undefined
        ? new Refusal('headers_forged', 'a header that only the gateway may set, which it would not remove')
        : needsUntold(policy, request)
          ? new Refusal('configuration_error', 'the gateway does not say what the policy looks at')
          : await decide(request, trace?.observe);
    trace?.decided();
    trace?.end(decision, request, name);
    if (decision instanceof Refusal) return reject(decision, request, context);
    const permission = permissionOf(decision, request, written);
    reportDecision(decision, logger, name);
    return { outcome: 'proceed', permission };
  };
}

function withName<T>(name: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw new ConfigError(`policies.${name}.${error.field}`, error.message.slice(error.field.length + 2));
  }
}

/** What this gateway cannot do must not be left undone. */
function refuseWhatGatewayCannot({ policy }: Gatekeeper, gateway: GatewayAbilities): void {
  if (policy.needsQuery && policy.hideCredentials && !gateway.replacesQuery) {
    throw new ConfigError(
      'config.uri_param_names',
      'this gateway cannot take a token out of the query, so it would reach the service: take tokens from a header, or set hide_credentials: false',
    );
  }
}

function needsUntold(policy: Policy, request: RequestView): boolean {
  return (policy.needsMethod && request.method === undefined) || (policy.needsQuery && request.rawQuery === undefined);
}

/** The headers that every answer names, with the value that an absent change means. */
interface WrittenHeaders {
  /** Only a policy writes these; the client's own value never counts. */
  readonly identity: readonly string[];
  /** These are the client's, unless the policy takes the token out of them. */
  readonly credentials: readonly string[];
}

function writtenHeaders({ identity, identityToken, sources }: Policy): WrittenHeaders {
  const names = [...identity.headerNames, ...(identityToken === undefined ? [] : [identityToken.header])];
  return {
    identity: uniqueNames([...names, ANONYMOUS_HEADER]),
    credentials: uniqueNames(['Authorization', 'Cookie', 'Sec-WebSocket-Protocol', ...sources.headerNames]),
  };
}

/** Names without those that differ from an earlier one in letter case alone. */
function uniqueNames(names: readonly string[]): string[] {
  return [...new Map(names.toReversed().map((name) => [name.toLowerCase(), name])).values()].toReversed();
}

/**
 * Returns a test whether a client's header, by its name in lower case, is one that only the gateway may set and would
 * reach the service all the same.
 */
function forgeryFilter(
  { hygiene }: Policy,
  { identity }: WrittenHeaders,
  gateway: GatewayAbilities,
  stripping: Stripping,
): (name: string) => boolean {
  const answered = new Set(identity.map((name) => name.toLowerCase()));
  return (name) => {
    if (!hygiene.isForged(name) || stripping === 'everything') return false;
    if (answered.has(name)) return stripping !== 'answered' && !(gateway.setsAnyHeader && gateway.removesAnyHeader);
    return !gateway.removesAnyHeader;
  };
}

function permissionOf(decision: Proceed, request: RequestView, { identity, credentials }: WrittenHeaders): Permission {
  const changes =
    decision.token === undefined ? withHeaders(decision.headers, { [ANONYMOUS_HEADER]: 'true' }) : decision.headers;
  const changed = new Map(Object.entries(changes).map(([name, value]) => [name.toLowerCase(), textOf(name, value)]));
  const headers = new Map<string, string | undefined>();
  for (const name of identity) headers.set(name, changed.get(name.toLowerCase()));
  for (const name of credentials) {
    const key = name.toLowerCase();
    headers.set(name, changed.has(key) ? changed.get(key) : textOf(key, headerOf(request, key) ?? []));
  }
  const named = new Set([...headers.keys()].map((name) => name.toLowerCase()));
  const unnamed = [...changed].find(([name, value]) => value !== undefined && !named.has(name));
  if (unnamed !== undefined) throw new Error(`a decision sets ${unnamed[0]}, which no answer names`);
  const forged = [...changed.keys()].flatMap((name) => (named.has(name) ? [] : [name]));
  const { rawQuery, setCookies = [] } = decision;
  return { headers, forged, setCookies, ...(rawQuery !== undefined && { rawQuery }) };
}

/** One value for a header; `undefined` for none. Cookies are joined as HTTP/2 splits them (RFC 9113 §8.2.3). */
function textOf(name: string, value: HeaderChanges[string]): string | undefined {
  if (typeof value === 'string') return value;
  return value.length === 0 ? undefined : value.join(name.toLowerCase() === 'cookie' ? '; ' : ', ');
}
