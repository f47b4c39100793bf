import type { Route } from '../declarative/entities';
import { asciiLowerCase, headerRegExp, pathRegExp } from '../paths/rust-regexp';

/** What conditions look at, as text. */
export interface Subject {
  readonly method: string;
  readonly path: string;
  readonly host: { readonly name: string; readonly port: number } | null;
  /** The values of headers, by their names in lower case and with underscores. */
  readonly headers: ReadonlyMap<string, readonly string[]>;
}

/** The conditions of a route, ready to be asked. */
export interface Conditions {
  /** Returns what the request's path matched, `/` for a route without paths; `null` when a condition is not met. */
  match(request: Subject): string | null;
  readonly looksAtPath: boolean;
  readonly looksAtHost: boolean;
  /** In lower case and with underscores. */
  readonly headerNames: readonly string[];
}

type Test = (request: Subject) => boolean;

/** Returns the conditions of a route. Expressions that do not compile match nothing: see `routeViolations`. */
export function compileConditions({
  methods,
  hosts,
  headers,
  paths,
}: Pick<Route, 'methods' | 'hosts' | 'headers' | 'paths'>): Conditions {
  const headerTests = Object.entries(headers ?? {}).map(([name, values]) => headerTest(headerKey(name), values));
  const tests: Test[] = [
    ...(isSet(methods) ? [({ method }: Subject) => methods.includes(method)] : []),
    ...(isSet(hosts) ? [hostTest(hosts)] : []),
    ...headerTests,
  ];
  // Kong 3.9.3: without paths, what strip_path takes off is the first slash.
  const matchedPath = isSet(paths) ? pathMatcher(paths) : (): string => '/';
  return {
    match: (request) => (tests.every((test) => test(request)) ? matchedPath(request) : null),
    looksAtPath: isSet(paths),
    looksAtHost: isSet(hosts),
    headerNames: Object.keys(headers ?? {}).map(headerKey),
  };
}

/** Returns a host and the port after its first colon, when that is a number as Lua reads one. */
export function splitHost(host: string): { name: string; port: number | null } {
  const at = host.indexOf(':');
  const text = host.slice(at + 1);
  if (at === -1 || text === '' || /^[+-]?0o/i.test(text)) return { name: host, port: null };
  const port = /^[+-]?(inf(inity)?|nan)$/i.test(text) ? Infinity : Math.trunc(Number(text));
  return Number.isNaN(port) ? { name: host, port: null } : { name: host.slice(0, at), port };
}

/** Returns the name of a header as Kong's router looks it up. */
export function headerKey(name: string): string {
  return name.toLowerCase().replaceAll('-', '_');
}

function isSet(list: readonly string[] | null): list is readonly string[] {
  return list !== null && list.length > 0;
}

function pathMatcher(paths: readonly string[]): (request: Subject) => string | null {
  const matchers = paths.map((path) => {
    if (!path.startsWith('~')) return (given: string) => (given.startsWith(path) ? path : null);
    const pattern = pathRegExp(path);
    return (given: string) => (pattern instanceof RegExp ? (pattern.exec(given)?.[0] ?? null) : null);
  });
  return ({ path }) => {
    for (const matcher of matchers) {
      const matched = matcher(path);
      if (matched !== null) return matched;
    }
    return null;
  };
}

function hostTest(hosts: readonly string[]): Test {
  const tests = hosts.map((host) => {
    const { name, port } = splitHost(host);
    const fits = nameTest(name);
    return (given: string, givenPort: number) => fits(given) && (port === null || port === givenPort);
  });
  return ({ host }) => host !== null && tests.some((test) => test(host.name, host.port));
}

function nameTest(name: string): (given: string) => boolean {
  if (name.startsWith('*')) return (given) => given.endsWith(name.slice(1));
  if (name.endsWith('*')) return (given) => given.startsWith(name.slice(0, -1));
  return (given) => given === name;
}

/** A value that starts with `~*` is a regular expression. Values are compared in lower case. */
function headerTest(name: string, values: readonly string[]): Test {
  const tests = values.map((value) => {
    if (!value.startsWith('~*')) {
      const text = asciiLowerCase(value);
      return (given: string) => given === text;
    }
    const pattern = headerRegExp(value);
    return (given: string) => pattern instanceof RegExp && pattern.test(given);
  });
  return ({ headers }) => headers.get(name)?.some((given) => tests.some((test) => test(given.toLowerCase()))) ?? false;
}
