import type { Declaration, PluginEntry, Route } from '../kong/declarative/entities';
import { overlapsOf, type ExampleRequest } from '../kong/routing/route-overlap';
import { routeCacheMixesUp } from '../kong/routing/route-cache';
import { blocksReload } from '../kong/routing/route-priority';
import type { Log } from '../telemetry/log';

/** Whether a configured plugin refuses every request without a credential. */
export type IsGuard = (plugin: PluginEntry) => boolean;

/**
 * Warns of each open route that takes requests which a guarded route describes, with an example if one was found, of
 * conditions by which Kong's cache of routes mixes requests up, and of routes that Kong may be unable to replace.
 */
export function warnAboutRoutes({ routes, plugins }: Declaration, isGuard: IsGuard, log: Log): void {
  const isGuarded = (route: Route): boolean => entriesFor(route, plugins).some(isGuard);
  if (routeCacheMixesUp(routes, isGuarded)) {
    log(
      'warn',
      'a client can make Kong take an open route instead of a guarded one: see "The route cache" in docs/ROUTES.md',
    );
  }
  for (const route of routes.filter(blocksReload)) {
    log(
      'warn',
      'because of this route, Kong may ignore later configurations until it is restarted, and serve new routes without plugins: see "Reloads" in docs/ROUTES.md',
      { route: nameOf(route) },
    );
  }
  for (const { open, guarded, example } of overlapsOf(routes, isGuarded)) {
    const names = { open: nameOf(open), guarded: nameOf(guarded) };
    if (example === null) log('warn', 'an open route may take requests that a guarded route describes', names);
    else log('warn', 'an open route takes requests that a guarded route describes', { ...names, ...lines(example) });
  }
}

/** The plugins that run for a request without a consumer: of each name the entry that is bound the closest. */
function entriesFor({ id, service }: Route, plugins: readonly PluginEntry[]): readonly PluginEntry[] {
  const closeness = ({ routeId, serviceId }: PluginEntry): number =>
    Number(routeId !== null) * 2 + Number(serviceId !== null);
  const closest = new Map<string, PluginEntry>();
  for (const plugin of plugins) {
    const { name, routeId, serviceId, consumerId } = plugin;
    const applies =
      consumerId === null &&
      (routeId === null || routeId === id) &&
      (serviceId === null || serviceId === (service?.id ?? null));
    const before = closest.get(name);
    if (applies && (before === undefined || closeness(plugin) > closeness(before))) closest.set(name, plugin);
  }
  return [...closest.values()];
}

function nameOf({ name, id }: Route): string {
  return name ?? id;
}

function lines({ method, host, path, headers }: ExampleRequest): Record<string, string> {
  const named = [...(host === null ? [] : [['Host', host] as const]), ...headers];
  return {
    request: `${method} ${path}`,
    ...(named.length > 0 && { headers: named.map(([name, value]) => `${name}: ${value}`).join(', ') }),
  };
}
