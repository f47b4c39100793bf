import { CONFIG_RECORD, PLUGIN_NAME } from '../../../schema/parse-config';
import { ConfigError } from '../../../schema/config-error';
import { ConfigurationError, KONG_ONLY } from '../../kong/declarative/configuration-error';
import { readDeclaration } from '../../kong/declarative/declaration';
import type { Declaration, PluginEntry, Route, Service } from '../../kong/declarative/entities';
import { isMap } from '../../kong/declarative/entity-reader';
import type { PluginDefinition } from '../../kong/declarative/plugin-definition';
import { mostSpecific, scopeKey } from '../../kong/declarative/plugin-scope';
import { createRouter, type Routable, type Router } from '../../kong/routing/router';
import { cureFor } from './other-plugins';

/** A route of a kong.yml with the gatekeeper's configuration that Kong would use for it. */
export interface GuardedRoute {
  readonly route: Route;
  readonly service: Service;
  readonly config: unknown;
}

/** Where a request goes. */
export interface RoutedRequest<T> {
  readonly target: T;
  /** The part of the path that the route takes off; `null` when it keeps the path. */
  readonly prefix: string | null;
}

/** What a kong.yml depends on besides its text. */
export interface DoorFileOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Addresses of services, by name, in place of those in the file. */
  readonly services: Readonly<Record<string, string>>;
  /** Plugins of other names that may be left out. */
  readonly unsafeIgnoredPlugins: readonly string[];
  /** `http` or `https`: how browsers reach the door. */
  readonly protocol: string;
}

/** The routes of a kong.yml that the door serves. */
export interface DoorRoutes {
  readonly guarded: readonly GuardedRoute[];
  /** Routes without the plugin. The door does not serve them. */
  readonly unguarded: readonly Route[];
  /**
   * Returns what was made of the route that a request takes; `undefined` when there is none, when it has no plugin, and
   * when the same path in lower case would have taken a route that Kong asks before it.
   */
  find<T>(targets: ReadonlyMap<string, T>, request: Routable): RoutedRequest<T> | undefined;
}

const OWN: PluginDefinition = {
  name: PLUGIN_NAME,
  priority: 985,
  schema: { type: 'record', fields: [{ config: CONFIG_RECORD }] },
};

/** Another plugin, of which only the name and the place matter. */
const other = (name: string): PluginDefinition => ({
  name,
  priority: 0,
  schema: { type: 'record', fields: [{ config: { type: 'any' } }] },
});

/**
 * Returns the routes of a kong.yml, in Kong's own order.
 *
 * @param document - what the YAML says
 * @throws ConfigurationError for a file that Kong or the door cannot use, with everything that is wrong and what to do
 *   about it: a plugin that only Kong runs is never left out in silence
 */
export function readDoorRoutes(document: unknown, options: DoorFileOptions): DoorRoutes {
  const declaration = declarationOf(document, options);
  const { routes, plugins } = declaration;
  const own = byScopeOf(plugins.filter(({ name }) => name === PLUGIN_NAME));
  const guarded: GuardedRoute[] = [];
  const unguarded: Route[] = [];
  for (const route of routes.filter(({ service }) => service?.enabled !== false)) {
    const entry = mostSpecific(own, scopeOf(route));
    if (entry === undefined) unguarded.push(route);
    else guarded.push({ route, service: serviceOf(route), config: entry.config });
  }
  refuseAll(guarded.flatMap(({ route }) => problemsOf(route, plugins, options)));
  return { guarded, unguarded, find: finderOf(routes) };
}

function declarationOf(document: unknown, { environment, services }: DoorFileOptions): Declaration {
  try {
    return readDeclaration(withAddresses(document, services), {
      nowSeconds: 0,
      environment,
      findPlugin: (name) => (name === PLUGIN_NAME ? OWN : other(name)),
    });
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    const cure = 'the door does not have this; keep the routes of the door in a file without it';
    throw new ConfigurationError(
      error.violations.map(({ field, message }) => ({ field, message: message.replace(KONG_ONLY, cure) })),
    );
  }
}

/** Replaces the addresses of services, which differ from place to place where the routes and the rules do not. */
function withAddresses(document: unknown, services: Readonly<Record<string, string>>): unknown {
  const names = Object.keys(services);
  if (names.length === 0 || !isMap(document)) return document;
  const given: readonly unknown[] = Array.isArray(document['services']) ? document['services'] : [];
  const found = new Set<string>();
  const replaced = given.map((service) => {
    const name = isMap(service) ? service['name'] : undefined;
    if (!isMap(service) || typeof name !== 'string' || !Object.hasOwn(services, name)) return service;
    found.add(name);
    return { ...service, url: serviceAddress(`services.${name}`, services[name]) };
  });
  const missing = names.find((name) => !found.has(name));
  if (missing !== undefined) throw new ConfigError(`services.${missing}`, 'there is no service with this name');
  return { ...document, services: replaced };
}

/** Returns an address without a slash at its end. @throws ConfigError, which names the field, for anything else */
export function serviceAddress(field: string, address = ''): string {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const isPlain = url !== undefined && /^https?:$/.test(url.protocol) && url.search + url.hash + url.username === '';
  if (!isPlain) throw new ConfigError(field, 'must be a URL such as http://10.0.0.7:8080, without a query');
  return address.replace(/\/$/, '');
}

function serviceOf({ name, id, service }: Route): Service {
  if (service !== null) return service;
  throw new ConfigurationError([{ field: `routes ${name ?? id}`, message: 'has no service to send requests to' }]);
}

function scopeOf({ id, service }: Route): { routeId: string; serviceId: string | null; consumerId: null } {
  return { routeId: id, serviceId: service?.id ?? null, consumerId: null };
}

function byScopeOf(entries: readonly PluginEntry[]): ReadonlyMap<string, PluginEntry> {
  return new Map(entries.map((entry) => [scopeKey(entry), entry]));
}

interface Problem {
  readonly field: string;
  readonly message: string;
}

function problemsOf(route: Route, plugins: readonly PluginEntry[], options: DoorFileOptions): Problem[] {
  const field = `routes ${route.name ?? route.id}`;
  const { protocol, unsafeIgnoredPlugins } = options;
  const problems: Problem[] = [];
  if (!route.protocols.includes(protocol)) {
    problems.push({ field, message: `takes ${route.protocols.join(', ')} only, and session.origin is ${protocol}` });
  }
  // A plugin of a consumer runs only where Kong knows the consumer, which it does not here: it is not left out safely.
  const applies = ({ name, routeId, serviceId }: PluginEntry): boolean =>
    name !== PLUGIN_NAME &&
    !unsafeIgnoredPlugins.includes(name) &&
    (routeId ?? route.id) === route.id &&
    (serviceId === null || serviceId === route.service?.id);
  for (const name of new Set(plugins.filter(applies).map((plugin) => plugin.name))) {
    const cure = `${cureFor(name)}; or name it in unsafeIgnoredPlugins`;
    problems.push({ field, message: `the plugin ${name} does not run in this door: ${cure}` });
  }
  const ofConsumer = plugins.find(({ name, consumerId }) => name === PLUGIN_NAME && consumerId !== null);
  if (ofConsumer !== undefined) problems.push({ field, message: `${PLUGIN_NAME} of a consumer needs Kong` });
  return problems;
}

function refuseAll(problems: readonly Problem[]): void {
  if (problems.length > 0) throw new ConfigurationError(problems);
}

function finderOf(routes: readonly Route[]): DoorRoutes['find'] {
  const router = createRouter(routes);
  const folded = createRouter(routes.map(inLowerCase));
  return (targets, request) => {
    const match = router(request);
    const target = match === null ? undefined : targets.get(match.route.id);
    if (match === null || target === undefined) return undefined;
    return isHidden(match.route.id, folded, request) ? undefined : { target, prefix: match.prefix };
  };
}

/** Whether a server that does not tell upper case from lower case would take a request for one of a stricter route. */
function isHidden(routeId: string, folded: Router, request: Routable): boolean {
  const path = request.path.toLowerCase();
  if (path === request.path) return false;
  const match = folded({ ...request, path });
  return match !== null && match.route.id !== routeId && match.others.some(({ id }) => id === routeId);
}

/** A route whose plain paths are in lower case. Regular expressions stay: there an upper case `\D` has its own meaning. */
function inLowerCase(route: Route): Route {
  if (route.paths === null) return route;
  return { ...route, paths: route.paths.map((path) => (path.startsWith('~') ? path : path.toLowerCase())) };
}
