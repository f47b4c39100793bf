import type { Config } from '../../../schema/config';
import { foldHeaderName, headerPatternMatcher } from '../../../schema/header-name';
import { exceptionMatcher, reservedPatterns } from '../../../schema/rules/reserved-headers';
import { FORWARDING_HEADERS, NEEDED_HEADERS } from '../../../schema/rules/transport-headers';
import { Refusal } from '../refusal/refusal';
import type { RequestView } from './request-view';

/**
 * How many headers are asked of Kong. Kong 3.9.3: `get_headers` takes no more and silently cuts the list, so a list
 * this long cannot be trusted to be whole.
 */
export const HEADER_LIMIT = 1000;

/** Which client headers never reach the service, and which must. */
export interface HeaderHygiene {
  /** Whether a header, under the very name that the client sent, must be removed. */
  readonly isForged: (name: string) => boolean;
  /**
   * Whether a `Connection` option, in lower case, names a header that must not be removed after the plugin ran: one that
   * the gateway writes, that carries a token, or that frames or routes the message.
   */
  readonly isProtected: (option: string) => boolean;
}

/**
 * RFC 9110 §5.6.2 token, or an HTTP/2 pseudo-header. What is neither is no header name, and servers disagree on what they
 * make of it: the Kelvin sign becomes a k.
 */
const HEADER_NAME = /^:?[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Compiles the part of the configuration that says what a client may not send. */
export function headerHygiene(
  config: Pick<Config, 'reservedHeaders' | 'unreservedHeaders' | 'identityHeaders' | 'headerNames'>,
): HeaderHygiene {
  const isReserved = headerPatternMatcher([
    ...reservedPatterns(config),
    ...config.identityHeaders.map(({ header }) => header),
  ]);
  const isException = exceptionMatcher(config);
  const isNeeded = headerPatternMatcher([...NEEDED_HEADERS, ...config.headerNames]);
  /**
   * Headers of which only one spelling passes, by folded name, with that spelling in lower case: those that may hold a
   * token, and those that Kong overwrites in this spelling alone (Kong 3.9.3: `X_Forwarded_For` reaches the service).
   */
  const oneSpelling = new Map([
    ...FORWARDING_HEADERS.map((name) => [name, name] as const),
    ...config.headerNames.map((name) => [foldHeaderName(name), name.toLowerCase()] as const),
  ]);
  const isForged = (name: string): boolean => {
    const folded = foldHeaderName(name);
    const isOtherSpelling = (oneSpelling.get(folded) ?? name) !== name;
    return (isReserved(folded) && !isException(name)) || isOtherSpelling || !HEADER_NAME.test(name);
  };
  const isProtected = (option: string): boolean => {
    const folded = foldHeaderName(option);
    return isNeeded(folded) || (isReserved(folded) && !isException(option));
  };
  return { isForged: remembered(isForged), isProtected };
}

/** How many names are remembered, and of what length: a client can make up ever new and long ones. */
const MAX_NAMES = 500;
const MAX_NAME_LENGTH = 64;

/** Answers from memory what was asked before: most requests have the same header names. */
function remembered(ask: (name: string) => boolean): (name: string) => boolean {
  const answers = new Map<string, boolean>();
  return (name) => {
    if (name.length > MAX_NAME_LENGTH) return ask(name);
    const known = answers.get(name);
    if (known !== undefined) return known;
    if (answers.size >= MAX_NAMES) answers.clear();
    const answer = ask(name);
    answers.set(name, answer);
    return answer;
  };
}

/**
 * Returns the names, exactly as the client sent them, of the headers that must be removed before the service sees the
 * request: whatever a server could read as an identity header (Kong 3.9.3 passes `X_User_ID`), other spellings of a
 * token header or of a header that Kong itself writes, and what is no header name at all (nginx drops those, unless told
 * not to). Refuses a request whose header list may be cut or whose `Connection` header would make Kong remove, after the
 * plugins ran, an identity header or one that the message cannot do without.
 */
export function forgedHeaders({ headers }: RequestView, hygiene: HeaderHygiene): string[] | Refusal {
  const forged: string[] = [];
  let lines = 0;
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    lines += typeof value === 'object' ? value.length : 1;
    if (hygiene.isForged(name)) forged.push(name);
  }
  if (lines >= HEADER_LIMIT) return new Refusal('headers_truncated', `${lines} header lines or more`);
  return namesProtectedHeader(headers, hygiene)
    ? new Refusal('connection_header_abuse', 'Connection names a header that must stay')
    : forged;
}

/** RFC 9110 §7.6.1: an intermediary removes the headers named there. Kong 3.9.3 does it after the plugins. */
function namesProtectedHeader(headers: RequestView['headers'], { isProtected }: HeaderHygiene): boolean {
  if (!Object.hasOwn(headers, 'connection')) return false;
  const value = headers['connection'];
  if (value === 'keep-alive' || value === 'close') return false;
  return String(value)
    .split(',')
    .some((option) => isProtected(option.trim().toLowerCase()));
}
