import fc from 'fast-check';
import { CONFIG_ENTITY_CHECKS, CONFIG_FIELDS } from '../../schema/fields/config-fields';
import { namedFields, type Field, type RecordField } from '../../src/kong/schema-language/field';

const CONFIG: RecordField = { type: 'record', fields: CONFIG_FIELDS, entity_checks: CONFIG_ENTITY_CHECKS };

/** Texts that some field likes, and some that none does. */
const WORDS = [
  'a',
  'sub',
  '/realm_access/roles',
  'X-User-ID',
  'X-User-*',
  'x_user_id',
  'X-Consumer-*',
  'Host',
  'GET',
  'https://auth.example.com/',
  'http://127.0.0.1:1/',
  'http://idp/',
  '{"keys":[]}',
  '{vault://env/a}',
  '/tmp/a',
  'x'.repeat(32),
  '',
  'ü',
  'a\r\nb',
  '__proto__',
];
const wrong = fc.constantFrom<unknown>(null, true, -1, 1e400, 'x', [], {}, [null], { __proto__: null });

/** Values of a field, mostly of its own type and within its bounds. */
function valueOf(field: Field): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 30, arbitrary: rightValueOf(field) }, { weight: 1, arbitrary: wrong });
}

function rightValueOf(field: Field): fc.Arbitrary<unknown> {
  switch (field.type) {
    case 'string':
      return field.one_of ? fc.constantFrom(...field.one_of, 'none') : fc.constantFrom(...WORDS);
    case 'boolean':
      return fc.boolean();
    case 'number':
    case 'integer': {
      const [least, most] = field.between ?? [0, 10];
      return fc.integer({ min: least - 1, max: most + 1 });
    }
    case 'array':
    case 'set':
      return fc.array(valueOf(field.elements), { maxLength: 3 });
    case 'map':
      return fc.dictionary(fc.constantFrom(...WORDS), valueOf(field.values), { maxKeys: 2 });
    case 'record':
      return recordOf(field);
    case 'any':
      return wrong;
  }
}

function recordOf({ fields }: RecordField): fc.Arbitrary<object> {
  const members = namedFields(fields);
  const required = members.filter(([, field]) => field.required === true && field.default === undefined);
  return fc.record(Object.fromEntries(members.map(([name, field]) => [name, valueOf(field)])), {
    requiredKeys: required.map(([name]) => name),
  });
}

/** A configuration with few members, since each one may be its end; its issuers are mostly good. */
const issuer = fc
  .tuple(
    fc.constantFrom<object>(
      { jwks_uri: 'https://auth.example.com/jwks' },
      { discovery: true },
      { jwks: '{"keys":[]}' },
      { secret: 'x'.repeat(64) },
      {},
    ),
    fc.constantFrom<object>({ audiences: ['a'] }, { any_audience: true }, {}),
    fc.constantFrom<object>({}, { algorithms: ['RS256'] }, { algorithms: ['HS256', 'HS512'] }, { algorithms: {} }),
  )
  .map((parts) => Object.assign({ issuer: 'https://auth.example.com/' }, ...parts) as object);
export const randomConfig: fc.Arbitrary<object> = fc
  .tuple(recordOf(CONFIG), fc.array(issuer, { minLength: 1, maxLength: 2 }), fc.integer({ min: 0, max: 4 }), fc.nat())
  .map(([all, issuers, count, start]) => {
    const names = Object.keys(all).filter((name) => name !== 'issuers');
    const chosen = Array.from(
      { length: Math.min(count, names.length) },
      (_, i) => names[(start + i * 7) % names.length]!,
    );
    return {
      ...Object.fromEntries(chosen.map((name) => [name, (all as Record<string, unknown>)[name]])),
      issuers: start % 9 === 0 ? (all as Record<string, unknown>)['issuers'] : issuers,
    };
  });
