import { validate } from '../schema-language/validation';
import type { Violation } from '../schema-language/violation';
import { KONG_ONLY } from './configuration-error';
import type { Consumer, PluginEntry, Route, Service } from './entities';
import { entityId, pluginKey } from './entity-id';
import type { FindPlugin, PluginDefinition } from './plugin-definition';
import { isMap, type EntityReader, type Found, type Given } from './entity-reader';
import { PLUGIN } from './entity-schemas';
import { resolveConfig, type Environment } from './vault';

/** What a plugin is attached to; `null` is "any". */
export interface PluginScope {
  readonly route: Route | null;
  readonly service: Service | null;
  readonly consumer: Consumer | null;
}

/** A kind of plugin that Kong brings along and this gateway does not is told apart from a spelling mistake. */
export interface PluginReaderOptions {
  readonly findPlugin: FindPlugin;
  readonly environment: Environment;
}

/** Returns a plugin whose configuration was checked against its schema, `null` when it is not enabled or not known. */
export function readPlugin(
  found: Found,
  scope: PluginScope,
  reader: EntityReader,
  { findPlugin, environment }: PluginReaderOptions,
): PluginEntry | null {
  const { given, path } = found;
  const plugin = reader.entity<{ id: string; name: string; instance_name: string | null; enabled: boolean }>(
    'plugins',
    PLUGIN,
    found,
    ['config', 'route', 'service', 'consumer'],
    'instance_name',
  );
  const definition = findPlugin(plugin.name);
  if (definition === undefined) {
    if (typeof given['name'] === 'string') reader.refuse(`${path}.name`, `plugin '${plugin.name}': ${KONG_ONLY}`);
    return null;
  }
  const { schema } = definition;
  const config = given['config'] ?? {};
  const { value, violations } = validate(schema, { config }, path, 'user');
  const problems = violations.length > 0 ? violations : ownProblems(definition, value, scope, path);
  reader.violations.push(...problems);
  if (problems.length > 0) return null;
  const resolved = resolveConfig(schema, value, path, environment, reader.violations) as Readonly<
    Record<string, unknown>
  >;
  const routeId = scope.route?.id ?? null;
  const serviceId = scope.service?.id ?? null;
  const consumerId = scope.consumer?.id ?? null;
  const key = pluginKey(plugin.name, routeId ?? '', serviceId ?? '', consumerId ?? '');
  if (!plugin.enabled) return null;
  return {
    id: typeof given['id'] === 'string' ? plugin.id : entityId('plugins', key),
    name: plugin.name,
    instanceName: plugin.instance_name,
    config: isMap(resolved['config']) ? resolved['config'] : {},
    routeId,
    serviceId,
    consumerId,
  };
}

/** What is wrong with a plugin whose fields are all right one by one. */
function ownProblems(definition: PluginDefinition, value: Given, { consumer }: PluginScope, path: string): Violation[] {
  const config = isMap(value['config']) ? value['config'] : {};
  const problems = (definition.violations?.(config) ?? []).map(({ field, message }) => ({
    field: `${path}.${field}`,
    message,
  }));
  const isMisplaced = definition.refusesConsumer === true && consumer !== null;
  return isMisplaced ? [...problems, { field: `${path}.consumer`, message: 'value must be null' }] : problems;
}
