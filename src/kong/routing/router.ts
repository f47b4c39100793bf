import type { Route } from '../declarative/entities';
import { splitRouteId } from '../declarative/entity-id';
import { pathRegExp } from './path-regexp';
import { compareRoutes, rankOf, splitByPaths } from './route-rank';

/** What routes look at. */
export interface Routable {
  readonly method: string;
  /** The path, normalized. */
  readonly path: string;
  /** The `Host` header as it came, `null` without one. */
  readonly host: string | null;
  /** The port of the listener that the request came in at. */
  readonly port: number;
  /** All values of a header, by its name in lower case. */
  headerValues(name: string): readonly string[];
}

/** The route that a request takes. */
export interface RouteMatch {
  readonly route: Route;
  /** The part of the path that the route's `strip_path` takes off; `null` when it keeps the path. */
  readonly prefix: string | null;
}

/** Finds the route for a request, `null` when there is none. */
export type Router = (request: Routable) => RouteMatch | null;

/** One kind of condition. The text is what a path condition matched; other conditions have none to say. */
type Condition = (request: Routable) => string | null;

const MET = '';

/**
 * Returns a router that decides as Kong's `traditional_compatible` flavor does: all kinds of conditions that a route has
 * must be met, by any of the values of a kind, and the most specific route wins. Routes of disabled services are out.
 */
export function createRouter(routes: readonly Route[]): Router {
  const candidates = routes
    .filter(({ service }) => service === null || service.enabled)
    .flatMap((route) => parts(route).map((part) => ({ ...part, route, matches: compile(part.view) })))
    .sort(compareRoutes);
  return (request) => {
    for (const { route, matches } of candidates) {
      const matched = matches(request);
      if (matched !== null) return { route, prefix: route.strip_path ? matched : null };
    }
    return null;
  };
}

function parts(route: Route): { view: Route; id: string; rank: readonly number[] }[] {
  const groups = splitByPaths(route.paths ?? []);
  if (groups.length < 2) return [{ view: route, id: route.id, rank: rankOf(route) }];
  return groups.map((paths, i) => {
    const view = { ...route, paths };
    return { view, id: splitRouteId(route.id, i + 1), rank: rankOf(view) };
  });
}

function compile({ methods, hosts, headers, paths }: Route): Condition {
  const others = [
    ...(isSet(methods) ? [methodCondition(methods)] : []),
    ...(isSet(hosts) ? [hostCondition(hosts)] : []),
    ...Object.entries(headers ?? {}).map(([name, values]) => headerCondition(name, values)),
  ];
  // Kong 3.9.3: without paths, what strip_path takes off is the first slash.
  const path = isSet(paths) ? pathCondition(paths) : (): string => '/';
  return (request) => (others.every((condition) => condition(request) !== null) ? path(request) : null);
}

function isSet(list: readonly string[] | null): list is readonly string[] {
  return list !== null && list.length > 0;
}

function methodCondition(methods: readonly string[]): Condition {
  return ({ method }) => (methods.includes(method) ? MET : null);
}

function pathCondition(paths: readonly string[]): Condition {
  const matchers = paths.map((path) => {
    if (!path.startsWith('~')) return (given: string) => (given.startsWith(path) ? path : null);
    const pattern = pathRegExp(path);
    return (given: string) => pattern?.exec(given)?.[0] ?? null;
  });
  return ({ path }) => first(matchers, (matcher) => matcher(path));
}

function hostCondition(hosts: readonly string[]): Condition {
  const matchers = hosts.map((host) => {
    const { name, port } = splitHost(host);
    const fits = nameMatcher(name);
    return (given: string, givenPort: number) => fits(given) && (port === null || port === givenPort);
  });
  return ({ host, port: listenPort }) => {
    if (host === null) return null;
    const { name, port } = splitHost(host);
    return matchers.some((matches) => matches(name, port ?? listenPort)) ? MET : null;
  };
}

function nameMatcher(name: string): (given: string) => boolean {
  if (name.startsWith('*')) return (given) => given.endsWith(name.slice(1));
  if (name.endsWith('*')) return (given) => given.startsWith(name.slice(0, -1));
  return (given) => given === name;
}

/** A value that starts with `~*` is a regular expression. Values are compared in lower case. */
function headerCondition(name: string, values: readonly string[]): Condition {
  const fits = values.map((value) => {
    const text = value.toLowerCase();
    if (!text.startsWith('~*')) return (given: string) => given === text;
    const pattern = new RegExp(text.slice(2));
    return (given: string) => pattern.test(given);
  });
  return (request) =>
    request.headerValues(name.toLowerCase()).some((given) => fits.some((fit) => fit(given.toLowerCase()))) ? MET : null;
}

function splitHost(host: string): { name: string; port: number | null } {
  const at = host.indexOf(':');
  const port = at === -1 ? Number.NaN : Number(host.slice(at + 1) || 'none');
  return Number.isNaN(port) ? { name: host, port: null } : { name: host.slice(0, at), port };
}

function first<T, R>(items: readonly T[], pick: (item: T) => R | null): R | null {
  for (const item of items) {
    const picked = pick(item);
    if (picked !== null) return picked;
  }
  return null;
}
