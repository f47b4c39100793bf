import type { Route } from '../declarative/entities';
import {
  headersWithin,
  hostsWithin,
  methodsWithin,
  pathsWithin,
  sharedHeaders,
  sharedHosts,
  sharedMethods,
  sharedPaths,
} from './condition-overlap';
import { headerKey } from './conditions';
import { createRouter, partsOf, type Routable, type RoutePart } from './router';

/** An open route that takes requests which a guarded route describes too. */
export interface RouteOverlap {
  readonly open: Route;
  readonly guarded: Route;
  /**
   * A request that both routes describe and the open one takes. `null` if there may be one: regular expressions are not
   * solved, and Kong may sort the two routes either way.
   */
  readonly example: ExampleRequest | null;
}

/** A request as text: a path that needs no escapes, and a host with its port if it matters. */
export interface ExampleRequest {
  readonly method: string;
  /** `null` if any host will do. */
  readonly host: string | null;
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
}

type Conditions = Pick<Route, 'methods' | 'hosts' | 'headers' | 'paths'>;

/** Enough to find an example; each one is put to the router. */
const MAX_EXAMPLES = 200;

/**
 * Returns the open routes that take requests away from guarded ones, because Kong asks the open ones first.
 *
 * An open route that lies within the guarded one, such as `/orders/health` beside a guarded `/orders`, is an exception
 * that somebody wrote on purpose: it is not in the result. Neither is an overlap that a guarded route takes before.
 *
 * @param isGuarded - whether a request that takes this route is refused without a token
 */
export function overlapsOf(routes: readonly Route[], isGuarded: (route: Route) => boolean): readonly RouteOverlap[] {
  const router = createRouter(routes);
  const parts = partsOf(routes);
  const found = new Map<string, RouteOverlap>();
  for (const [i, open] of parts.entries()) {
    if (isGuarded(open.route)) continue;
    const before = parts.slice(0, i).filter((part) => isGuarded(part.route) && !isUncertain(part, open));
    for (const [k, guarded] of parts.entries()) {
      const mayComeFirst = i < k || isUncertain(open, guarded);
      if (!isGuarded(guarded.route) || !mayComeFirst || isWithin(alone(open), guarded.route)) continue;
      const pair = `${open.route.id} ${guarded.route.id}`;
      if (!isPossible(open, guarded) || before.some((part) => takesAll(part, open, guarded))) continue;
      const example = exampleRequests(alone(open), alone(guarded)).find((request) => {
        const match = router(routable(request));
        return match?.route === open.route && match.others.includes(guarded.route);
      });
      if (found.get(pair)?.example) continue;
      const isCertain = example !== undefined && !isUncertain(open, guarded);
      found.set(pair, { open: open.route, guarded: guarded.route, example: isCertain ? example : null });
    }
  }
  return [...found.values()];
}

/**
 * Kong draws the id of a route without a name anew at each start, and what LuaJIT makes of priorities from 2^63 on changes
 * when it compiles the code.
 */
function isUncertain(a: RoutePart, b: RoutePart): boolean {
  if (a.priority >= 1n << 63n && b.priority >= 1n << 63n) return true;
  return a.priority === b.priority && (a.route.name === null || b.route.name === null);
}

function alone({ route, paths }: RoutePart): Conditions {
  return { ...route, paths };
}

function isWithin(a: Conditions, b: Conditions): boolean {
  return (
    methodsWithin(a.methods, b.methods) &&
    hostsWithin(a.hosts, b.hosts) &&
    pathsWithin(a.paths, b.paths) &&
    headersWithin(a.headers, b.headers)
  );
}

/** Whether a part takes whatever two others share: of each kind of condition it allows all that one of them does. */
function takesAll(part: RoutePart, a: RoutePart, b: RoutePart): boolean {
  const all = alone(part);
  const both = [alone(a), alone(b)];
  return (
    both.some(({ methods }) => methodsWithin(methods, all.methods)) &&
    both.some(({ hosts }) => hostsWithin(hosts, all.hosts)) &&
    both.some(({ paths }) => pathsWithin(paths, all.paths)) &&
    both.some(({ headers }) => headersWithin(headers, all.headers))
  );
}

function isPossible(a: RoutePart, b: RoutePart): boolean {
  return (
    sharedMethods(a.route.methods, b.route.methods).isPossible &&
    sharedHosts(a.route.hosts, b.route.hosts).isPossible &&
    sharedPaths(a.paths, b.paths).isPossible
  );
}

function exampleRequests(a: Conditions, b: Conditions): readonly ExampleRequest[] {
  const methods = sharedMethods(a.methods, b.methods).examples;
  const hosts = sharedHosts(a.hosts, b.hosts).examples;
  const paths = sharedPaths(a.paths, b.paths).examples;
  const [headers] = sharedHeaders(a.headers, b.headers).examples;
  if (headers === undefined) return [];
  return paths
    .flatMap((path) => hosts.flatMap((host) => methods.map((method) => ({ method, host, path, headers }))))
    .slice(0, MAX_EXAMPLES);
}

function routable({ method, host, path, headers }: ExampleRequest): Routable {
  const bytes = (text: string): string => Buffer.from(text).toString('latin1');
  return {
    method,
    path: bytes(path),
    host: host === null ? null : bytes(host),
    port: 0,
    headerValues: (wanted) => headers.filter(([name]) => headerKey(name) === wanted).map(([, value]) => bytes(value)),
  };
}
