import { ConfigError } from '../../schema/config-error';
import { CONFIG_RECORD } from '../../schema/parse-config';
import { validate, type Violation } from '../../schema/validate';
import { resolveConfig, type Environment } from '../gateway/declarative/vault';
import { readYaml } from '../gateway/declarative/yaml';

const PLUGIN = 'jwt-identity';

type Given = Readonly<Record<string, unknown>>;

/** An entity of the file and the name or id that its parents have. */
interface Placed {
  readonly given: Given;
  readonly service: Given | undefined;
}

/**
 * Returns the plugin's configuration that Kong would use for a route: that of the route, else of its service, else the
 * global one; as in Kong, they are not merged. Vault references are looked up in `environment`, as Kong's `env` vault
 * does. Everything else in the file is left alone, so it may well hold what only Kong understands.
 *
 * @param text - the content of a kong.yml
 * @param routeName - `name` of the route
 * @throws ConfigurationError for a file that is no YAML, ConfigError when there is no such route, the plugin is not on
 *   it, or its configuration is refused
 */
export function routeConfig(text: string, routeName: string, environment: Environment = process.env): unknown {
  const top = readYaml(text);
  if (!isMap(top)) throw new ConfigError('kong.yml', 'must be a map of entities');
  const route = routesOf(top).find(({ given }) => given['name'] === routeName);
  if (route === undefined) throw new ConfigError('routes', `there is no route with the name ${routeName}`);
  const plugin = pluginOf(top, route);
  if (plugin === undefined) throw new ConfigError(`routes ${routeName}`, `the plugin ${PLUGIN} is not on this route`);
  const { value, violations } = validate(CONFIG_RECORD, plugin['config'] ?? {}, 'config', 'user');
  refuseAny(violations);
  const unresolved: Violation[] = [];
  const resolved = resolveConfig(CONFIG_RECORD, value, 'config', environment, unresolved);
  refuseAny(unresolved);
  return resolved;
}

function routesOf(top: Given): Placed[] {
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
function pluginOf(top: Given, { given: route, service }: Placed): Given | undefined {
  const onTop = enabled(listOf(top, 'plugins'));
  const under = (holder: Given | undefined): Given[] =>
    holder === undefined ? [] : enabled(listOf(holder, 'plugins'));
  const isFor = (plugin: Given, ofRoute: boolean, ofService: boolean): boolean =>
    (ofRoute ? refersTo(plugin['route'], route) : isNone(plugin['route'])) &&
    (ofService ? service !== undefined && refersTo(plugin['service'], service) : isNone(plugin['service']));
  return [
    ...onTop.filter((plugin) => isFor(plugin, true, true)),
    ...under(route),
    ...onTop.filter((plugin) => isFor(plugin, true, false)),
    ...under(service),
    ...onTop.filter((plugin) => isFor(plugin, false, true)),
    ...onTop.filter((plugin) => isFor(plugin, false, false)),
  ][0];
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

function isMap(value: unknown): value is Given {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refuseAny([first, ...others]: readonly Violation[]): void {
  if (first === undefined) return;
  throw new ConfigError(first.field, [first.message, ...others.map((v) => `${v.field}: ${v.message}`)].join('; '));
}
