import { checkedFields } from './entity-checks';
import { CONSTRAINTS } from './field-constraints';
import { namedFields, type EntityCheck, type Field } from './field';
import { luaPattern } from './lua-pattern';

/** Words that any field may have and that constrain nothing by themselves. */
const COMMON = ['type', 'required', 'default', 'err', 'description', 'referenceable', 'encrypted'];

/** What a field is made of. */
const PARTS: Readonly<Partial<Record<Field['type'], readonly string[]>>> = {
  array: ['elements'],
  set: ['elements'],
  map: ['keys', 'values'],
  record: ['fields'],
};

/**
 * Throws an `Error` that names the field unless every word of a schema is one that the validator enforces or may
 * ignore. Schemas come from a dump too, so nothing is taken for granted.
 */
export function assertSupported(field: Field, path: string): void {
  const refuse = (what: string): never => {
    throw new Error(`${path}: schema ${what}`);
  };
  const { type } = field;
  if (!Object.hasOwn(CONSTRAINTS, type)) refuse(`type '${type}' is not supported`);
  const parts = PARTS[type] ?? [];
  const words = [...COMMON, ...CONSTRAINTS[type], ...parts, ...(type === 'record' ? ['entity_checks'] : [])];
  // A dump is JSON: what it calls a validator is none.
  if (typeof field.custom_validator === 'function') words.push('custom_validator');
  const unknown = Object.keys(field).find((word) => !words.includes(word));
  if (unknown !== undefined) refuse(`attribute '${unknown}' is not supported for type '${type}'`);
  const missing = parts.find((part) => !Object.hasOwn(field, part));
  if (missing !== undefined) refuse(`type '${type}' needs '${missing}'`);
  assertParts(field, path);
}

function assertParts(field: Field, path: string): void {
  switch (field.type) {
    case 'string':
      [field.match ?? '', ...(field.match_none ?? []).map(({ pattern }) => pattern)].forEach(luaPattern);
      break;
    case 'array':
    case 'set':
      assertSupported(field.elements, `${path}[]`);
      break;
    case 'map':
      assertSupported(field.keys, path);
      assertSupported(field.values, path);
      break;
    case 'record': {
      const members = new Map(namedFields(field.fields));
      members.forEach((member, name) => {
        assertSupported(member, `${path}.${name}`);
      });
      for (const check of field.entity_checks ?? []) assertCheck(check, members, path);
      break;
    }
    case 'boolean':
    case 'integer':
    case 'number':
    case 'any':
  }
}

function assertCheck(check: EntityCheck, members: ReadonlyMap<string, Field>, path: string): void {
  const stranger = checkedFields(check).find((name) => !members.has(name));
  if (stranger !== undefined) throw new Error(`${path}: an entity check names '${stranger}', which is not a field`);
  if (!('conditional' in check)) return;
  const { if_field, if_match, then_field, then_match } = check.conditional;
  assertSupported({ ...members.get(if_field), ...if_match } as Field, `${path}.${if_field}`);
  assertSupported({ ...members.get(then_field), ...then_match } as Field, `${path}.${then_field}`);
}
