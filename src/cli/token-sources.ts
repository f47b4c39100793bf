import { findBearerToken, type TokenSources } from '../core/request/bearer-token';
import { cookiePairs, headerOf, splitCookie, splitPair } from '../core/request/credential-grammar';
import type { RequestView } from '../core/request/request-view';
import { Refusal } from '../core/refusal/refusal';
import { SUBPROTOCOL_HEADER } from '../core/request/subprotocol-token';

/** A place where a token may be, and what is there. No text of the request is in it. */
export interface SourceReport {
  /** Such as `header authorization`. */
  readonly place: string;
  /**
   * `used`: the token is taken from here. `repeated`: the same token once more. `conflict`: another token. `unreadable`:
   * something that is no token. `absent`: nothing. `ignored`: there is something, but the configuration does not name the
   * place.
   */
  readonly state: 'used' | 'repeated' | 'conflict' | 'unreadable' | 'absent' | 'ignored';
  readonly detail?: string;
}

const NOWHERE = { headerNames: [], cookieNames: [], uriParamNames: [] };
/** Where clients put tokens, whatever a configuration says. */
const USUAL_HEADERS = ['authorization', SUBPROTOCOL_HEADER];
/** Names of parameters that hold tokens (RFC 6750 §2.3, and Kong's own default). */
const USUAL_PARAMETERS = ['access_token', 'jwt', 'token'];

/** Returns what is in each place where a policy looks for a token, and in those where it does not look although it could. */
export function sourcesOf(request: RequestView, sources: TokenSources): SourceReport[] {
  let used: string | undefined;
  const look = (place: string, one: Partial<TokenSources>): SourceReport => {
    const found = findBearerToken(request, { ...sources, ...NOWHERE, ...one });
    if (found === undefined) return { place, state: 'absent' };
    if (found instanceof Refusal) return { place, state: 'unreadable', detail: found.reason };
    const detail = `${found.length} bytes`;
    if (used !== undefined) return { place, state: found === used ? 'repeated' : 'conflict', detail };
    used = found;
    return { place, state: 'used', detail };
  };
  return [
    ...sources.headerNames.map((name) => look(`header ${name}`, { headerNames: [name] })),
    ...sources.cookieNames.map((name) => look(`cookie ${name}`, { cookieNames: [name] })),
    ...sources.uriParamNames.map((name) => look(`query ${name}`, { uriParamNames: [name] })),
    ...ignored(request, sources),
  ];
}

function ignored(request: RequestView, { headerNames, cookieNames, uriParamNames }: TokenSources): SourceReport[] {
  const headers = USUAL_HEADERS.filter((name) => !headerNames.includes(name) && headerOf(request, name) !== undefined);
  const cookies = cookiePairs(request).map((pair) => splitCookie(pair)[0]);
  const parameters = (request.rawQuery ?? '').split('&').map((pair) => splitPair(pair)[0]);
  const isThere = USUAL_PARAMETERS.filter((name) => !uriParamNames.includes(name) && parameters.includes(name));
  const report = (place: string, field: string): SourceReport => ({
    place,
    state: 'ignored',
    detail: `${field} does not name it`,
  });
  return [
    ...headers.map((name) => report(`header ${name}`, 'header_names')),
    ...(cookies.length > 0 && cookieNames.length === 0 ? [report('cookies', 'cookie_names')] : []),
    ...isThere.map((name) => report(`query ${name}`, 'uri_param_names')),
  ];
}
