import { validate } from '../schema-language/validation';
import { readConsumers } from './consumer-reader';
import { ConfigurationError } from './configuration-error';
import type { Declaration, Route, Service } from './entities';
import { EntityReader, isMap, type EntityForm, type Given } from './entity-reader';
import { FILE, ROUTE, SERVICE } from './entity-schemas';
import { readPlugins, type PluginReaderOptions } from './plugin-reader';
import { knownId, nameOf, Registry, type Read } from './registry';
import { withAddress } from './service-address';
import { migratedPath } from './url-path';

/** What a declaration depends on besides its file. */
export interface DeclarationOptions extends PluginReaderOptions {
  /** Unix time in seconds at which the entities count as made. */
  readonly nowSeconds: number;
}

const LISTS = ['services', 'routes', 'consumers', 'acls', 'keyauth_credentials', 'plugins'];

const SERVICES: EntityForm = { kind: 'services', schema: SERVICE, apart: ['routes', 'plugins'], key: 'name' };
const ROUTES: EntityForm = { kind: 'routes', schema: ROUTE, apart: ['service', 'plugins'], key: 'name' };

/**
 * Returns what a kong.yml declares (format 3.0, or an older one as Kong 3 reads it). Entities may stand under their
 * parents or at the top, refer to each other by name or id, and get the ids that Kong gives them.
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
  const plugins = readPlugins(top, { service: services, route: routes, consumer: consumers }, reader, options);
  if (reader.violations.length > 0) throw new ConfigurationError(reader.violations);
  return {
    services: services.registry.all,
    routes: routes.registry.all,
    consumers: consumers.registry.all,
    plugins,
  };
}

function readTop(document: unknown, reader: EntityReader): Given {
  if (!isMap(document)) throw new ConfigurationError([{ field: '', message: 'expected a map of entities' }]);
  const own = Object.fromEntries(Object.entries(document).filter(([name]) => !LISTS.includes(name)));
  const version = own['_format_version'];
  if (typeof version === 'number') reader.refuse('_format_version', `expected the text '3.0', in quotes`);
  const checked = typeof version === 'number' ? { ...own, _format_version: '3.0' } : own;
  for (const { field, message } of validate(FILE, checked, '', 'user').violations) {
    reader.refuse(field.replace(/^\./, ''), message);
  }
  return version === '1.1' || version === '2.1' ? migrated(document) : document;
}

function readServices(top: Given, reader: EntityReader): Read<Service> {
  const registry = new Registry<Service>('service', reader);
  const places = reader.list(top, 'services').map((found) => {
    const name = nameOf(found, SERVICES, reader);
    const entity = reader.entity<Service>(SERVICES, withAddress(found, reader), name);
    reader.unique('services', 'name', name, found.path);
    registry.add(entity, name);
    return { entity, found, knownId: knownId(entity, found, name) };
  });
  return { registry, places };
}

function readRoutes(top: Given, services: Read<Service>, reader: EntityReader): Read<Route> {
  const registry = new Registry<Route>('route', reader);
  const nested = services.places.flatMap(({ entity: service, found: { given, path } }) =>
    reader.list(given, 'routes', path).map((found) => ({ found, service })),
  );
  const own = reader.list(top, 'routes').map((found) => ({ found, service: undefined }));
  const places = [...nested, ...own].map(({ found, service }) => {
    const name = nameOf(found, ROUTES, reader);
    const read = reader.entity<Omit<Route, 'service'>>(ROUTES, found, name);
    reader.unique('routes', 'name', name, found.path);
    // Kong 3.9.3: a service that a nested route names must be there, and means nothing.
    const named = services.registry.referredTo(found);
    const entity = { ...read, service: service ?? named };
    registry.add(entity, name);
    return { entity, found, knownId: knownId(entity, found, name) };
  });
  return { registry, places };
}

/** Kong 3.9.3: what in a path is a regular expression had no mark of its own before format 3.0. */
function migrated(top: Given): Given {
  const routesOf = (holder: Given): Given =>
    Array.isArray(holder['routes']) ? { ...holder, routes: holder['routes'].map(withMigratedPaths) } : holder;
  const { services } = top;
  if (!Array.isArray(services)) return routesOf(top);
  return { ...routesOf(top), services: services.map((given: unknown) => (isMap(given) ? routesOf(given) : given)) };
}

function withMigratedPaths(route: unknown): unknown {
  if (!isMap(route) || !Array.isArray(route['paths'])) return route;
  const paths = route['paths'].map((path: unknown) => (typeof path === 'string' ? migratedPath(path) : path));
  return { ...route, paths };
}
