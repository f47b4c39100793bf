import { checkedFields } from './entity-checks';
import { CONSTRAINT_NAMES } from './field-constraints';
import type { EntityCheck, Field } from './kong-schema';
import { luaPattern } from './lua-pattern';

const TYPES = ['string', 'number', 'integer', 'boolean', 'array', 'set', 'map', 'record'];

/** Words that are a field's structure, or that constrain nothing. */
const STRUCTURE = ['type', 'required', 'default', 'err', 'elements', 'keys', 'values', 'fields', 'entity_checks'];
const ANNOTATIONS = ['description', 'referenceable', 'encrypted'];

const WORDS: readonly string[] = [...STRUCTURE, ...ANNOTATIONS, ...CONSTRAINT_NAMES];

/**
 * Throws an `Error` that names the field unless every word of a schema is one that the validator enforces or may
 * ignore. Schemas come from a dump too, so nothing is taken for granted.
 */
export function assertSupported(field: Field, path: string): void {
  if (!TYPES.includes(field.type)) throw new Error(`${path}: schema type '${field.type}' is not supported`);
  assertWords(field, path);
  if (field.type === 'string') {
    for (const pattern of [field.match ?? '', ...(field.match_none ?? []).map((none) => none.pattern)]) {
      luaPattern(pattern);
    }
  } else if (field.type === 'array' || field.type === 'set') {
    assertSupported(field.elements, `${path}[]`);
  } else if (field.type === 'map') {
    assertSupported(field.keys, path);
    assertSupported(field.values, path);
  } else if (field.type === 'record') {
    for (const [name, member] of field.fields.flatMap((entry) => Object.entries(entry))) {
      assertSupported(member, `${path}.${name}`);
    }
    for (const check of field.entity_checks ?? []) assertCheck(check, path);
  }
}

function assertCheck(check: EntityCheck, path: string): void {
  checkedFields(check);
  if (!('conditional' in check)) return;
  assertWords(check.conditional.if_match, path);
  assertWords(check.conditional.then_match, path);
}

function assertWords(words: object, path: string): void {
  const unknown = Object.keys(words).find((word) => !WORDS.includes(word));
  if (unknown !== undefined) throw new Error(`${path}: schema attribute '${unknown}' is not supported`);
}
