import type { Route } from '../declarative/entities';

/**
 * Whether a client can make Kong take an open route for a request that a guarded one describes, by way of its cache of
 * routes.
 *
 * Kong 3.9.3: kong/router/fields.lua, `visit_for_cache_key`, joins what routes look at with `|` and escapes nothing. A
 * header (or, after the path, a host) that holds a `|` can therefore have the key of another request, and Kong then takes
 * the route that it found for that one. The order of the parts is drawn at each start, so not every start is affected.
 */
export function routeCacheMixesUp(routes: readonly Route[], isGuarded: (route: Route) => boolean): boolean {
  const guarded = routes.filter(isGuarded);
  const hasOpen = guarded.length < routes.length;
  if (!hasOpen || guarded.length === 0) return false;
  const looksAtHeaders = routes.some(({ headers }) => Object.keys(headers ?? {}).length > 0);
  const looksAtHosts = routes.some(({ hosts }) => (hosts?.length ?? 0) > 0);
  // A path that goes on after a `|` still fits a prefix, but not an expression that says where it ends.
  const guardsExpressions = guarded.some(({ paths }) => paths?.some((path) => path.startsWith('~')) ?? false);
  return looksAtHeaders || (looksAtHosts && guardsExpressions);
}
