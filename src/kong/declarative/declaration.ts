import { ConfigurationError, KONG_ONLY } from './configuration-error';
import type { Consumer, Declaration, KeyCredential, PluginEntry, Route, Service } from './entities';
import { EntityReader, isMap, type Found, type Given } from './entity-reader';
import { ACL, CONSUMER, KEY_CREDENTIAL, KONG_ONLY_ENTITIES, ROUTE, SERVICE } from './entity-schemas';
import { readPlugin, type PluginReaderOptions, type PluginScope } from './plugin-reader';
import { Registry } from './registry';
import { routeViolations } from './route-rules';
import { withAddress } from './service-address';

/** What a declaration depends on besides its file. */
export interface DeclarationOptions extends PluginReaderOptions {
  /** Unix time in seconds at which the entities count as made. */
  readonly nowSeconds: number;
}

/** Members of a file that declare nothing. */
const REMARKS = ['_format_version', '_transform', '_comment', '_ignore', '_info'];
const ENTITIES = ['services', 'routes', 'consumers', 'acls', 'keyauth_credentials', 'plugins'];

/**
 * Returns what a kong.yml declares (format 3.0). Entities may stand under their parents or at the top, refer to each
 * other by name or id, and get the ids that Kong gives them.
 *
 * @param document - the file as {@link readYaml} returns it
 * @throws {@link ConfigurationError} with everything that is wrong
 */
export function readDeclaration(document: unknown, options: DeclarationOptions): Declaration {
  const reader = new EntityReader(options.nowSeconds);
  const top = readTop(document, reader);
  const services = readServices(top, reader);
  const routes = readRoutes(top, services, reader);
  const consumers = readConsumers(top, reader);
  const plugins = readPlugins(top, services, routes, consumers, reader, options);
  if (reader.violations.length > 0) throw new ConfigurationError(reader.violations);
  return {
    services: services.registry.all,
    routes: routes.registry.all,
    consumers: consumers.registry.all,
    plugins,
  };
}

/** Entities of one kind, and where each stood, so that what is nested in them can be read. */
interface Read<T extends { readonly id: string }> {
  readonly registry: Registry<T>;
  readonly places: readonly (readonly [entity: T, found: Found])[];
}

function readTop(document: unknown, reader: EntityReader): Given {
  if (!isMap(document)) throw new ConfigurationError([{ field: '', message: 'expected a map of entities' }]);
  for (const name of Object.keys(document)) {
    if (KONG_ONLY_ENTITIES.includes(name)) reader.refuse(name, KONG_ONLY);
    else if (!REMARKS.includes(name) && !ENTITIES.includes(name)) reader.refuse(name, 'unknown field');
  }
  const version = document['_format_version'];
  if (version === undefined) reader.refuse('_format_version', 'required field missing');
  else if (version !== '3.0') reader.refuse('_format_version', `expected the text '3.0', in quotes`);
  return document;
}

function readServices(top: Given, reader: EntityReader): Read<Service> {
  const registry = new Registry<Service>('service', reader);
  const places = reader.list(top, 'services').map((found) => {
    const service = reader.entity<Service>(
      'services',
      SERVICE,
      withAddress(found, reader),
      ['routes', 'plugins'],
      'name',
    );
    registry.add(service, service.name, found.path);
    return [service, found] as const;
  });
  return { registry, places };
}

function readRoutes(top: Given, services: Read<Service>, reader: EntityReader): Read<Route> {
  const registry = new Registry<Route>('route', reader);
  const nested = services.places.flatMap(([service, { given, path }]) =>
    reader.list(given, 'routes', path).map((found) => ({ found, service })),
  );
  const own = reader.list(top, 'routes').map((found) => ({ found, service: services.registry.referredTo(found) }));
  const places = [...nested, ...own].map(({ found, service }) => {
    const before = reader.violations.length;
    const read = reader.entity<Omit<Route, 'service'>>('routes', ROUTE, found, ['service', 'plugins'], 'name');
    const route = { ...read, service };
    // What breaks the schema may be of any type.
    if (reader.violations.length === before) reader.violations.push(...routeViolations(route, found.path));
    registry.add(route, route.name, found.path);
    return [route, found] as const;
  });
  return { registry, places };
}

function readConsumers(top: Given, reader: EntityReader): Read<Consumer> {
  const registry = new Registry<Consumer>('consumer', reader);
  const groupsOf = new Map<string, string[]>();
  const keysOf = new Map<string, KeyCredential[]>();
  const places = reader.list(top, 'consumers').map((found) => {
    const apart = ['acls', 'keyauth_credentials', 'plugins'];
    const read = reader.entity<Omit<Consumer, 'groups' | 'keys'>>('consumers', CONSUMER, found, apart, 'username');
    const consumer = { ...read, groups: [] as string[], keys: [] as KeyCredential[] };
    groupsOf.set(consumer.id, consumer.groups);
    keysOf.set(consumer.id, consumer.keys);
    registry.add(consumer, consumer.username, found.path);
    return [consumer, found] as const;
  });
  const owned = (kind: string): { found: Found; ownerId: string }[] => [
    ...places.flatMap(([{ id }, { given, path }]) =>
      reader.list(given, kind, path).map((found) => ({ found, ownerId: id })),
    ),
    ...reader.list(top, kind).map((found) => {
      const owner = registry.referredTo(found);
      if (owner === null) reader.refuse(`${found.path}.consumer`, 'required field missing');
      return { found, ownerId: owner?.id ?? '' };
    }),
  ];
  for (const { found, ownerId } of owned('acls')) {
    const { group } = reader.entity<{ group: string }>('acls', ACL, found, ['consumer'], 'group');
    groupsOf.get(ownerId)?.push(group);
  }
  for (const { found, ownerId } of owned('keyauth_credentials')) {
    const kind = 'keyauth_credentials';
    const { id, key } = reader.entity<KeyCredential>(kind, KEY_CREDENTIAL, found, ['consumer'], 'key');
    keysOf.get(ownerId)?.push({ id, key });
  }
  return { registry, places };
}

function readPlugins(
  top: Given,
  services: Read<Service>,
  routes: Read<Route>,
  consumers: Read<Consumer>,
  reader: EntityReader,
  options: DeclarationOptions,
): PluginEntry[] {
  const under = (holder: Found, scope: Partial<PluginScope>): { found: Found; scope: Partial<PluginScope> }[] =>
    reader.list(holder.given, 'plugins', holder.path).map((found) => ({ found, scope }));
  const all = [
    ...under({ given: top, path: '' }, {}),
    ...services.places.flatMap(([service, found]) => under(found, { service })),
    ...routes.places.flatMap(([route, found]) => under(found, { route })),
    ...consumers.places.flatMap(([consumer, found]) => under(found, { consumer })),
  ];
  const seen = new Set<string>();
  return all.flatMap(({ found, scope }) => {
    const plugin = readPlugin(
      found,
      {
        route: scope.route ?? routes.registry.referredTo(found),
        service: scope.service ?? services.registry.referredTo(found),
        consumer: scope.consumer ?? consumers.registry.referredTo(found),
      },
      reader,
      options,
    );
    if (plugin === null) return [];
    if (seen.has(plugin.id)) reader.refuse(found.path, `plugin '${plugin.name}' stands twice at the same place`);
    seen.add(plugin.id);
    return [plugin];
  });
}
