import type { Route } from '../declarative/entities';

/** The conditions of a route that its priority is made of. */
export type RankedRoute = Pick<Route, 'methods' | 'hosts' | 'headers' | 'paths' | 'regex_priority'>;

/**
 * Returns the number by which Kong sorts routes: the greatest is asked first. A route's paths must be all regular
 * expressions or all of one length: see {@link splitByPaths}.
 *
 * Kong 3.9.3: kong/router/transform.lua, `get_priority` (router_flavor traditional_compatible, the default). Its comment
 * describes 64 bits, but `lshift_uint64` shifts plain Lua numbers, and LuaJIT shifts these in 32 bits, by the offset
 * modulo 32, as JavaScript does. So the kinds of conditions start at bit 29 instead of 61 and the headers at bit 20
 * instead of 52. Only the marks for plain hosts and for regular expressions are where the comment says, above all the
 * rest. A number that these shifts make negative becomes 2^63, which beats them both.
 */
export function priorityOf({ methods, hosts, headers, paths, regex_priority: regexPriority }: RankedRoute): bigint {
  const headerCount = Object.keys(headers ?? {}).length;
  const kinds = [methods, hosts, paths].filter((list) => (list?.length ?? 0) > 0).length + (headerCount > 0 ? 1 : 0);
  const [path = ''] = paths ?? [];
  const isRegex = path.startsWith('~');
  const hasPlainHosts = hosts?.every((host) => !host.includes('*')) ?? false;
  const low = [
    kinds << 29,
    Math.min(headerCount, 255) << 20,
    isRegex ? regexPriority << 19 : utf8Length(path) & 0x7ffff,
  ];
  const high = (hasPlainHosts ? 1n << 60n : 0n) | (isRegex ? 1n << 51n : 0n);
  if (high === 0n) return unsigned(low.reduce((all, part) => all | part));
  return low.reduce((all, part) => all | unsigned(part), high);
}

/**
 * What LuaJIT's interpreter makes of a negative number where 64 bits without a sign are wanted. Seen on x86-64; C leaves it
 * open.
 */
function unsigned(int32: number): bigint {
  return int32 < 0 ? 1n << 63n : BigInt(int32);
}

/** Kinds of conditions by which Kong ranks a route, as a kong.yml names them. */
const KINDS = ['methods', 'hosts', 'headers', 'paths', 'snis', 'sources', 'destinations'] as const;

/**
 * Whether Kong may be unable to change this route or to take it away at a reload. It then keeps all plugins as they were,
 * but serves new routes: without their plugins. Later reloads change nothing until Kong is started again.
 *
 * Kong 3.9.3: kong/router/atc.lua, `new_from_previous`, changes the routes of the router that is in use, and stops when
 * `remove_matcher` fails. Four kinds of conditions, without the mark for plain hosts or expressions, make a negative
 * number. LuaJIT's compiler and its interpreter turn that into different numbers without a sign, so that a route may be
 * looked for under another number than it was added with. Run: 3.7.1, 3.9.3.
 *
 * @param route - as a kong.yml has it; values of another type count as none
 */
export function blocksReload(route: Readonly<Partial<Record<(typeof KINDS)[number], unknown>>>): boolean {
  const kinds = KINDS.filter((kind) => sizeOf(route[kind]) > 0);
  const { hosts, paths } = route;
  const hasPlainHosts = Array.isArray(hosts) && hosts.length > 0 && !hosts.some((host) => String(host).includes('*'));
  const hasExpressionsOnly =
    Array.isArray(paths) && paths.length > 0 && paths.every((path) => String(path).startsWith('~'));
  return kinds.length > 3 && !hasPlainHosts && !hasExpressionsOnly;
}

function sizeOf(value: unknown): number {
  return typeof value === 'object' && value !== null ? Object.keys(value).length : 0;
}

function utf8Length(text: string): number {
  return Buffer.byteLength(text);
}

/** Sorts the route that Kong asks first to the front. Among equal priorities that is the one with the greatest id. */
export function comparePriorities(
  a: { readonly priority: bigint; readonly id: string },
  b: { readonly priority: bigint; readonly id: string },
): number {
  if (a.priority !== b.priority) return a.priority > b.priority ? -1 : 1;
  return a.id.toLowerCase() < b.id.toLowerCase() ? 1 : -1;
}

/**
 * Returns a route's paths in groups: all regular expressions, and the prefixes of each length in bytes. Kong makes a
 * route of each group, with a priority of its own.
 */
export function splitByPaths(paths: readonly string[]): readonly (readonly string[])[] {
  const groups = new Map<number, string[]>();
  for (const path of paths) {
    const key = path.startsWith('~') ? 0 : utf8Length(path);
    groups.set(key, [...(groups.get(key) ?? []), path]);
  }
  return [...groups.values()];
}
