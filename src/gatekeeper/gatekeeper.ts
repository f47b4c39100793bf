import type { Config } from '../../schema/config';
import { ConfigError } from '../../schema/config-error';
import { parseConfig } from '../../schema/parse-config';
import { configWarnings } from '../../schema/rules/config-warnings';
import type { Decision } from '../core/decision';
import type { SigningKeySource } from '../core/identity/signing-key';
import type { Observer } from '../core/observer';
import { decide } from '../core/pipeline';
import { compilePolicy, type Policy } from '../core/policy';
import { Refusal } from '../core/refusal/refusal';
import type { RequestView } from '../core/request/request-view';
import { createTokenCache } from '../core/verification/token-cache';
import type { Clock } from '../core/verification/verified-token';
import { createKeySources } from '../keys/key-sources';
import { signingKeyFile } from '../keys/signing-key-file';
import { SIGNING_KEYS_VARIABLE } from '../keys/signing-keys';
import { createRevocationChecks } from '../revocation/revocation-checks';
import { describeError } from '../telemetry/describe-error';
import type { Log } from '../telemetry/log';

/** Decides about the requests of one configuration. */
export interface Gatekeeper {
  /** The compiled configuration: what a door must read of a request, and how it carries a decision out. */
  readonly policy: Policy;
  /**
   * Decides about one request. Never rejects: an exception is logged and refuses the request with `internal_error`.
   *
   * @param observe - is told every finding; for `explain`
   */
  readonly decide: (request: RequestView, observe?: Observer) => Promise<Decision>;
}

/** What a door can do. The rest of a gatekeeper is the same behind every door. */
export interface Door {
  /**
   * What signs `identity_token`: the path of a file with signing keys, or a key at hand. An empty path means that the
   * operator gave no file, and a configuration with `identity_token` is an error. `undefined` means that the door makes
   * no identity tokens, and `identity_token` is left out.
   */
  readonly signingKeys: string | SigningKeySource | undefined;
  /**
   * Whether the door stands in Kong, with its consumers and its other plugins. `consumer_claim`,
   * `authenticated_groups_claim` and `allow_authenticated` need it.
   */
  readonly isKong: boolean;
  /** Whether the door knows the path that the service will receive, for `identity_token.bind_request`. */
  readonly knowsUpstreamPath: boolean;
  /** Cookies that may hold the token, in addition to `cookie_names`. */
  readonly cookieNames?: readonly string[];
}

/** What gatekeepers need from the outside. */
export interface GatekeeperDependencies {
  readonly log: Log;
  /** Told what is accepted in a configuration and probably not meant, when it is opened; otherwise the log is. */
  readonly onDoubt?: ((field: string, message: string) => void) | undefined;
  /** The time by which tokens are judged; the system's clock unless given. */
  readonly clock?: Clock;
}

/**
 * Opens a gatekeeper for one configuration.
 *
 * @param config - as in kong.yml
 * @throws ConfigError for a configuration that is wrong, that needs signing keys which cannot be read, or that needs
 *   what the door cannot do
 */
export type OpenGatekeeper = (config: unknown, door: Door) => Gatekeeper;

/**
 * Returns a function that opens gatekeepers. Keys, signing keys, revocation lists and verified tokens are shared by all
 * that it opens, by content: make one of these for each process. Nothing about a route is shared ({@link createTokenCache}).
 */
export function createGatekeepers({
  log,
  onDoubt,
  clock = () => Date.now() / 1000,
}: GatekeeperDependencies): OpenGatekeeper {
  const tokens = createTokenCache();
  const onUnusedKeys =
    onDoubt &&
    ((issuer: string, reasons: string): void => {
      onDoubt('config.issuers.jwks', `keys are not used: ${reasons} (issuer ${issuer})`);
    });
  const keys = createKeySources({ now: Date.now, log, onUnusedKeys });
  const revocationFor = createRevocationChecks({ now: Date.now, log, keySourceFor: keys });
  const signingFiles = new Map<string, SigningKeySource>();
  const signingKeyOf = (path: string): SigningKeySource => {
    const source = signingFiles.get(path) ?? signingKeyFile(path, { now: Date.now, log });
    signingFiles.set(path, source);
    return source;
  };

  return (config, door) => {
    const { signingKeys } = door;
    const signingKey = typeof signingKeys === 'string' ? signingKeyOf(signingKeys) : signingKeys;
    const parsed = parseConfig(config);
    const policy = compilePolicy(configAt(door, parsed), keys, signingKey, revocationFor);
    for (const { field, message } of configWarnings(parsed)) {
      if (onDoubt !== undefined) onDoubt(field, message);
      else log('warn', message, { field });
    }
    return {
      policy,
      decide: async (request, observe) => {
        try {
          return await decide(request, policy, tokens, clock, observe);
        } catch (error) {
          log('error', 'request refused because of an unexpected error', describeError(error));
          return new Refusal('internal_error', 'not decided');
        }
      },
    };
  };
}

/** Path of the signing keys that the operator gave this process; empty when there are none. */
export function operatorsSigningKeys(): string {
  return process.env[SIGNING_KEYS_VARIABLE] ?? '';
}

/** The configuration as it applies at a door. What the door cannot do is an error, never a silent difference. */
function configAt({ signingKeys, isKong, knowsUpstreamPath, cookieNames = [] }: Door, config: Config): Config {
  if (!isKong) refuseWhatNeedsKong(config);
  const identityToken = signingKeys === undefined ? null : config.identityToken;
  if (!knowsUpstreamPath && identityToken?.bindRequest === true) {
    throw needsKong('identity_token.bind_request', 'only it knows what the service will receive');
  }
  return { ...config, cookieNames: [...new Set([...config.cookieNames, ...cookieNames])], identityToken };
}

/** Fields by which other parts of Kong decide. Without Kong, a request would pass that Kong refuses, or the reverse. */
function refuseWhatNeedsKong({ consumerClaim, authenticatedGroupsClaim, allowAuthenticated }: Config): void {
  if (consumerClaim !== null) throw needsKong('consumer_claim', 'nobody else knows its consumers');
  if (authenticatedGroupsClaim !== null) {
    throw needsKong('authenticated_groups_claim', 'only its acl plugin knows which groups may pass; use authorize');
  }
  if (allowAuthenticated) {
    throw needsKong('allow_authenticated', 'only its other authentication plugins know the caller');
  }
}

function needsKong(field: string, reason: string): ConfigError {
  return new ConfigError(`config.${field}`, `needs Kong: ${reason}`);
}
