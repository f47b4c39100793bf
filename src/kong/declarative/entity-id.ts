import { createHash } from 'node:crypto';

/** Kong 3.9.3, declarative_config.lua: the namespace from which the ids of a file's entities are derived. */
const ENTITIES = 'fd02801f-0957-4a15-a55a-c8d9606f30b5';
/** Kong 3.9.3, router/transform.lua: the namespace of routes that were split by their paths. */
const SPLIT_ROUTES = '7f145bf9-0dce-4f91-98eb-debbce4b9f6b';

/**
 * Returns the id that Kong gives to an entity without one: the same for the same name, in every process. Plugins keep
 * their instances and routes of equal rank their order by it.
 *
 * @param entity - `services`, `routes`, `consumers`, `plugins` or `acls`
 * @param key - what is unique among its kind: a name, or a {@link compositeKey}
 */
export function entityId(entity: string, key: string): string {
  return uuidV5(uuidV5(ENTITIES, entity), key);
}

/**
 * Returns what makes an entity unique whose id Kong derives from several members, `null` when Kong makes an id up.
 *
 * @param parts - the members as they stand in the file; the id of what stands around the entity, where it is not
 *   written; `null` for an id that Kong makes up, `undefined` for a member that is null
 */
export function compositeKey(entity: string, parts: readonly (string | null | undefined)[]): string | null {
  if (parts.includes(null)) return null;
  return [entity, '*', ...parts.filter((part) => part !== undefined)].join(':');
}

/** Returns the id of the nth part (from 1) of a route that is split by its paths. */
export function splitRouteId(routeId: string, part: number): string {
  return uuidV5(SPLIT_ROUTES, `${routeId}#${part}`);
}

/** @see RFC 9562 §5.5 */
function uuidV5(namespace: string, name: string): string {
  const hash = createHash('sha1')
    .update(Buffer.from(namespace.replaceAll('-', ''), 'hex'))
    .update(name)
    .digest();
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString('hex', 0, 16);
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
