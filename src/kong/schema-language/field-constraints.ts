import type { ArrayField, BooleanField, Field, MapField, NumberField, StringField } from './field';
import { luaPattern } from './lua-pattern';

const LENGTHS = ['len_min', 'len_max'];

/** The constraints that {@link brokenConstraint} enforces, by the type of the field. */
export const CONSTRAINTS: Readonly<Record<Field['type'], readonly string[]>> = {
  string: ['one_of', ...LENGTHS, 'match_none', 'match'],
  number: ['one_of', 'gt', 'between'],
  integer: ['one_of', 'gt', 'between'],
  boolean: ['eq', 'ne'],
  array: [...LENGTHS, 'mutually_exclusive_subsets'],
  set: [...LENGTHS, 'mutually_exclusive_subsets'],
  map: LENGTHS,
  record: [],
  any: [],
};

/**
 * Returns what is wrong with a value that has the field's type, in Kong's words and order, or `null`. The field's own
 * `err` replaces any message. The value of an `encrypted` field is never part of the message.
 *
 * @see Kong 3.9.3: kong/db/schema/init.lua, `Schema.validators` and `validators_order`
 */
export function brokenConstraint(field: Field, value: unknown): string | null {
  const message = firstMessage(field, value) ?? field.custom_validator?.(value as never) ?? null;
  return message === null ? null : (field.err ?? message);
}

function firstMessage(field: Field, value: unknown): string | null {
  switch (field.type) {
    case 'boolean':
      return brokenBoolean(field, value);
    case 'number':
    case 'integer':
      return brokenNumber(field, value as number);
    case 'string':
      return brokenString(field, value as string);
    case 'array':
    case 'set':
      return brokenList(field, value as readonly unknown[]);
    case 'map':
      return brokenLength(field, Object.keys(value as object).length, 0);
    case 'record':
    case 'any':
      return null;
  }
}

function brokenBoolean({ eq, ne }: BooleanField, value: unknown): string | null {
  if (eq !== undefined && value !== eq) return `value must be ${eq}`;
  return ne !== undefined && value === ne ? `value must not be ${ne}` : null;
}

function brokenNumber({ one_of: choices, gt, between }: NumberField, value: number): string | null {
  if (choices !== undefined && !choices.includes(value)) return `expected one of: ${choices.join(', ')}`;
  if (gt !== undefined && value <= gt) return `value must be greater than ${gt}`;
  if (between === undefined || (value >= between[0] && value <= between[1])) return null;
  return `value should be between ${between[0]} and ${between[1]}`;
}

function brokenString(field: StringField, value: string): string | null {
  const { one_of: choices, match, match_none: forbidden = [] } = field;
  if (choices !== undefined && !choices.includes(value)) return `expected one of: ${choices.join(', ')}`;
  // Kong 3.9.3: an empty string is refused unless the schema says otherwise.
  const length = brokenLength(field, Buffer.byteLength(value), 1);
  if (length !== null) return length;
  const hit = forbidden.find(({ pattern }) => luaPattern(pattern).test(value));
  if (hit !== undefined) return hit.err;
  if (match === undefined || luaPattern(match).test(value)) return null;
  return field.encrypted === true ? 'invalid value' : `invalid value: ${value}`;
}

function brokenList(field: ArrayField, values: readonly unknown[]): string | null {
  const { mutually_exclusive_subsets: subsets = [] } = field;
  const present = subsets.filter((subset) => subset.some((member) => values.includes(member)));
  const message = present.length < 2 ? null : `these sets are mutually exclusive: ${present.map(quoted).join(', ')}`;
  return brokenLength(field, values.length, 0) ?? message;
}

function quoted(names: readonly string[]): string {
  return `(${names.map((name) => `'${name}'`).join(', ')})`;
}

function brokenLength(
  { len_min: least, len_max: most }: StringField | ArrayField | MapField,
  length: number,
  defaultLeast: number,
): string | null {
  if (length < (least ?? defaultLeast)) return `length must be at least ${least ?? defaultLeast}`;
  return most !== undefined && length > most ? `length must be at most ${most}` : null;
}
