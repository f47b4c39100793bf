/** For what stands beside the gateway: the package's export `kong-plugin-jwt-identity/bff` (docs/BFF.md). */
import type { Claims } from '../core/claim-selector';
import { cookiePairs, splitPair } from '../core/request/credential-grammar';
import { Refusal, type RefusalCode } from '../core/refusal/refusal';
import { refusalResponse } from '../core/refusal/refusal-response';
import type { RequestView } from '../core/request/request-view';
import { createGatekeepers } from '../gatekeeper/gatekeeper';
import { createLogger, LOG_LEVEL_VARIABLE } from '../telemetry/log';
import { mayBeCrossSite } from './cross-site';
import { forwardedHeaders, requestView } from './web-request';

export { mayBeCrossSite } from './cross-site';

/** What a BFF knows better than the gateway. */
export interface GatekeeperOptions {
  /** Where a browser's token is kept. Requests with this cookie that may come from another site are refused. */
  readonly session?: {
    /** Name of the cookie, which should be `HttpOnly`, `Secure` and `SameSite`. */
    readonly cookie: string;
    /** Origin of the BFF as browsers see it, such as `https://shop.example.com`. */
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
  /** The headers that tell a service who is calling, for a request of the BFF's own. */
  readonly identityHeaders: Readonly<Record<string, string>>;
  /** The browser's headers with the identity, as far as a service may see them, for passing the request on. */
  readonly forwardedHeaders: Headers;
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
}

// In the BFF's own log only what somebody must see to, unless asked for more.
const { log } = createLogger(process.env[LOG_LEVEL_VARIABLE] ?? 'warn');
const openGatekeeper = createGatekeepers({ log });

/**
 * Returns the plugin's gatekeeper for use without Kong: the same configuration, the same code, the same answers. Keys
 * and verified tokens are shared by all gatekeepers of a process.
 *
 * @param config - as in kong.yml, or what {@link routeConfig} read from there
 * @throws ConfigError for a configuration that the plugin refuses, or that needs Kong (`consumer_claim`, a token that is
 *   bound to the request that Kong makes)
 */
export function createGatekeeper(config: unknown, { session, signingKeys }: GatekeeperOptions = {}): Gatekeeper {
  const { policy, decide } = openGatekeeper(config, {
    signingKeys,
    findsConsumers: false,
    knowsUpstreamPath: false,
    ...(session !== undefined && { cookieNames: [session.cookie] }),
  });
  const { identity: writer, identityToken } = policy;
  const identityNames = new Set([
    ...writer.headerNames,
    ...(identityToken === undefined ? [] : [identityToken.header]),
  ]);

  const judge = async (request: Request): Promise<Admission | Refusal> => {
    const view = requestView(request);
    if (session !== undefined && hasCookie(view, session.cookie) && mayBeCrossSite(request, session.origin)) {
      return new Refusal('cross_site_request', 'not from the own origin');
    }
    const decision = await decide(view);
    if (decision instanceof Refusal) return decision;
    const identity = Object.entries(decision.headers).filter(
      (entry): entry is [string, string] => identityNames.has(entry[0]) && typeof entry[1] === 'string',
    );
    return {
      outcome: 'proceed',
      claims: decision.token?.claims,
      identityHeaders: Object.fromEntries(identity),
      forwardedHeaders: forwardedHeaders(request, decision.headers),
      search: searchOf(decision.rawQuery ?? view.rawQuery),
    };
  };

  return {
    decide: async (request) => {
      const decision = await judge(request).catch(() => new Refusal('internal_error', 'an unexpected error'));
      if (!(decision instanceof Refusal)) return decision;
      const { status, headers, body } = refusalResponse(decision, policy.realm);
      return { outcome: 'refuse', code: decision.code, response: new Response(body, { status, headers }) };
    },
  };
}

function searchOf(rawQuery: string | undefined): string {
  return rawQuery ? `?${rawQuery}` : '';
}

function hasCookie(view: RequestView, name: string): boolean {
  return cookiePairs(view).some((pair) => splitPair(pair.trim())[0] === name);
}
