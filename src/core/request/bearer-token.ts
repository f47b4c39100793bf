import { cookieTokens } from './cookie-token';
import { decodeFormText, headerOf, splitPair } from './credential-grammar';
import type { Observer } from '../observer';
import { Refusal } from '../refusal/refusal';
import type { RequestView } from './request-view';
import { SUBPROTOCOL_HEADER, subprotocolTokens } from './subprotocol-token';

/** Where a token may be looked for. Header names are in lower case. */
export interface TokenSources {
  readonly headerNames: readonly string[];
  readonly cookieNames: readonly string[];
  readonly uriParamNames: readonly string[];
  /** The largest token that is looked at, in bytes. */
  readonly maxTokenBytes: number;
}

/** RFC 6750 §2.1 `b64token`. */
const B64TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;
/** RFC 9110 §11.4 credentials: a scheme, blanks (no tabs), and something. */
const CREDENTIALS = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) +(\S.*)$/;

/**
 * Finds the one bearer token of a request. Returns `undefined` when there is none, also when `Authorization` carries
 * another scheme; a {@link Refusal} when what is there cannot be read without guessing. It does not check that the
 * token is a JWT.
 *
 * The same token in several places is one token; different tokens are refused, since whichever were chosen, the
 * service might choose the other (RFC 6750 §2: "Clients MUST NOT use more than one method").
 */
export function findBearerToken(
  request: RequestView,
  sources: TokenSources,
  observe?: Observer,
): string | undefined | Refusal {
  let token: string | undefined;
  for (const [place, candidate] of candidates(request, sources)) {
    if (candidate instanceof Refusal) return candidate;
    observe?.('token', `found in ${place}, ${candidate.length} bytes`);
    if (candidate.length > sources.maxTokenBytes)
      return new Refusal('token_too_large', 'token exceeds max_token_bytes');
    if (!B64TOKEN.test(candidate)) return new Refusal('credentials_malformed', 'token is not a b64token');
    if (token !== undefined && token !== candidate) return new Refusal('tokens_conflict', 'several different tokens');
    token = candidate;
  }
  return token;
}

/** Whether there is anything that may be a token outside cookies, readable or not. */
export function hasTokenOutsideCookies(request: RequestView, sources: TokenSources): boolean {
  return candidates(request, { ...sources, cookieNames: [] }).length > 0;
}

/** What may be a token, and where it was. */
type Candidate = readonly [place: string, found: string | Refusal];

function candidates(request: RequestView, sources: TokenSources): readonly Candidate[] {
  const found: Candidate[] = [];
  for (const name of sources.headerNames) {
    const value = headerOf(request, name);
    if (value === undefined) continue;
    for (const candidate of tokensInHeader(name, value)) found.push([`the header ${name}`, candidate]);
  }
  if (sources.cookieNames.length > 0) found.push(...cookieTokens(request, sources));
  if (sources.uriParamNames.length > 0) found.push(...fromQuery(request, sources.uriParamNames));
  return found;
}

function tokensInHeader(name: string, value: string | readonly string[]): readonly (string | Refusal)[] {
  if (name === SUBPROTOCOL_HEADER) return subprotocolTokens(value);
  const found = fromHeader(name, value);
  return found === undefined ? [] : [found];
}

/**
 * The token of a header; `undefined` when it holds credentials of another scheme. `Authorization` must use a scheme; any
 * other header may hold the bare token or `Bearer` and the token.
 */
export function fromHeader(name: string, value: string | readonly string[]): string | Refusal | undefined {
  const malformed = (what: string): Refusal => new Refusal('credentials_malformed', `header ${name}: ${what}`);
  // Two lines: whichever we took, a service might take the other.
  if (typeof value !== 'string') return malformed('sent more than once');
  // As almost every client writes it. What follows must be a b64token all the same.
  if (/^Bearer [^ ]/.test(value)) return value.slice('Bearer '.length);
  const [, scheme, credentials] = CREDENTIALS.exec(value) ?? [];
  if (scheme !== undefined && credentials !== undefined) {
    if (scheme.toLowerCase() === 'bearer') return credentials;
    return name === 'authorization' ? otherScheme(credentials, malformed) : malformed('not a token');
  }
  // A bare token, a lone scheme or an empty value: something was meant, so it must not count as "no token" (G5).
  return name === 'authorization' ? malformed('not "Bearer" and a token') : value;
}

/**
 * Another scheme is "no bearer token", but not when a Bearer is hidden behind a comma: `Basic x, Bearer y` is two
 * credentials to a server that joins or splits lines.
 */
function otherScheme(credentials: string, malformed: (what: string) => Refusal): Refusal | undefined {
  return /(^|[\s,])bearer(\s|$)/i.test(credentials) ? malformed('several schemes') : undefined;
}

function* fromQuery(request: RequestView, names: readonly string[]): Generator<Candidate> {
  for (const part of (request.rawQuery ?? '').split('&')) {
    const [name, value] = splitPair(part);
    const parameter = decodeFormText(name);
    if (names.includes(parameter)) yield [`the query parameter ${parameter}`, decodeFormText(value)];
  }
}
