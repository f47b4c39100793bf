/** Signed identity: the package's export `kong-plugin-jwt-identity/guard/identity-token` (docs/ISOLATION.md). */
import { ConfigError } from '../../schema/config-error';
import { parseConfig } from '../../schema/parse-config';
import { audienceRule, requiredClaims } from '../core/verification/claim-rules';
import type { Claims } from '../core/claim-selector';
import {
  IDENTITY_HEADERS_CLAIM,
  IDENTITY_TOKEN_TYPE,
  REQUEST_HASH_CLAIM,
  requestHash,
} from '../core/identity/identity-token';
import type { KeySource } from '../core/verification/key-source';
import { Refusal } from '../core/refusal/refusal';
import { issuerDirectory } from '../core/verification/issuer-directory';
import { createTokenCache, verifyTokenOnce } from '../core/verification/token-cache';
import type { Trust } from '../core/verification/trust';
import { createKeySources } from '../keys/key-sources';
import { localKeySet } from '../keys/local-key-set';
import { createLogger, LOG_LEVEL_VARIABLE } from '../telemetry/log';
import type { GatewayProof, GuardedRequest, SignedHeaders } from './gateway-proof';

/** Whose tokens count, and where its keys are. */
export interface IdentityTokenOptions {
  /** `identity_token.issuer` of the gateway. */
  readonly issuer: string;
  /** `identity_token.audience`: the name of this service. */
  readonly audience: string;
  /** Where the gateway publishes its keys; https unless on this machine or `allowHttp`. This or `jwksFile`. */
  readonly jwksUri?: string;
  /** A file with the keys, as `kong-jwt-identity jwks` prints them. */
  readonly jwksFile?: string;
  /** `X-Identity-Token` unless `identity_token.header` is another. */
  readonly header?: string;
  /** Seconds by which the clocks may differ; 5 unless given, 60 at most. */
  readonly leewaySeconds?: number;
  /** Whether tokens must be bound to the request (`identity_token.bind_request`). A binding that is there always counts. */
  readonly requireBinding?: boolean;
  /** Certificate authorities for `jwksUri`, a file in PEM; otherwise those of Node. */
  readonly caFile?: string;
  /** Fetch keys over plain http from another machine. Unsafe: an attacker in the network chooses the keys. */
  readonly allowHttp?: boolean;
}

/** Longest life of a token that is accepted, in seconds; the same as the most that `identity_token.lifetime` allows. */
const MAX_LIFETIME = 300;

/**
 * Takes a request for the gateway's when it carries a token that the gateway signed for this service just now, and
 * vouches for the identity headers in it. It does not tell who passed the token on: until it expires, it can be used
 * again by anybody who sees it, for the same caller and, when bound, for the same request.
 *
 * Verified by the very code that verifies callers' tokens: algorithm, type, issuer, audience, times, keys and their
 * rotation.
 *
 * @throws ConfigError for options that are wrong
 */
export function gatewayIdentityToken(options: IdentityTokenOptions): GatewayProof {
  const { issuer, audience, header = 'X-Identity-Token', leewaySeconds = 5, requireBinding = false } = options;
  if (!(leewaySeconds >= 0 && leewaySeconds <= 60)) throw new ConfigError('leewaySeconds', 'must be from 0 to 60');
  const keys = keysOf(options);
  const trust: Trust = {
    id: JSON.stringify([issuer, audience]),
    issuers: issuerDirectory([
      {
        issuer,
        algorithms: new Set(['EdDSA', 'ES256']),
        tokenTypes: new Set([IDENTITY_TOKEN_TYPE]),
        claimRules: {
          audience: audienceRule('aud', [audience]),
          requiredClaims: requiredClaims(['iat', 'exp', IDENTITY_HEADERS_CLAIM]),
          conditions: [],
          leewaySeconds,
          maximumExpirationSeconds: MAX_LIFETIME,
        },
        keysOf: () => keys,
        keysNameIssuer: false,
        tenants: undefined,
        // Who is calling is in the signed headers.
        readCaller: (claims) => ({ id: undefined, roles: [], scopes: [], issuer, tenant: undefined, claims }),
        own: { id: false, roles: false, scopes: false },
      },
    ]),
  };
  const cache = createTokenCache(5_000, 8 * 1024 * 1024);

  return async (request) => {
    const [token, ...others] = request.headers(header);
    if (token === undefined) return notFromGateway('no identity token');
    if (others.length > 0) return notFromGateway('several identity tokens');
    const verified = await verifyTokenOnce(token, trust, cache, () => Date.now() / 1000);
    if (verified instanceof Refusal) {
      // What is wrong with it is nothing that a client of the gateway could mend.
      return verified.code === 'keys_unavailable' ? verified : notFromGateway(verified.reason);
    }
    return bindingProblem(verified.claims, request, requireBinding) ?? signedHeaders(verified.claims);
  };
}

function keysOf({ issuer, audience, jwksUri, jwksFile, caFile, allowHttp = false }: IdentityTokenOptions): KeySource {
  // In a service's own log only what somebody must see to, unless asked for more.
  const dependencies = { now: Date.now, log: createLogger(process.env[LOG_LEVEL_VARIABLE] ?? 'warn').log };
  if ((jwksUri === undefined) === (jwksFile === undefined)) {
    throw new ConfigError('jwksUri', 'give either this or jwksFile');
  }
  if (jwksFile !== undefined) return localKeySet(jwksFile, dependencies);
  const key_fetch = { allow_http: allowHttp, ...(caFile !== undefined && { ca_file: caFile }) };
  const { issuers } = parseConfig({ issuers: [{ issuer, audiences: [audience], jwks_uri: jwksUri, key_fetch }] });
  const [source] = issuers.map(createKeySources(dependencies));
  if (source === undefined) throw new ConfigError('jwksUri', 'has no keys');
  return source;
}

function bindingProblem(claims: Claims, { method, path }: GuardedRequest, isRequired: boolean): Refusal | undefined {
  const hash = Object.hasOwn(claims, REQUEST_HASH_CLAIM) ? claims[REQUEST_HASH_CLAIM] : undefined;
  if (hash === undefined) return isRequired ? notFromGateway('the identity token is not bound') : undefined;
  return hash === requestHash(method, path) ? undefined : notFromGateway('the identity token is for another request');
}

function signedHeaders(claims: Claims): SignedHeaders | Refusal {
  const headers = claims[IDENTITY_HEADERS_CLAIM];
  const isMap = typeof headers === 'object' && headers !== null && !Array.isArray(headers);
  if (!isMap || !Object.values(headers).every((value) => typeof value === 'string')) {
    return notFromGateway('the identity token does not hold headers');
  }
  return { signed: new Map(Object.entries(headers as Record<string, string>)) };
}

function notFromGateway(reason: string): Refusal {
  return new Refusal('not_from_gateway', reason);
}
