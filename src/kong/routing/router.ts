import type { Route } from '../declarative/entities';
import { splitRouteId } from '../declarative/entity-id';
import { compileConditions, splitHost, type Conditions, type Subject } from './conditions';
import { comparePriorities, priorityOf, splitByPaths } from './route-priority';

/** What routes look at. Everything is a byte string: one character for each byte. */
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
  /** The routes that would take the request if this one were not there, the first of them first. */
  readonly others: readonly Route[];
}

/** Finds the route for a request, `null` when there is none. */
export type Router = (request: Routable) => RouteMatch | null;

/** A route with the paths of one group, as Kong asks it. */
export interface RoutePart {
  readonly route: Route;
  /** The id by which Kong sorts parts of equal priority. */
  readonly id: string;
  readonly priority: bigint;
  /** The paths of this part; empty when the route has none. */
  readonly paths: readonly string[];
}

/**
 * Returns a router that decides as Kong's `traditional_compatible` flavor does: all kinds of conditions that a route has
 * must be met, by any of the values of a kind, and the route with the greatest priority wins. Routes of disabled services
 * are out.
 */
export function createRouter(routes: readonly Route[]): Router {
  const candidates = partsOf(routes).map((part) => ({
    ...part,
    conditions: compileConditions({ ...part.route, paths: part.paths }),
  }));
  const read = requestReader(candidates.map(({ conditions }) => conditions));
  return (request) => {
    const subject = read(request);
    if (subject === null) return null;
    let first: Omit<RouteMatch, 'others'> | null = null;
    const others = new Set<Route>();
    for (const { route, conditions } of candidates) {
      const matched = conditions.match(subject);
      if (matched === null) continue;
      if (first === null) first = { route, prefix: route.strip_path ? bytesOf(matched) : null };
      else if (route !== first.route) others.add(route);
    }
    return first === null ? null : { ...first, others: [...others] };
  };
}

/** Returns what Kong asks for a request, in its order: the routes of enabled services, split by their paths. */
export function partsOf(routes: readonly Route[]): readonly RoutePart[] {
  return routes
    .filter(({ service }) => service === null || service.enabled)
    .flatMap((route) => {
      const groups = splitByPaths(route.paths ?? []);
      if (groups.length < 2) return [{ route, id: route.id, priority: priorityOf(route), paths: route.paths ?? [] }];
      return groups.map((paths, i): RoutePart => {
        const id = splitRouteId(route.id, i + 1);
        return { route, id, priority: priorityOf({ ...route, paths }), paths };
      });
    })
    .sort(comparePriorities);
}

/**
 * Returns what turns a request into text, `null` for a request whose path, host or header is not UTF-8.
 *
 * Kong 3.9.3: its router takes text only. It finds no route for a request that has anything else in what any of the
 * routes looks at, whether that route would have matched or not.
 */
function requestReader(all: readonly Conditions[]): (request: Routable) => Subject | null {
  const looksAtPath = all.some((conditions) => conditions.looksAtPath);
  const looksAtHost = all.some((conditions) => conditions.looksAtHost);
  const names = new Set(all.flatMap(({ headerNames }) => headerNames));
  return (request) => {
    const path = looksAtPath ? textOf(request.path) : '';
    const hostText = looksAtHost && request.host !== null ? textOf(request.host) : '';
    const headers = [...names].map((name) => [name, headerValues(request, name).map(textOf)] as const);
    const values = headers.flatMap(([, texts]) => texts);
    if (path === null || hostText === null || values.includes(null)) return null;
    const host = request.host === null ? null : splitHost(hostText);
    return {
      method: request.method,
      path,
      host: host === null ? null : { name: host.name, port: host.port ?? request.port },
      headers: new Map(headers as [string, string[]][]),
    };
  };
}

/**
 * Kong 3.9.3 looks a header up with underscores in its name. Only when the client sent none of that spelling,
 * lua-nginx-module looks again with minus signs: `X_Tenant` hides `X-Tenant`.
 */
function headerValues(request: Routable, name: string): readonly string[] {
  const values = request.headerValues(name);
  return values.length > 0 ? values : request.headerValues(name.replaceAll('_', '-'));
}

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function textOf(bytes: string): string | null {
  try {
    return UTF8.decode(Buffer.from(bytes, 'latin1'));
  } catch {
    return null;
  }
}

function bytesOf(text: string): string {
  return Buffer.from(text).toString('latin1');
}
