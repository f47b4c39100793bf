import type { Declaration } from '../../src/kong/declarative/entities';

/** What a file declares, in a form in which both gateways say it alike: one sorted text for each entity. */
export type Entities = readonly string[];

type Given = Readonly<Record<string, unknown>>;
type Table = Readonly<Record<string, Given>>;

const SERVICE = ['name', 'protocol', 'host', 'port', 'path', 'tls_verify', 'enabled', 'tags'];
const WITH_DEFAULTS: Readonly<Record<string, unknown>> = {
  retries: 5,
  connect_timeout: 60_000,
  write_timeout: 60_000,
  read_timeout: 60_000,
};
const ROUTE = ['name', 'hosts', 'paths', 'headers', 'https_redirect_status_code', 'strip_path', 'preserve_host'];
const ROUTE_SETS = ['methods', 'protocols', 'tags'];
const HTTP = ['http', 'https', 'grpc', 'grpcs'];

/** What the development gateway read. */
export function entitiesOfDeclaration({ services, routes, consumers, plugins }: Declaration): Entities {
  const at = (list: readonly { readonly id: string }[], id: string | null): string | null =>
    id === null ? null : label(list.find((entity) => entity.id === id) as unknown as Given);
  return sorted([
    ...services.map((service) => ['service', serviceForm(service as unknown as Given)]),
    ...routes.map((route) => [
      'route',
      routeForm(route as unknown as Given),
      route.service === null ? null : label(route.service as unknown as Given),
    ]),
    ...consumers.map(({ username, custom_id, groups, keys }) => [
      'consumer',
      username,
      custom_id,
      [...groups].sort(),
      keys.length,
    ]),
    ...plugins.map(({ name, config, routeId, serviceId, consumerId }) => [
      'plugin',
      name,
      at(routes, routeId),
      at(services, serviceId),
      at(consumers, consumerId),
      bare(config),
    ]),
  ]);
}

/** What Kong answers to a file that it takes. */
export function entitiesOfKong(body: Given): Entities {
  const table = (kind: string): Table => (body[kind] ?? {}) as Table;
  const owner = (kind: string, given: unknown): string | null => {
    const id = (given as { id?: string } | undefined)?.id;
    return id === undefined ? null : label(table(kind)[id] ?? {});
  };
  const all = (kind: string): Given[] => Object.values(table(kind));
  const of = (kind: string, id: unknown): Given[] =>
    all(kind).filter(({ consumer }) => (consumer as Given)['id'] === id);
  return sorted([
    ...all('services').map((service) => ['service', serviceForm(service)]),
    ...all('routes').map((route) => ['route', routeForm(route), owner('services', route['service'])]),
    ...all('consumers').map(({ id, username, custom_id }) => [
      'consumer',
      username ?? null,
      custom_id ?? null,
      of('acls', id)
        .map(({ group }) => group)
        .sort(),
      of('keyauth_credentials', id).length,
    ]),
    ...all('plugins')
      .filter(({ enabled, protocols }) => enabled === true && (protocols as string[]).some((one) => HTTP.includes(one)))
      .map(({ name, config, route, service, consumer }) => [
        'plugin',
        name,
        owner('routes', route),
        owner('services', service),
        owner('consumers', consumer),
        bare(withoutRedis(config as Given)),
      ]),
  ]);
}

/** How an entity is recognized whose id may be made up. */
function label({ name, username, custom_id, host, port, path, paths, hosts }: Given): string {
  return JSON.stringify([
    name ?? username ?? custom_id ?? [host, port, path, paths, hosts].map((part) => part ?? null),
  ]);
}

function serviceForm(service: Given): unknown {
  const defaults = Object.entries(WITH_DEFAULTS).map(([name, value]) => service[name] ?? value);
  return bare([...SERVICE.map((name) => service[name]), ...defaults]);
}

function routeForm(route: Given): unknown {
  const sets = ROUTE_SETS.map((name) => [...new Set((route[name] ?? []) as string[])].sort());
  return bare([...ROUTE.map((name) => route[name]), route['regex_priority'] ?? 0, ...sets]);
}

/** The policy `local` never looks at them. */
function withoutRedis(config: Given): Given {
  return Object.fromEntries(
    Object.entries(config).filter(([name]) => !name.startsWith('redis') && name !== 'updated_at'),
  );
}

/** A value without what is not set; an empty list and an empty map are nothing, as in Lua. */
function bare(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? null : value.map(bare);
  if (typeof value !== 'object' || value === null) return value ?? null;
  const members = Object.entries(value)
    .map(([name, member]): [string, unknown] => [name, bare(member)])
    .filter(([, member]) => member !== null)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return members.length === 0 ? null : Object.fromEntries(members);
}

function sorted(entities: readonly unknown[]): Entities {
  return entities.map((entity) => JSON.stringify(entity)).sort();
}
