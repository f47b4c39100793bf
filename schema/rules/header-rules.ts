import type { Config } from '../config';
import { foldHeaderName, headerPatternMatcher } from '../header-name';
import { exceptionMatcher, reservedPatterns, unreservedHeaderViolations } from './reserved-headers';
import { coveredTransportHeader } from './transport-headers';
import type { Violation } from '../../src/kong/schema-language/violation';

/** Fewest characters before the `*` of a reserved pattern: `X-*` would take away most of what clients and Kong send. */
const MIN_PATTERN_BEGINNING = 3;

/** Headers that carry credentials by their nature, so a token may be looked for there. */
const CREDENTIAL_HEADERS = ['authorization', 'proxy-authorization', 'sec-websocket-protocol'];

/** Returns what is wrong with the headers that a configuration fills, protects, and takes tokens from. */
export function headerViolations(config: Config): Violation[] {
  const written = writtenHeaders(config);
  const isReserved = headerPatternMatcher(reservedPatterns(config));
  return [
    ...written.flatMap((header, index) => writtenHeaderViolations(header, index, written, isReserved)),
    ...config.reservedHeaders.flatMap(reservedHeaderViolations),
    ...unreservedHeaderViolations(
      config,
      written.map(({ name }) => name),
    ),
    ...tokenHeaderViolations(config, isReserved),
    ...repetitions('unreserved_headers', config.unreservedHeaders.map(foldHeaderName)),
    ...repetitions('cookie_names', config.cookieNames),
    ...cookiePartViolations(config.cookieNames),
    ...repetitions('uri_param_names', config.uriParamNames),
  ];
}

/** The token stands last, so that a clash with an identity header is reported at the token. */
function writtenHeaders({
  identityHeaders,
  identityToken,
}: Config): { readonly field: string; readonly name: string }[] {
  const headers = identityHeaders.map(({ header }, index) => ({
    field: `identity_headers[${index + 1}]`,
    name: foldHeaderName(header),
  }));
  const token = identityToken && { field: 'identity_token', name: foldHeaderName(identityToken.header) };
  return token === null ? headers : [...headers, token];
}

function writtenHeaderViolations(
  { field: holder, name }: { readonly field: string; readonly name: string },
  index: number,
  written: readonly { readonly field: string; readonly name: string }[],
  isReserved: (foldedName: string) => boolean,
): Violation[] {
  const field = `config.${holder}.header`;
  const transport = coveredTransportHeader(name);
  if (transport !== undefined)
    return [{ field, message: `must not be the transport or credential header ${transport}` }];
  const first = written.findIndex((other) => other.name === name);
  if (first < index) {
    return [
      { field, message: `is the same header as that of ${written[first]?.field ?? ''}: servers read both as ${name}` },
    ];
  }
  // A route without this plugin, or with another configuration, would let a client fill it in.
  if (!isReserved(name)) {
    return [{ field, message: 'must be covered by reserved_headers, or clients could send it themselves' }];
  }
  return [];
}

function reservedHeaderViolations(pattern: string, index: number): Violation[] {
  const field = `config.reserved_headers[${index + 1}]`;
  const transport = coveredTransportHeader(pattern);
  if (transport !== undefined)
    return [{ field, message: `must not cover the transport or credential header ${transport}` }];
  return pattern.endsWith('*') && pattern.length <= MIN_PATTERN_BEGINNING
    ? [{ field, message: `must have at least ${MIN_PATTERN_BEGINNING} characters before the "*"` }]
    : [];
}

function tokenHeaderViolations(config: Config, isReserved: (foldedName: string) => boolean): Violation[] {
  const { headerNames } = config;
  const isException = exceptionMatcher(config);
  const violations = headerNames.flatMap((name, index): Violation[] => {
    const field = `config.header_names[${index + 1}]`;
    const transport = coveredTransportHeader(name);
    if (transport !== undefined && !CREDENTIAL_HEADERS.includes(name.toLowerCase())) {
      return [{ field, message: `must not be the transport or credential header ${transport}` }];
    }
    return isReserved(foldHeaderName(name)) && !isException(name.toLowerCase())
      ? [{ field, message: 'is reserved, so it is never accepted from a client; unreserved_headers can except it' }]
      : [];
  });
  return [...violations, ...repetitions('header_names', headerNames.map(foldHeaderName))];
}

/** A token may be in parts (`session.0`, `session.1` …): a cookie cannot be a whole token and a part of another. */
function cookiePartViolations(names: readonly string[]): Violation[] {
  return names.flatMap((name, index) => {
    const whole = /^(.+)\.\d+$/.exec(name)?.[1];
    const message = `is a part of the cookie ${whole}, which is listed, too: name that one alone`;
    return whole !== undefined && names.includes(whole)
      ? [{ field: `config.cookie_names[${index + 1}]`, message }]
      : [];
  });
}

function repetitions(list: string, names: readonly string[]): Violation[] {
  return names.flatMap((name, index) => {
    const first = names.indexOf(name);
    return first < index ? [{ field: `config.${list}[${index + 1}]`, message: `repeats ${list}[${first + 1}]` }] : [];
  });
}
