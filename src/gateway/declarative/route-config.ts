import { ConfigError } from '../../../schema/config-error';
import { CONFIG_RECORD } from '../../../schema/parse-config';
import { validate, type Violation } from '../../../schema/validate';
import { isMap, type Given } from './entity-reader';
import { resolveConfig, type Environment } from './vault';
import { readYaml } from './yaml';

const PLUGIN = 'jwt-identity';

/** A route of a kong.yml, as it is written there, and the service that it belongs to. */
export interface WrittenRoute {
  readonly given: Given;
  readonly service: Given | undefined;
}

/** A kong.yml, of which only the routes and this plugin are looked at: it may well hold what only Kong understands. */
export interface WrittenRoutes {
  readonly top: Given;
  readonly routes: readonly WrittenRoute[];
}

/** A configuration and where it stands, in words. */
export interface PlacedConfig {
  readonly config: unknown;
  readonly place: string;
}

/**
 * Returns the routes of a kong.yml.
 *
 * @throws ConfigurationError for a file that is no YAML, ConfigError for one that is no map
 */
export function writtenRoutes(text: string): WrittenRoutes {
  const top = readYaml(text);
  if (!isMap(top)) throw new ConfigError('kong.yml', 'must be a map of entities');
  return { top, routes: routesOf(top) };
}

/** Returns the route with a name or id. @throws ConfigError when there is none */
export function writtenRoute({ routes }: WrittenRoutes, nameOrId: string): WrittenRoute {
  const route = routes.find(({ given }) => refersTo(nameOrId, given));
  if (route === undefined) throw new ConfigError('routes', `there is no route with the name ${nameOrId}`);
  return route;
}

/**
 * Returns the plugin's configuration that Kong would use for a route: that of the route, else of its service, else the
 * global one; as in Kong, they are not merged. Vault references are looked up in `environment`, as Kong's `env` vault
 * does.
 *
 * @throws ConfigError when the plugin is not on the route, or Kong would refuse its configuration
 */
export function configOf({ top }: WrittenRoutes, route: WrittenRoute, environment: Environment): PlacedConfig {
  const found = pluginOf(top, route);
  if (found === undefined) {
    throw new ConfigError(`routes ${nameOf(route.given)}`, `the plugin ${PLUGIN} is not on this route`);
  }
  const { value, violations } = validate(CONFIG_RECORD, found.plugin['config'] ?? {}, 'config', 'user');
  refuseAny(violations);
  const unresolved: Violation[] = [];
  const config = resolveConfig(CONFIG_RECORD, value, 'config', environment, unresolved);
  refuseAny(unresolved);
  return { config, place: found.place };
}

/**
 * Returns the plugin's configuration that Kong would use for a route; see {@link configOf}.
 *
 * @param text - the content of a kong.yml
 * @param routeName - `name` or `id` of the route
 * @throws ConfigurationError for a file that is no YAML, ConfigError when there is no such route, the plugin is not on
 *   it, or its configuration is refused
 */
export function routeConfig(text: string, routeName: string, environment: Environment = process.env): unknown {
  const written = writtenRoutes(text);
  return configOf(written, writtenRoute(written, routeName), environment).config;
}

/** How to call an entity: its name, or else its id. */
export function nameOf({ name, id }: Given): string {
  return [name, id].find((text): text is string => typeof text === 'string') ?? 'without a name';
}

function routesOf(top: Given): WrittenRoute[] {
  const services = listOf(top, 'services');
  const nested = services.flatMap((service) => listOf(service, 'routes').map((given) => ({ given, service })));
  const own = listOf(top, 'routes').map((given) => ({
    given,
    service: services.find((service) => refersTo(given['service'], service)),
  }));
  return [...nested, ...own];
}

/**
 * Kong 3.9.3, kong/runloop/plugins_iterator.lua: route and service, then route, then service, then neither. A plugin
 * that belongs to a consumer never runs before this one knows the consumer.
 */
function pluginOf(top: Given, { given: route, service }: WrittenRoute): FoundPlugin | undefined {
  const onTop = enabled(listOf(top, 'plugins'));
  const under = (holder: Given | undefined): Given[] =>
    holder === undefined ? [] : enabled(listOf(holder, 'plugins'));
  const isFor = (plugin: Given, ofRoute: boolean, ofService: boolean): boolean =>
    (ofRoute ? refersTo(plugin['route'], route) : isNone(plugin['route'])) &&
    (ofService ? service !== undefined && refersTo(plugin['service'], service) : isNone(plugin['service']));
  const at = (place: string, plugins: readonly Given[]): FoundPlugin[] => plugins.map((plugin) => ({ plugin, place }));
  return [
    ...at(
      'the route and its service',
      onTop.filter((plugin) => isFor(plugin, true, true)),
    ),
    ...at('the route', [...under(route), ...onTop.filter((plugin) => isFor(plugin, true, false))]),
    ...at('the service', [...under(service), ...onTop.filter((plugin) => isFor(plugin, false, true))]),
    ...at(
      'every route (global)',
      onTop.filter((plugin) => isFor(plugin, false, false)),
    ),
  ][0];
}

/** The plugin in a file, and what it is attached to. */
interface FoundPlugin {
  readonly plugin: Given;
  readonly place: string;
}

function enabled(plugins: readonly Given[]): Given[] {
  return plugins.filter(
    ({ name, enabled: isEnabled, consumer, consumer_group }) =>
      name === PLUGIN && isEnabled !== false && isNone(consumer) && isNone(consumer_group),
  );
}

/** A reference is a name or id, or a map with one. */
function refersTo(reference: unknown, { id, name }: Given): boolean {
  const wanted = isMap(reference) ? (reference['id'] ?? reference['name']) : reference;
  return typeof wanted === 'string' && (wanted === id || wanted === name);
}

function listOf(holder: Given, member: string): Given[] {
  const value = holder[member];
  return Array.isArray(value) ? value.filter(isMap) : [];
}

function isNone(value: unknown): boolean {
  return value === undefined || value === null;
}

function refuseAny([first, ...others]: readonly Violation[]): void {
  if (first === undefined) return;
  throw new ConfigError(first.field, [first.message, ...others.map((v) => `${v.field}: ${v.message}`)].join('; '));
}
