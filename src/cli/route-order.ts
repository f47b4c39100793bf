import { Priority } from '../../plugin/jwt-identity';
import { PLUGIN_NAME } from '../../schema/parse-config';
import { priorityOf } from '../kong/declarative/plugin-priorities';
import { pluginsOf, type WrittenRoute, type WrittenRoutes } from '../kong/declarative/route-config';

/** Another plugin that runs for a request, and when. */
export interface RouteNeighbour {
  readonly name: string;
  /** What it is attached to, in words. */
  readonly place: string;
  /** The higher, the earlier; `null` for a plugin that is not one of Kong's own. */
  readonly priority: number | null;
  /** In the access phase, seen from this plugin. */
  readonly runs: 'before' | 'after' | 'unknown';
}

/**
 * Returns the other plugins on a route in Kong's order; those whose priority only their handlers know come last. Plugins
 * of consumers are left out: which of them run is not known before a consumer is.
 */
export function neighboursOf(written: WrittenRoutes, route: WrittenRoute): RouteNeighbour[] {
  return pluginsOf(written, route)
    .filter(({ name }) => name !== PLUGIN_NAME)
    .map(({ name, place }): RouteNeighbour => {
      const priority = priorityOf(name) ?? null;
      const runs = priority === null ? 'unknown' : priority > Priority ? 'before' : 'after';
      return { name, place, priority, runs };
    })
    .sort((one, other) => (other.priority ?? -Infinity) - (one.priority ?? -Infinity));
}
