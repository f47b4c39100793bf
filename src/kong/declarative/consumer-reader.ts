import { randomUUID } from 'node:crypto';
import type { Consumer, KeyCredential } from './entities';
import { compositeKey } from './entity-id';
import type { EntityForm, EntityReader, Found, Given } from './entity-reader';
import { ACL, CONSUMER, KEY_CREDENTIAL } from './entity-schemas';
import { knownId, nameOf, Registry, textOrNull, type Read } from './registry';

const CONSUMERS: EntityForm = {
  kind: 'consumers',
  schema: CONSUMER,
  apart: ['acls', 'keyauth_credentials', 'plugins'],
  key: 'username',
};
const ACLS: EntityForm = { kind: 'acls', schema: ACL, apart: ['consumer'], key: 'consumer and group' };
const KEYS: EntityForm = { kind: 'keyauth_credentials', schema: KEY_CREDENTIAL, apart: ['consumer'], key: 'key' };

/** Returns the consumers of a file with their groups and keys, which may stand in them or beside them. */
export function readConsumers(top: Given, reader: EntityReader): Read<Consumer> {
  const registry = new Registry<Consumer>('consumer', reader);
  const groupsOf = new Map<string, string[]>();
  const keysOf = new Map<string, KeyCredential[]>();
  const places = reader.list(top, 'consumers').map((found) => {
    const username = nameOf(found, CONSUMERS, reader);
    const read = reader.entity<Omit<Consumer, 'groups' | 'keys'>>(CONSUMERS, found, username);
    reader.unique('consumers', 'username', username, found.path);
    reader.unique('consumers', 'custom_id', textOrNull(found.given['custom_id']), found.path);
    const entity = { ...read, groups: [] as string[], keys: [] as KeyCredential[] };
    groupsOf.set(entity.id, entity.groups);
    keysOf.set(entity.id, entity.keys);
    registry.add(entity, username);
    return { entity, found, knownId: knownId(entity, found, username) };
  });
  const consumers = { registry, places };
  for (const { found, ownerId, written } of owned('acls', top, consumers, reader)) {
    const key = compositeKey('acls', [written, textOrNull(found.given['group'])]);
    const { group } = reader.entity<{ group: string }>(ACLS, found, key);
    groupsOf.get(ownerId)?.push(group);
  }
  for (const { found, ownerId } of owned('keyauth_credentials', top, consumers, reader)) {
    const { id, key } = reader.entity<{ id: string; key: string | null }>(KEYS, found, null);
    reader.unique('keyauth_credentials', 'key', key, found.path);
    // Kong 3.9.3: makes a key up, which only its Admin API tells.
    keysOf.get(ownerId)?.push({ id, key: key ?? randomUUID() });
  }
  return consumers;
}

/** What a consumer has, its id, and how Kong names the consumer when it derives an id: as the file does. */
interface Owned {
  readonly found: Found;
  readonly ownerId: string;
  readonly written: string | null;
}

function owned(kind: string, top: Given, { registry, places }: Read<Consumer>, reader: EntityReader): Owned[] {
  const nested = places.flatMap(({ entity, found: { given, path }, knownId: id }) =>
    reader.list(given, kind, path).map((found) => {
      // Kong 3.9.3: must be there, and means nothing.
      registry.referredTo(found);
      return { found, ownerId: entity.id, written: textOrNull(found.given['consumer']) ?? id };
    }),
  );
  const own = reader.list(top, kind).map((found) => {
    const { given, path } = found;
    if ((given['consumer'] ?? null) === null) reader.refuse(`${path}.consumer`, 'required field missing');
    return { found, ownerId: registry.referredTo(found)?.id ?? '', written: textOrNull(given['consumer']) };
  });
  return [...nested, ...own];
}
