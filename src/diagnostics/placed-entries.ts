import { isMap, type Given } from '../kong/declarative/entity-reader';

/** An entry of the plugin as a kong.yml has it, and where. */
export interface PlacedEntry {
  /** Such as `services[1].plugins[2]`. */
  readonly path: string;
  readonly given: Given;
  /** What it is attached to, in words: `route orders`, `service shop`, `global`. */
  readonly holder: string;
}

/** A route of a kong.yml, and which entry of the plugin decides about its requests. */
export interface PlacedRoute {
  readonly path: string;
  readonly given: Given;
  readonly name: string;
  /** `undefined`: the plugin is not on the route. */
  readonly entry: PlacedEntry | undefined;
  /** An entry on the route itself that is switched off, so that another one, or none, counts. */
  readonly disabled: PlacedEntry | undefined;
}

/** The entries of one plugin and the routes of a file. What Kong would refuse to read is left out. */
export interface PlacedEntries {
  readonly entries: readonly PlacedEntry[];
  readonly routes: readonly PlacedRoute[];
}

interface Placed {
  readonly path: string;
  readonly given: Given;
}

interface Scoped extends PlacedEntry {
  readonly route: Given | undefined;
  readonly service: Given | undefined;
}

/**
 * Finds the entries of a plugin in a kong.yml, and of each route the one that counts.
 *
 * Kong 3.9.3, kong/runloop/plugins_iterator.lua: route and service, then route, then service, then global. Entries of
 * consumers are left out: they never run before this plugin knows the consumer.
 */
export function placedEntries(top: Given, plugin: string): PlacedEntries {
  const services = listAt(top, 'services');
  const routes = [
    ...services.flatMap((service) =>
      listAt(service.given, 'routes', service.path).map((route) => ({ ...route, service: service.given })),
    ),
    ...listAt(top, 'routes').map((route) => ({
      ...route,
      service: services.find(({ given }) => refersTo(route.given['service'], given))?.given,
    })),
  ];
  const entries: Scoped[] = [];
  const add = ({ given, path }: Placed, route: Given | undefined, service: Given | undefined): void => {
    if (given['name'] !== plugin || !isNone(given['consumer']) || !isNone(given['consumer_group'])) return;
    const holder =
      route !== undefined ? `route ${nameOf(route)}` : service !== undefined ? `service ${nameOf(service)}` : 'global';
    entries.push({ given, path, route, service, holder });
  };
  for (const entry of listAt(top, 'plugins')) {
    const { route, service } = entry.given;
    const ofRoute = routes.find(({ given }) => refersTo(route, given))?.given;
    const ofService = services.find(({ given }) => refersTo(service, given))?.given;
    // What refers to nothing is refused elsewhere, and is not global.
    if ((isNone(route) || ofRoute !== undefined) && (isNone(service) || ofService !== undefined)) {
      add(entry, ofRoute, ofService);
    }
  }
  for (const { given, path } of services) {
    for (const entry of listAt(given, 'plugins', path)) add(entry, undefined, given);
  }
  for (const { given, path } of routes) {
    for (const entry of listAt(given, 'plugins', path)) add(entry, given, undefined);
  }
  return {
    entries: entries.map(({ path, given, holder }) => ({ path, given, holder })),
    routes: routes.map(({ path, given, service }) => {
      const closeness = (entry: Scoped): number =>
        (entry.route === undefined ? 0 : 2) + (entry.service === undefined ? 0 : 1);
      const own = entries.filter(
        (entry) =>
          (entry.route === undefined || entry.route === given) &&
          (entry.service === undefined || entry.service === service),
      );
      const [entry] = own.filter(isEnabled).sort((a, b) => closeness(b) - closeness(a));
      const disabled = own.find((each) => each.route === given && !isEnabled(each));
      return { path, given, name: nameOf(given), entry, disabled };
    }),
  };
}

/** Whether an entry is switched on. */
export function isEnabled({ given }: PlacedEntry): boolean {
  return given['enabled'] !== false;
}

function listAt(holder: Given, member: string, path = ''): Placed[] {
  const list: unknown = holder[member];
  if (!Array.isArray(list)) return [];
  return list.flatMap((given: unknown, index) =>
    isMap(given) ? [{ given, path: `${path === '' ? '' : `${path}.`}${member}[${index + 1}]` }] : [],
  );
}

/** A reference is a name or an id, or a map with one. */
function refersTo(reference: unknown, { id, name }: Given): boolean {
  const wanted = isMap(reference) ? (reference['id'] ?? reference['name']) : reference;
  return typeof wanted === 'string' && (wanted === id || wanted === name);
}

function nameOf({ name, id }: Given): string {
  return [name, id].find((text): text is string => typeof text === 'string') ?? 'without a name';
}

function isNone(value: unknown): boolean {
  return value === undefined || value === null;
}
