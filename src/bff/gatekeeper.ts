/** For front ends beside the gateway: the package's export `kong-plugin-jwt-identity/bff` (docs/BFF.md). */
import { randomUUID } from 'node:crypto';
import { ConfigError } from '../../schema/config-error';
import type { Claims } from '../core/claim-selector';
import { withHeaders } from '../core/decision';
import { Refusal, type RefusalCode } from '../core/refusal/refusal';
import { refusalResponse } from '../core/refusal/refusal-response';
import { metadataAnswer } from '../core/refusal/resource-metadata';
import { hasTokenCookie } from '../core/request/cookie-token';
import type { Caller } from '../core/verification/caller';
import { createGatekeepers } from '../gatekeeper/gatekeeper';
import { createRefusalLog } from '../gatekeeper/refusal-line';
import { createLogger } from '../telemetry/log';
import { mayBeCrossSite, normalizeOrigin } from './cross-site';
import { forwardedHeaders, requestView, traceIdOfRequest } from './web-request';

export { mayBeCrossSite } from './cross-site';
export { createLogoutHandler } from './logout';

/** What a BFF knows better than the gateway. */
export interface GatekeeperOptions {
  /**
   * Where a browser's token is kept. A request that may come from another site is refused when it has this cookie or one
   * of `cookie_names`.
   */
  readonly session?: {
    /**
     * Name of the cookie, which should be `HttpOnly`, `Secure` and `SameSite`. Left out: only `cookie_names` of the
     * configuration are read.
     */
    readonly cookie?: string;
    /** Origin of the BFF as browsers see it, such as `https://shop.example.com`. Needed with `cookie_names`. */
    readonly origin: string;
  };
  /**
   * File with the signing keys, for a BFF that is a gateway to services which want `identity_token`. Without it, no such
   * token is made.
   */
  readonly signingKeys?: string;
}

/** The request may go on. */
export interface Admission {
  readonly outcome: 'proceed';
  /** Claims of the verified token; `undefined` for an anonymous request. */
  readonly claims: Claims | undefined;
  /** Who is calling, as the issuer's entry says to read the claims; `undefined` for an anonymous request. */
  readonly caller: Caller | undefined;
  /**
   * The headers that tell a service who is calling, for a request of the BFF's own. For an anonymous request,
   * `X-Anonymous-Consumer`, as from Kong.
   */
  readonly identityHeaders: Readonly<Record<string, string>>;
  /** The browser's headers with the identity, as far as a service may see them, for passing the request on. */
  readonly forwardedHeaders: Headers;
  /** Lines of `Set-Cookie` for the browser: they remove a cookie that is not valid (`on_invalid_cookie`). */
  readonly setCookies: readonly string[];
  /** The query for passing the request on, with its `?` if there is one, without a token. */
  readonly search: string;
}

/** The request is answered here. */
export interface Rejection {
  readonly outcome: 'refuse';
  readonly code: RefusalCode;
  /** What the gateway would answer. */
  readonly response: Response;
}

/** Decides as the plugin does. Never rejects: what is not foreseen is refused with `internal_error`. */
export interface Gatekeeper {
  decide(request: Request): Promise<Admission | Rejection>;
  /**
   * Returns the answer to a request for the metadata of `resource_metadata` (RFC 9728), `undefined` for every other one. A
   * BFF that is itself the resource serves it at `/.well-known/oauth-protected-resource` and the path of the resource.
   */
  resourceMetadata(request: Request): Response | undefined;
}

/** RFC 6265 §4.1.1 cookie-name. */
const COOKIE_NAME = /^[\w!#$%&'*+.^`|~-]+$/;

/** What Kong's own plugins tell a service about an anonymous caller (Kong 3.9.3). */
const ANONYMOUS = { 'X-Anonymous-Consumer': 'true' } as const;

// In the BFF's own log only what somebody must see to, unless asked for more.
const { log } = createLogger();
const openGatekeeper = createGatekeepers({ log });
const logRefusal = createRefusalLog(log);

/**
 * Returns the plugin's gatekeeper for use without Kong: the same configuration, the same code, the same answers. Keys
 * and verified tokens are shared by all gatekeepers of a process.
 *
 * @param config - as in kong.yml, or what {@link routeConfig} read from there
 * @throws ConfigError for a configuration that the plugin refuses, or that needs Kong (`consumer_claim`,
 *   `authenticated_groups_claim`, `allow_authenticated`, `identity_token.bind_request`); for `cookie_names` without
 *   `session.origin`; for a `session` without a valid cookie name or origin
 */
export function createGatekeeper(config: unknown, { session, signingKeys }: GatekeeperOptions = {}): Gatekeeper {
  const origin = session === undefined ? undefined : normalizeOrigin(session.origin);
  if (session?.cookie !== undefined && !COOKIE_NAME.test(session.cookie)) {
    throw new ConfigError('session.cookie', 'must be a cookie name (RFC 6265 §4.1.1)');
  }
  const { policy, decide } = openGatekeeper(config, {
    signingKeys,
    isKong: false,
    knowsUpstreamPath: false,
    ...(session?.cookie !== undefined && { cookieNames: [session.cookie] }),
  });
  if (origin === undefined && policy.sources.cookieNames.length > 0) {
    throw new ConfigError('config.cookie_names', 'needs session.origin: other sites can make a browser send a cookie');
  }
  const { identity: writer, identityToken } = policy;
  const identityNames = new Set([
    ...writer.headerNames,
    ...(identityToken === undefined ? [] : [identityToken.header]),
  ]);

  const judge = async (request: Request): Promise<Admission | Refusal> => {
    const view = requestView(request);
    if (origin !== undefined && hasTokenCookie(view, policy.sources) && mayBeCrossSite(request, origin)) {
      return new Refusal('cross_site_request', 'not from the own origin');
    }
    const decision = await decide(view);
    if (decision instanceof Refusal) return decision;
    const identity = Object.entries(decision.headers).filter(
      (entry): entry is [string, string] => identityNames.has(entry[0]) && typeof entry[1] === 'string',
    );
    const anonymous = decision.token === undefined ? ANONYMOUS : {};
    return {
      outcome: 'proceed',
      claims: decision.token?.claims,
      caller: decision.token?.caller,
      identityHeaders: { ...Object.fromEntries(identity), ...anonymous },
      forwardedHeaders: forwardedHeaders(request, withHeaders(decision.headers, anonymous)),
      setCookies: decision.setCookies ?? [],
      search: searchOf(decision.rawQuery ?? view.rawQuery),
    };
  };

  return {
    resourceMetadata: ({ method, url }) => {
      const answer = metadataAnswer(policy.resourceMetadata, { method, requestPath: new URL(url).pathname });
      if (answer === undefined) return undefined;
      const { status, headers, body } = answer;
      return new Response(status === 204 ? null : body, { status, headers });
    },
    decide: async (request) => {
      const decision = await judge(request).catch(() => new Refusal('internal_error', 'an unexpected error'));
      if (!(decision instanceof Refusal)) return decision;
      const traceId = traceIdOfRequest(request);
      const requestId = randomUUID();
      logRefusal(decision, { request_id: requestId, trace_id: traceId });
      const { status, headers, body } = refusalResponse(decision, policy.challenge, { requestId, traceId });
      return { outcome: 'refuse', code: decision.code, response: new Response(body, { status, headers }) };
    },
  };
}

function searchOf(rawQuery: string | undefined): string {
  return rawQuery ? `?${rawQuery}` : '';
}
