import type { PluginEntry } from './entities';

/** What a plugin is bound to, or what a request has; `null` is "any" of a plugin and "none" of a request. */
export type PluginScope = Pick<PluginEntry, 'routeId' | 'serviceId' | 'consumerId'>;

/** The scope of a plugin that is bound to nothing. */
export const ANYWHERE: PluginScope = { routeId: null, serviceId: null, consumerId: null };

/** Returns a text that two scopes share only if they are the same. */
export function scopeKey({ routeId, serviceId, consumerId }: PluginScope): string {
  return `${routeId ?? ''}:${serviceId ?? ''}:${consumerId ?? ''}`;
}

/**
 * Returns the one entry of a plugin that applies to a request; entries are not merged.
 *
 * Kong 3.9.3: kong/runloop/plugins_iterator.lua, `lookup_cfg`
 *
 * @param byScope - the entries of one plugin, by {@link scopeKey}
 */
export function mostSpecific<T>(byScope: ReadonlyMap<string, T>, request: PluginScope): T | undefined {
  const { routeId, serviceId, consumerId } = request;
  const scopes: PluginScope[] = [
    { routeId, serviceId, consumerId },
    { routeId, serviceId: null, consumerId },
    { routeId: null, serviceId, consumerId },
    { routeId, serviceId, consumerId: null },
    { routeId: null, serviceId: null, consumerId },
    { routeId, serviceId: null, consumerId: null },
    { routeId: null, serviceId, consumerId: null },
    ANYWHERE,
  ];
  for (const scope of scopes) {
    const found = byScope.get(scopeKey(scope));
    if (found !== undefined) return found;
  }
  return undefined;
}
