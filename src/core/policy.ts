import type { Config } from '../../schema/config';
import { ConfigError } from '../../schema/config-error';
import { authorizationRules, shadowRules, type AuthorizationRules } from './authorization/authorization';
import type { TokenSources } from './request/bearer-token';
import { compileHandOver, type HandOver } from './hand-over';
import { headerHygiene, type HeaderHygiene } from './request/header-hygiene';
import { identityTokenIssuer, type IdentityTokenIssuer } from './identity/identity-token';
import { identityWriter, type IdentityWriter } from './identity/identity-headers';
import type { Challenge } from './refusal/refusal-response';
import { resourceMetadata, type ResourceMetadata } from './refusal/resource-metadata';
import type { SigningKeySource } from './identity/signing-key';
import type { RevocationCheck } from './verification/revocation';
import { compileTrust, type OpenKeySource, type Trust } from './verification/trust';

/** One configuration of the plugin, compiled once so that a request only reads it. */
export interface Policy {
  readonly trust: Trust;
  readonly sources: TokenSources;
  readonly hygiene: HeaderHygiene;
  readonly identity: IdentityWriter;
  readonly identityToken: IdentityTokenIssuer | undefined;
  /** Asked for every verified token; `undefined` when no list is configured. */
  readonly revocation: RevocationCheck | undefined;
  readonly authorization: AuthorizationRules | undefined;
  /** Rules that are tried and never enforced. */
  readonly shadow: AuthorizationRules | undefined;
  readonly hideCredentials: boolean;
  readonly allowMissing: boolean;
  /** Whether a request whose only token is in a cookie and not valid passes like one without a token. */
  readonly ignoresInvalidCookies: boolean;
  readonly allowAuthenticated: boolean;
  readonly runOnPreflight: boolean;
  readonly handOver: HandOver;
  /** What clients are told about the resource, and where; `undefined` when the configuration says nothing. */
  readonly resourceMetadata: ResourceMetadata | undefined;
  /** For the challenge of a refusal. */
  readonly challenge: Challenge;
  /** For how many seconds the handler inside Kong's worker may repeat an answer, at most; 0: not at all. */
  readonly repeatSeconds: number;
  /** Whether {@link RequestView.method} is needed to decide. */
  readonly needsMethod: boolean;
  /** Whether {@link RequestView.path} is needed to decide. */
  readonly needsPath: boolean;
  /** Whether {@link RequestView.rawQuery} is needed to decide. */
  readonly needsQuery: boolean;
}

/** RFC 6750 §3: a challenge has at least one parameter. The same word as in Kong's basic-auth. */
export const DEFAULT_REALM = 'service';

/**
 * Compiles a parsed configuration.
 *
 * @param keySourceFor - opens an issuer's keys; its errors (a PEM that is none) pass through
 * @param signingKey - the gateway's own keys, for `identity_token`; asked once now, and its errors pass through
 * @param revocationFor - opens the lists of revoked tokens; its errors pass through
 * @throws ConfigError when `identity_token` is configured and there are no signing keys
 */
export function compilePolicy(
  config: Config,
  keySourceFor: OpenKeySource,
  signingKey?: SigningKeySource,
  revocationFor: (config: Config) => RevocationCheck | undefined = refuseLists,
): Policy {
  const authorization = authorizationRules(config);
  const shadow = shadowRules(config);
  const identityToken = compileIdentityToken(config, signingKey);
  const metadata = resourceMetadata(config);
  return {
    trust: compileTrust(config, keySourceFor),
    sources: {
      headerNames: config.headerNames.map((name) => name.toLowerCase()),
      cookieNames: config.cookieNames,
      uriParamNames: config.uriParamNames,
      maxTokenBytes: config.maxTokenBytes,
    },
    hygiene: headerHygiene(config),
    identity: identityWriter(config),
    identityToken,
    revocation: revocationFor(config),
    authorization,
    shadow,
    hideCredentials: config.hideCredentials,
    allowMissing: config.allowMissing,
    ignoresInvalidCookies: config.allowMissing && config.onInvalidCookie === 'anonymous',
    allowAuthenticated: config.allowAuthenticated,
    runOnPreflight: config.runOnPreflight,
    handOver: compileHandOver(config),
    resourceMetadata: metadata,
    challenge: {
      realm: config.realm ?? DEFAULT_REALM,
      ...(metadata !== undefined && { resourceMetadata: metadata.url }),
    },
    repeatSeconds: repeatSeconds(config),
    needsMethod:
      authorization !== undefined ||
      shadow !== undefined ||
      !config.runOnPreflight ||
      identityToken?.bindsRequest === true,
    needsPath: identityToken?.bindsRequest === true,
    needsQuery: config.uriParamNames.length > 0,
  };
}

/** A list that nobody reads would let revoked tokens pass. */
function refuseLists({ revocationLists, issuers }: Config): undefined {
  if (revocationLists.length === 0 && issuers.every(({ statusList }) => statusList === null)) return undefined;
  throw new ConfigError('config.revocation_lists', 'are not read here');
}

/** A signed identity token is handed out during half of its life; repeated for a quarter, it ends in time. */
function repeatSeconds({ workerCacheTtl, identityToken }: Config): number {
  return identityToken === null ? workerCacheTtl : Math.min(workerCacheTtl, identityToken.lifetime / 4);
}

function compileIdentityToken(
  { identityToken, leeway }: Config,
  signingKey: SigningKeySource | undefined,
): IdentityTokenIssuer | undefined {
  if (identityToken === null) return undefined;
  if (signingKey === undefined) throw new ConfigError('config.identity_token', 'needs signing keys');
  signingKey();
  return identityTokenIssuer(identityToken, leeway, signingKey);
}
