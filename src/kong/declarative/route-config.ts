import type { RecordField } from '../schema-language/field';
import { validate } from '../schema-language/validation';
import type { Violation } from '../schema-language/violation';
import { ConfigurationError } from './configuration-error';
import { isMap, type Given } from './entity-reader';
import { resolveConfig, type Environment } from './vault';
import { readYaml } from './yaml';

/** Which plugin's configuration is looked for. */
export interface ConfiguredPlugin {
  /** Name in Kong's configuration. */
  readonly name: string;
  /** The schema of its `config`. */
  readonly config: RecordField;
}

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
 * @throws {@link ConfigurationError} for a file that is no YAML or no map
 */
export function writtenRoutes(text: string): WrittenRoutes {
  const top = readYaml(text);
  if (!isMap(top)) throw problem('kong.yml', 'must be a map of entities');
  return { top, routes: routesOf(top) };
}

/** Returns the route with a name or id. @throws {@link ConfigurationError} when there is none */
export function writtenRoute({ routes }: WrittenRoutes, nameOrId: string): WrittenRoute {
  const route = routes.find(({ given }) => refersTo(nameOrId, given));
  if (route === undefined) throw problem('routes', `there is no route with the name ${nameOrId}`);
  return route;
}

/**
 * Returns a plugin's configuration that Kong would use for a route: that of the route, else of its service, else the
 * global one; as in Kong, they are not merged. Vault references are looked up in `environment`, as Kong's `env` vault
 * does.
 *
 * @throws {@link ConfigurationError} when the plugin is not on the route, or Kong would refuse its configuration
 */
export function configOf(
  { top }: WrittenRoutes,
  route: WrittenRoute,
  plugin: ConfiguredPlugin,
  environment: Environment,
): PlacedConfig {
  const found = pluginOf(top, route, plugin.name);
  if (found === undefined) {
    throw problem(`routes ${nameOf(route.given)}`, `the plugin ${plugin.name} is not on this route`);
  }
  return { config: resolvedConfig(found.plugin['config'] ?? {}, 'config', plugin, environment), place: found.place };
}

/**
 * Returns a configuration of the plugin as Kong would hand it over: checked against the schema, with defaults, and with
 * vault references looked up in `environment`.
 *
 * @param field - where it stands, for messages
 * @throws {@link ConfigurationError} when Kong would refuse it
 */
export function resolvedConfig(
  given: unknown,
  field: string,
  plugin: ConfiguredPlugin,
  environment: Environment,
): unknown {
  const { value, violations } = validate(plugin.config, given, field, 'user');
  refuseAny(violations);
  const unresolved: Violation[] = [];
  const config = resolveConfig(plugin.config, value, field, environment, unresolved);
  refuseAny(unresolved);
  return config;
}

/** Whether Kong would run the plugin on a route. */
export function isGuarded({ top }: WrittenRoutes, route: WrittenRoute, plugin: ConfiguredPlugin): boolean {
  return pluginOf(top, route, plugin.name) !== undefined;
}

/** A plugin that Kong would run for the requests of a route, and what it is attached to. */
export interface RoutePlugin {
  readonly name: string;
  readonly place: string;
}

/** Returns every plugin that Kong would run on a route, each once, in the order of the file. */
export function pluginsOf({ top }: WrittenRoutes, route: WrittenRoute): RoutePlugin[] {
  const holders = [top, route.service ?? {}, route.given];
  const named = holders.flatMap((holder) => listOf(holder, 'plugins').map(({ name }) => name));
  return [...new Set(named)].flatMap((name) => {
    const found = typeof name === 'string' ? pluginOf(top, route, name) : undefined;
    return found === undefined ? [] : [{ name: name as string, place: found.place }];
  });
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
function pluginOf(top: Given, { given: route, service }: WrittenRoute, name: string): FoundPlugin | undefined {
  const onTop = enabled(listOf(top, 'plugins'), name);
  const under = (holder: Given | undefined): Given[] =>
    holder === undefined ? [] : enabled(listOf(holder, 'plugins'), name);
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

function enabled(plugins: readonly Given[], wanted: string): Given[] {
  return plugins.filter(
    ({ name, enabled: isEnabled, consumer, consumer_group }) =>
      name === wanted && isEnabled !== false && isNone(consumer) && isNone(consumer_group),
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
  throw problem(first.field, [first.message, ...others.map((v) => `${v.field}: ${v.message}`)].join('; '));
}

function problem(field: string, message: string): ConfigurationError {
  return new ConfigurationError([{ field, message }]);
}
