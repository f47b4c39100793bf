import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ConfigError } from '../../schema/config-error';
import { CONFIG_ENTITY_CHECKS, CONFIG_FIELDS } from '../../schema/fields/config-fields';
import { namedFields, type Field, type RecordField } from '../../src/kong/schema-language/field';
import { parseConfig } from '../../schema/parse-config';
import { validate } from '../../src/kong/schema-language/validation';

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
const config = fc
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

function inSnakeCase(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inSnakeCase);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([name, member]) => [
    name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
    inSnakeCase(member),
  ]);
  return Object.fromEntries(entries) as unknown;
}

describe('whatever somebody writes as a configuration', () => {
  it('becomes the same configuration again once its defaults are written out, or a ConfigError that names a field', () => {
    const seen = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(config, (raw) => {
        let parsed;
        try {
          parsed = parseConfig(raw);
        } catch (error) {
          seen.refused += 1;
          expect(error).toBeInstanceOf(ConfigError);
          expect((error as ConfigError).field).toMatch(/^config(\.[a-z_0-9]+(\[\d+\])*)*$/);
          return;
        }
        seen.accepted += 1;
        expect(parseConfig(inSnakeCase(parsed))).toEqual(parsed);
      }),
      { numRuns: 1500 },
    );
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(50);
  });

  it('is never accepted here when Kong would refuse it', () => {
    fc.assert(
      fc.property(config, (raw) => {
        const { violations } = validate(CONFIG, raw, 'config', 'user');
        // Kong does not accept a null for a required field, but sends one for what is not set.
        fc.pre(!violations.some(({ message }) => message === 'required field missing'));
        if (violations.length > 0) expect(() => parseConfig(raw)).toThrow(ConfigError);
      }),
      { numRuns: 1000 },
    );
  });
});
