import { namedFields, type RecordField } from '../schema-language/field';
import { validate } from '../schema-language/validation';
import type { Violation } from '../schema-language/violation';
import { KONG_ONLY } from './configuration-error';
import type { Consumer, PluginEntry, Route, Service } from './entities';
import { compositeKey } from './entity-id';
import { isMap, type EntityForm, type EntityReader, type Found, type Given } from './entity-reader';
import { PLUGIN } from './entity-schemas';
import type { FindPlugin, PluginDefinition } from './plugin-definition';
import { textOrNull, type Read } from './registry';
import { resolveConfig, type Environment } from './vault';

/** A kind of plugin that Kong brings along and this gateway does not is told apart from a spelling mistake. */
export interface PluginReaderOptions {
  readonly findPlugin: FindPlugin;
  readonly environment: Environment;
}

/** What plugins can be attached to. */
interface Holders {
  readonly service: Read<Service>;
  readonly route: Read<Route>;
  readonly consumer: Read<Consumer>;
}

/** Kong 3.9.3: the order in which a plugin's id is derived from them. */
const HOLDERS = ['route', 'service', 'consumer'] as const;

const PLUGINS: EntityForm = {
  kind: 'plugins',
  schema: PLUGIN,
  apart: ['config', ...HOLDERS],
  key: 'name and place',
};

/** A plugin in a file, and what it stands in, if anything. */
interface Nested {
  readonly found: Found;
  readonly parent: { readonly kind: keyof Holders; readonly id: string; readonly knownId: string | null } | null;
}

/** A plugin that was read, and whether Kong would run it for HTTP. */
interface ReadPlugin extends PluginEntry {
  readonly isRun: boolean;
}

/** Returns the plugins of a file that run, their configurations checked against their schemas and vaults looked up. */
export function readPlugins(
  top: Given,
  holders: Holders,
  reader: EntityReader,
  options: PluginReaderOptions,
): PluginEntry[] {
  const all: Nested[] = [
    ...reader.list(top, 'plugins').map((found) => ({ found, parent: null })),
    ...(['service', 'route', 'consumer'] as const).flatMap((kind) =>
      holders[kind].places.flatMap(({ entity: { id }, found: { given, path }, knownId }) =>
        reader.list(given, 'plugins', path).map((found) => ({ found, parent: { kind, id, knownId } })),
      ),
    ),
  ];
  const seen = new Set<string>();
  return all.flatMap((nested) => {
    const plugin = readPlugin(nested, holders, reader, options);
    if (plugin === null) return [];
    const { isRun, ...entry } = plugin;
    // Kong 3.9.3: runs one of two that are at the same place but named differently; nothing says which.
    const place = JSON.stringify([entry.name, entry.routeId, entry.serviceId, entry.consumerId]);
    if (seen.has(place)) reader.refuse(nested.found.path, `plugin '${entry.name}' stands twice at the same place`);
    seen.add(place);
    return isRun ? [entry] : [];
  });
}

/** Returns a plugin, `null` when it is not known or wrong. */
function readPlugin(
  { found, parent }: Nested,
  holders: Holders,
  reader: EntityReader,
  { findPlugin, environment }: PluginReaderOptions,
): ReadPlugin | null {
  const { given, path } = found;
  const scope = Object.fromEntries(
    HOLDERS.map((kind) => {
      // Kong 3.9.3: what stands in a holder may name one of its kind, which must be there and means nothing.
      const named = holders[kind].registry.referredTo(found)?.id ?? null;
      return [kind, parent?.kind === kind ? parent.id : named];
    }),
  );
  const key = compositeKey('plugins', [
    textOrNull(given['name']),
    ...HOLDERS.map((kind) => {
      if (given[kind] === undefined) return parent?.kind === kind ? parent.knownId : '';
      return textOrNull(given[kind]) ?? undefined;
    }),
  ]);
  const plugin = reader.entity<{
    id: string;
    name: string;
    instance_name: string | null;
    enabled: boolean;
    protocols: readonly string[];
  }>(PLUGINS, found, key);
  reader.unique('plugins', 'instance_name', plugin.instance_name, path);
  const definition = findPlugin(plugin.name);
  if (definition === undefined) {
    if (typeof given['name'] === 'string') reader.refuse(`${path}.name`, `plugin '${plugin.name}': ${KONG_ONLY}`);
    return null;
  }
  // Kong 3.9.3: sees it in a consumer only when it has a second look at the file.
  const isMisplaced = definition.refusesConsumer === true && scope['consumer'] !== null;
  if (isMisplaced) reader.refuse(`${path}.consumer`, 'value must be null');
  const config = readConfig(definition, found, reader, environment);
  if (config === null) return null;
  return {
    id: plugin.id,
    name: plugin.name,
    instanceName: plugin.instance_name,
    config,
    routeId: scope['route'] ?? null,
    serviceId: scope['service'] ?? null,
    consumerId: scope['consumer'] ?? null,
    // Kong 3.9.3, kong/runloop/plugins_iterator.lua: one protocol of HTTP is enough for all requests.
    isRun: plugin.enabled && plugin.protocols.some((protocol) => HTTP_PROTOCOLS.includes(protocol)),
  };
}

const HTTP_PROTOCOLS = ['http', 'https', 'grpc', 'grpcs'];

function readConfig(
  definition: PluginDefinition,
  { given, path }: Found,
  reader: EntityReader,
  environment: Environment,
): Given | null {
  const { schema, protocols } = definition;
  const own = 'config' in given ? { config: given['config'] } : {};
  const forgotten = isMap(own.config) ? forgottenDefaults(schema, own.config, path) : [];
  const { value, violations: found } = validate(schema, own, path, 'user');
  const violations = forgotten.length > 0 ? forgotten : found;
  const config = isMap(value['config']) ? value['config'] : {};
  const problems = [...violations, ...(violations.length > 0 ? [] : ownProblems(definition, config, path))];
  const strange = Array.isArray(given['protocols'])
    ? given['protocols'].findIndex((protocol: unknown) => !(protocols ?? [protocol]).includes(protocol as string))
    : -1;
  if (strange !== -1 && protocols !== undefined) {
    problems.push({ field: `${path}.protocols[${strange + 1}]`, message: `expected one of: ${protocols.join(', ')}` });
  }
  reader.violations.push(...problems);
  if (problems.length > 0) return null;
  const resolved = resolveConfig(schema, value, path, environment, reader.violations) as Given;
  return isMap(resolved['config']) ? resolved['config'] : {};
}

/** What is wrong with a configuration whose fields are all right one by one. */
function ownProblems(definition: PluginDefinition, config: Given, path: string): Violation[] {
  return (definition.violations?.(config) ?? []).map(({ field, message }) => ({ field: `${path}.${field}`, message }));
}

/** Kong 3.9.3: takes null for a field with a default, and has no value at work then; most plugins fail at it. */
function forgottenDefaults({ fields }: RecordField, config: Given, path: string): Violation[] {
  const own = namedFields(fields).flatMap(([, field]) => (field.type === 'record' ? namedFields(field.fields) : []));
  return own
    .filter(([name, field]) => field.default !== undefined && config[name] === null)
    .map(([name]) => ({ field: `${path}.config.${name}`, message: 'must be left out to have its default, not null' }));
}
