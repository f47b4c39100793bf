import { authorize } from './authorization/authorization';
import { findBearerToken, hasTokenOutsideCookies } from './request/bearer-token';
import { expiredCookie, tokenCookieNames } from './request/cookie-token';
import { headerOf } from './request/credential-grammar';
import { hideCredentials } from './request/credential-hiding';
import { CallerRefusal, withHeaders, type Decision, type Proceed } from './decision';
import { forgedHeaders } from './request/header-hygiene';
import type { Identity } from './identity/identity-headers';
import { quote, type Observer } from './observer';
import type { Policy } from './policy';
import { Refusal, REFUSALS } from './refusal/refusal';
import type { RequestView } from './request/request-view';
import { shadowRefusal } from './authorization/shadow';
import { verifyTokenOnce, type TokenCache } from './verification/token-cache';
import type { Clock, VerifiedToken } from './verification/verified-token';

/**
 * Decides about one request: sanitize, find the token, verify it, ask whether it was revoked, authorize, write down the
 * identity. Every step either goes on or refuses; only the last line of a path that verified a token (or that the
 * configuration opens to requests without one) proceeds. An exception is a bug, and the caller must refuse the request.
 *
 * It reads headers, method and query only, and does no I/O but what the key source and the revocation lists do.
 *
 * @param observe - is told every finding; nobody in front of Kong listens
 */
export async function decide(
  request: RequestView,
  policy: Policy,
  cache: TokenCache,
  clock: Clock,
  observe?: Observer,
): Promise<Decision> {
  const forged = forgedHeaders(request, policy.hygiene);
  if (forged instanceof Refusal) return forged;
  observe?.('request', `headers that the client may not send: ${forged.length === 0 ? 'none' : quote(forged)}`);
  const anonymous = (): Proceed | Promise<Proceed> => proceed(undefined, {}, forged, request, policy, clock);
  const asMissing = async (): Promise<Proceed> => ({
    ...(await anonymous()),
    ...(policy.shadow !== undefined && { shadow: new Refusal('token_missing', 'no bearer token') }),
  });
  const refused = async (refusal: Refusal): Promise<Decision> => {
    if (!isIgnorable(refusal, request, policy)) return refusal;
    observe?.('token', `${refusal.reason}; on_invalid_cookie lets the request pass without it`);
    const setCookies = tokenCookieNames(request, policy.sources).map(expiredCookie);
    const { headers } = hideCredentials(request, policy.sources);
    const passed = await asMissing();
    return { ...passed, headers: withHeaders(passed.headers, headers), ignored: refusal, setCookies };
  };

  if (!policy.runOnPreflight && isPreflight(request)) {
    observe?.('request', 'is a CORS preflight, which needs no token here');
    return anonymous();
  }

  const bearer = findBearerToken(request, policy.sources, observe);
  if (bearer instanceof Refusal) return refused(bearer);
  if (bearer === undefined) {
    observe?.('token', `none; allow_missing is ${policy.allowMissing}`);
    if (policy.allowMissing) return asMissing();
    return policy.allowAuthenticated && request.isAuthenticated === true
      ? anonymous()
      : new Refusal('token_missing', 'no bearer token');
  }

  // Waiting costs, also for what is there already, and almost every token is.
  const verified = verifyTokenOnce(bearer, policy.trust, cache, clock, observe);
  const token = verified instanceof Promise ? await verified : verified;
  if (token instanceof Refusal) return refused(token);

  if (policy.revocation !== undefined) {
    const checking = policy.revocation(token, clock(), observe);
    const revoked = checking instanceof Promise ? await checking : checking;
    if (revoked !== undefined) return refused(new CallerRefusal(revoked, token));
  }

  if (policy.authorization !== undefined) {
    const denied = authorize(token, request.method, policy.authorization, observe);
    if (denied !== undefined) return new CallerRefusal(denied, token);
  }

  const identity = policy.identity.write(token, observe);
  if (identity instanceof Refusal) return new CallerRefusal(identity, token);

  const shadow = shadowRefusal(token, request.method, policy.shadow, observe);
  const admitting = proceed(token, identity, forged, request, policy, clock);
  const admitted = admitting instanceof Promise ? await admitting : admitting;
  return shadow === undefined ? admitted : { ...admitted, shadow };
}

/**
 * A CORS preflight, not just any OPTIONS request (Fetch §4.8): it has one non-empty `Origin` and
 * `Access-Control-Request-Method`, carries no credentials and has no body. A body that HTTP/2 sends without a length
 * is not seen here.
 */
function isPreflight(request: RequestView): boolean {
  if (request.method !== 'OPTIONS') return false;
  const isText = (name: string): boolean => {
    const value = headerOf(request, name);
    return typeof value === 'string' && value.trim() !== '';
  };
  const hasBody =
    (headerOf(request, 'content-length') ?? '0') !== '0' || Object.hasOwn(request.headers, 'transfer-encoding');
  return isText('origin') && isText('access-control-request-method') && !hasBody;
}

/**
 * Whether a refusal is about a token that only a browser's cookie holds, on a route that takes requests without one. A
 * browser sends an old cookie by itself, for days; a client sends a header on purpose. What is not the token's fault
 * (unavailable keys), several different tokens, and what a verified token may not do are refused all the same.
 */
function isIgnorable({ code }: Refusal, request: RequestView, policy: Policy): boolean {
  const isAboutToken = REFUSALS[code].error === 'invalid_token' || code === 'credentials_malformed';
  return policy.ignoresInvalidCookies && isAboutToken && !hasTokenOutsideCookies(request, policy.sources);
}

/** Answers synchronously unless something has to be signed. */
function proceed(
  token: VerifiedToken | undefined,
  identity: Identity,
  forged: readonly string[],
  request: RequestView,
  policy: Policy,
  clock: Clock,
): Proceed | Promise<Proceed> {
  const hidden = policy.hideCredentials ? hideCredentials(request, policy.sources) : undefined;
  const removed = Object.fromEntries(forged.map((name) => [name, []]));
  const admitted = (written: Identity): Proceed => {
    const headers = withHeaders({ ...removed, ...hidden?.headers }, written);
    const rawQuery = hidden?.rawQuery;
    return { outcome: 'proceed', headers, token, ...(rawQuery !== undefined && { rawQuery }) };
  };
  const signing = policy.identityToken?.issue(token, identity, request, clock);
  return signing === undefined ? admitted(identity) : signing.then((signed) => admitted({ ...identity, ...signed }));
}
