import type { Route } from '../declarative/entities';

/**
 * How specific a route is, the most telling first: how many kinds of conditions it has, whether its hosts are without
 * wildcards, how many headers it asks for, whether its paths are regular expressions, their `regex_priority`, and how
 * long its paths are. A route's paths are all regular expressions or all of one length: see {@link splitByPaths}.
 *
 * Kong 3.9.3: kong/router/transform.lua, `get_priority` (router_flavor traditional_compatible, the default)
 */
export function rankOf({ methods, hosts, headers, paths, regex_priority: regexPriority }: Route): readonly number[] {
  const headerCount = Object.keys(headers ?? {}).length;
  const kinds = [methods, hosts, paths].filter((list) => (list?.length ?? 0) > 0).length + (headerCount > 0 ? 1 : 0);
  const [path = ''] = paths ?? [];
  const isRegex = path.startsWith('~');
  const hasPlainHosts = hosts?.every((host) => !host.includes('*')) ?? false;
  return [
    kinds,
    Number(hasPlainHosts),
    Math.min(headerCount, 255),
    Number(isRegex),
    isRegex ? regexPriority : 0,
    isRegex ? 0 : path.length,
  ];
}

/** Sorts the most specific first. Routes of equal rank go by their ids, the greatest first, as in Kong. */
export function compareRoutes(
  a: { readonly rank: readonly number[]; readonly id: string },
  b: { readonly rank: readonly number[]; readonly id: string },
): number {
  const at = a.rank.findIndex((value, i) => value !== b.rank[i]);
  if (at === -1) return a.id < b.id ? 1 : -1;
  return (b.rank[at] ?? 0) - (a.rank[at] ?? 0);
}

/** Returns a route's paths in groups: all regular expressions, and the prefixes of each length. */
export function splitByPaths(paths: readonly string[]): readonly (readonly string[])[] {
  const groups = new Map<number, string[]>();
  for (const path of paths) {
    const key = path.startsWith('~') ? 0 : path.length;
    groups.set(key, [...(groups.get(key) ?? []), path]);
  }
  return [...groups.values()];
}
