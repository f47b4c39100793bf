import { describe, expect, it } from '@jest/globals';
import type { Algorithm, Config, IssuerConfig } from '../../../../schema/config';
import { CONFIG_ENTITY_CHECKS, CONFIG_FIELDS } from '../../../../schema/fields/config-fields';
import type { Field, RecordField } from '../../../../src/kong/schema-language/field';
import { validate } from '../../../../src/kong/schema-language/validation';

const CONFIG: RecordField = { type: 'record', fields: CONFIG_FIELDS, entity_checks: CONFIG_ENTITY_CHECKS };

/** Every named field of the configuration, with its path. */
function namedFields(path: string, field: Field): [path: string, field: Field][] {
  if (field.type === 'array') return namedFields(`${path}[]`, field.elements);
  if (field.type !== 'record') return [];
  return field.fields
    .flatMap((entry) => Object.entries(entry))
    .flatMap(([name, member]): [string, Field][] => [
      [`${path}.${name}`, member],
      ...namedFields(`${path}.${name}`, member),
    ]);
}
const fields = namedFields('config', CONFIG);

type Same<A, B> = [A, B] extends [B, A] ? true : false;

/** Does not compile when the types differ (`npm run typecheck`). */
const inferred: [
  Same<Config['leeway'], number>,
  Same<Config['consumerBy'], 'id' | 'username'>,
  Same<Config['realm'], string | null>,
  Same<Config['headerNames'], readonly string[]>,
  Same<Config['identityHeaders'][number]['onUnsafe'], 'refuse' | 'encode'>,
  Same<NonNullable<Config['authorize']>[number]['anyIdentity'], true | null>,
  Same<IssuerConfig['discovery'], true | null>,
  Same<IssuerConfig['algorithms'], readonly Algorithm[]>,
  Same<IssuerConfig['keyFetch']['timeoutMs'], number>,
  Same<IssuerConfig['keyFetch']['caFile'], string | null>,
  Same<Extract<Algorithm, 'none'>, never>,
] = [true, true, true, true, true, true, true, true, true, true, true];

describe('the list of fields', () => {
  it.each(fields)('describes %s in the 10 to 500 characters that Kong accepts', (_, { description }) => {
    expect(description?.length).toBeGreaterThanOrEqual(10);
    expect(description?.length).toBeLessThanOrEqual(500);
  });

  // Kong makes a record required that does not say so.
  it.each(fields.filter(([path, { type }]) => type === 'record' && !path.endsWith('[]')))(
    'says of the record %s whether it is required',
    (_, { required }) => {
      expect(typeof required).toBe('boolean');
    },
  );

  it.each(fields.filter(([, { default: value }]) => value !== undefined))(
    'makes %s, which has a default, required',
    (_, { required }) => {
      expect(required).toBe(true);
    },
  );

  it.each(fields.filter(([, { default: value }]) => value !== undefined))(
    'gives %s a valid default with every member spelled out, since Kong copies it as it is',
    (_, field) => {
      const { default: value, ...withoutDefault } = field;
      const result = validate({ type: 'record', fields: [{ x: withoutDefault }] }, { x: value }, 'config', 'user');
      expect(result.violations).toEqual([]);
      expect(result.value['x']).toEqual(value);
    },
  );

  it('keeps every secret in vaults and out of plain storage', () => {
    const marked = fields.filter(([, field]) => 'encrypted' in field && 'referenceable' in field);
    expect(marked.map(([path]) => path)).toEqual([
      'config.issuers[].jwks',
      'config.issuers[].secret',
      'config.issuers[].key_fetch.proxy_url',
      'config.issuers[].status_list.list_fetch.proxy_url',
      'config.revocation_lists[].redis.password',
      'config.revocation_lists[].list_fetch.proxy_url',
    ]);
  });

  it('reaches Kong unchanged as JSON', () => {
    expect(JSON.parse(JSON.stringify(CONFIG))).toEqual(CONFIG);
  });

  it('names each field once', () => {
    expect(new Set(fields.map(([path]) => path)).size).toBe(fields.length);
  });

  it('is where the types come from', () => {
    expect(inferred).not.toContain(false);
  });
});
