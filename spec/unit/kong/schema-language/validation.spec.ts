import { describe, expect, it } from '@jest/globals';
import type { EntityCheck, Field, Fields, RecordField } from '../../../../src/kong/schema-language/field';
import { validate, type Author } from '../../../../src/kong/schema-language/validation';

const record = (fields: Fields, ...entity_checks: EntityCheck[]): RecordField => ({
  type: 'record',
  fields,
  entity_checks,
});

/** `field: message` of everything that is wrong. */
function faults(schema: RecordField, value: unknown, author: Author = 'user'): string[] {
  return validate(schema, value, 'config', author).violations.map(({ field, message }) => `${field}: ${message}`);
}
const problemsOf = (field: Field, value: unknown, author: Author = 'user'): string[] =>
  faults(record([{ x: field }]), { x: value }, author);
const accepted = (field: Field, value?: unknown, author: Author = 'user'): unknown => {
  const result = validate(record([{ x: field }]), value === undefined ? {} : { x: value }, 'config', author);
  expect(result.violations).toEqual([]);
  return result.value['x'];
};

describe('types', () => {
  it.each<[Field, unknown[], unknown[], string]>([
    [{ type: 'string' }, ['a'], [1, true, {}, []], 'expected a string'],
    [{ type: 'boolean' }, [true, false], ['true', 0, {}], 'expected a boolean'],
    [{ type: 'number' }, [0, -1.5], ['1', Number.NaN, Infinity, true], 'expected a number'],
    [{ type: 'integer' }, [0, -1, 2.0], [1.5, '1', Infinity, []], 'expected an integer'],
    [{ type: 'array', elements: { type: 'string' } }, [[], ['a'], {}], ['a', 1, { a: 1 }], 'expected an array'],
    [{ type: 'set', elements: { type: 'string' } }, [[], ['a'], {}], ['a', { 0: 'a' }], 'expected a set'],
    [record([]), [{}, []], ['a', 1, ['a']], 'expected a record'],
    [
      { type: 'map', keys: { type: 'string' }, values: { type: 'string' } },
      [{}, { a: 'b' }, []],
      ['a', [1]],
      'expected a map',
    ],
  ])('%j', (field, good, bad, message) => {
    for (const value of good) expect(problemsOf(field, value)).toEqual([]);
    for (const value of bad) expect(problemsOf(field, value)).toEqual([`config.x: ${message}`]);
  });

  it('take an empty table of Lua, which arrives as {} or [], for a list or a record', () => {
    expect(accepted({ type: 'array', elements: { type: 'string' } }, {})).toEqual([]);
    expect(accepted(record([{ y: { type: 'integer', default: 1 } }]), [])).toEqual({ y: 1 });
  });
});

describe('constraints', () => {
  it.each<[Field, unknown, string]>([
    [{ type: 'string' }, '', 'length must be at least 1'],
    [{ type: 'string', len_min: 3 }, 'ab', 'length must be at least 3'],
    [{ type: 'string', len_max: 3 }, 'üü', 'length must be at most 3'],
    [{ type: 'string', one_of: ['a', 'b'] }, 'c', 'expected one of: a, b'],
    [{ type: 'string', match: '^%d+$' }, 'x1', 'invalid value: x1'],
    [{ type: 'string', match: '^%d+$', encrypted: true }, 'x1', 'invalid value'],
    [{ type: 'string', match: '^%d+$', err: 'must be a number' }, 'x1', 'must be a number'],
    [
      {
        type: 'string',
        match_none: [
          { pattern: ' ', err: 'no blanks' },
          { pattern: 'x', err: 'no x' },
        ],
      },
      'x',
      'no x',
    ],
    [{ type: 'integer', between: [1, 3] }, 0, 'value should be between 1 and 3'],
    [{ type: 'integer', between: [1, 3] }, 4, 'value should be between 1 and 3'],
    [{ type: 'number', gt: 0 }, 0, 'value must be greater than 0'],
    [{ type: 'boolean', eq: true }, false, 'value must be true'],
    [{ type: 'boolean', ne: false }, false, 'value must not be false'],
    [{ type: 'array', elements: { type: 'string' }, len_min: 1 }, [], 'length must be at least 1'],
    [{ type: 'array', elements: { type: 'string' }, len_max: 1 }, ['a', 'b'], 'length must be at most 1'],
    [
      { type: 'array', elements: { type: 'string' }, mutually_exclusive_subsets: [['a', 'b'], ['c'], ['d']] },
      ['a', 'b', 'd', 'e'],
      "these sets are mutually exclusive: ('a', 'b'), ('d')",
    ],
    [
      { type: 'map', keys: { type: 'string' }, values: { type: 'string' }, len_max: 1 },
      { a: 'b', c: 'd' },
      'length must be at most 1',
    ],
  ])('%j refuses %j', (field, value, message) => {
    expect(problemsOf(field, value)).toEqual([`config.x: ${message}`]);
  });

  it.each<[Field, unknown]>([
    [{ type: 'string', len_min: 0 }, ''],
    [{ type: 'string', len_min: 2, len_max: 2 }, 'ab'],
    [{ type: 'string', one_of: ['a', 'b'] }, 'b'],
    [{ type: 'string', match: '^%d+$' }, '12'],
    [{ type: 'string', match_none: [{ pattern: ' ', err: 'no blanks' }] }, 'x'],
    [{ type: 'integer', between: [1, 3] }, 1],
    [{ type: 'integer', between: [1, 3] }, 3],
    [{ type: 'number', gt: 0 }, 0.1],
    [{ type: 'boolean', eq: true }, true],
    [{ type: 'boolean', ne: false }, true],
    [{ type: 'array', elements: { type: 'string' }, mutually_exclusive_subsets: [['a', 'b'], ['c']] }, ['a', 'b']],
  ])('%j accepts %j', (field, value) => {
    expect(accepted(field, value)).toEqual(value);
  });

  it('hold for every element, key and member, and each violation names its place, counted from 1', () => {
    const word: Field = { type: 'string', one_of: ['a'] };
    const schema = record([
      { list: { type: 'array', elements: record([{ word }]) } },
      { table: { type: 'map', keys: word, values: { type: 'integer' } } },
    ]);
    expect(faults(schema, { list: [{ word: 'a' }, { word: 'b' }, 'c', null], table: { a: 'x', b: 1 } })).toEqual([
      'config.list[2].word: expected one of: a',
      'config.list[3]: expected a record',
      'config.list[4]: required field missing',
      'config.table.b: expected one of: a',
      'config.table.a: expected an integer',
    ]);
  });
});

describe('absence', () => {
  it('gives the default, and null without one', () => {
    expect(accepted({ type: 'integer', default: 3 })).toBe(3);
    expect(accepted({ type: 'integer' })).toBeNull();
    expect(accepted({ ...record([{ y: { type: 'integer', default: 1 } }]), required: false })).toBeNull();
  });

  it.each([{ required: true }, {}])(
    'of a record that is required, or does not say so, gives the defaults of its members: %j',
    (attributes) => {
      const members = record([{ y: { type: 'integer', default: 1 } }, { z: { type: 'string' } }]);
      expect(accepted({ ...members, ...attributes })).toEqual({ y: 1, z: null });
    },
  );

  it('is refused for a required field without a default', () => {
    expect(problemsOf({ type: 'string', required: true }, undefined)).toEqual(['config.x: required field missing']);
  });

  it('does not satisfy `eq`, but does satisfy `ne`', () => {
    expect(problemsOf({ type: 'boolean', eq: true }, null)).toEqual(['config.x: value must be true']);
    expect(problemsOf({ type: 'boolean', ne: false }, null)).toEqual([]);
  });

  it('does not make inherited members present', () => {
    expect(validate(record([{ toString: { type: 'string' } as const }]), {}, 'config', 'user').value).toEqual({
      toString: null,
    });
  });

  it('said as null is refused by Kong for a required field, and means "not set" when Kong says it', () => {
    const field: Field = { type: 'integer', required: true, default: 3 };
    expect(problemsOf(field, null, 'user')).toEqual(['config.x: required field missing']);
    expect(accepted(field, null, 'kong')).toBe(3);
  });
});

describe('sets', () => {
  it('lose their duplicates', () => {
    expect(accepted({ type: 'set', elements: { type: 'string' } }, ['a', 'b', 'a'])).toEqual(['a', 'b']);
  });
});

describe('members that the schema does not know', () => {
  const schema = record([{ inner: record([{ y: { type: 'string' } }]) }]);
  const value = { typo: 1, inner: { y: 'a', typo: 1, $refs: {}, __key__: 1 }, route_id: 'r' };

  it('are refused when a user wrote them', () => {
    expect(faults(schema, value, 'user')).toEqual([
      'config.typo: unknown field',
      'config.route_id: unknown field',
      'config.inner.typo: unknown field',
      'config.inner.$refs: unknown field',
      'config.inner.__key__: unknown field',
    ]);
  });

  it('are left out where Kong adds its own', () => {
    expect(faults(schema, value, 'kong')).toEqual(['config.inner.typo: unknown field']);
    expect(validate(schema, { ...value, inner: { y: 'a', $refs: {} } }, 'config', 'kong').value).toEqual({
      inner: { y: 'a' },
    });
  });
});

describe('vault references', () => {
  const secret: Field = { type: 'string', referenceable: true, len_max: 5 };
  const schema = record([{ secret }, { other: { type: 'string' } }], { only_one_of: ['secret', 'other'] });

  it('are taken on trust before Kong resolves them', () => {
    expect(faults(schema, { secret: '{vault://env/x}' })).toEqual([]);
    expect(faults(schema, { secret: '{vault://env/x}', other: 'y' })).toEqual([]);
    expect(faults(record([{ other: { type: 'string', len_max: 5 } }]), { other: '{vault://env/x}' })).toHaveLength(1);
  });

  it('are refused after that, also as the empty string that Kong makes of one it cannot resolve', () => {
    expect(faults(schema, { secret: '{vault://env/x}' }, 'kong')).toEqual([
      'config.secret: holds a vault reference that Kong did not resolve',
    ]);
    expect(faults(schema, { secret: '' }, 'kong')[0]).toMatch(/^config\.secret: is empty, as a vault reference/);
  });

  it('are checked once they are resolved', () => {
    expect(faults(schema, { secret: 'longer' }, 'kong')).toEqual(['config.secret: length must be at most 5']);
    expect(faults(schema, { secret: 'short' }, 'kong')).toEqual([]);
  });
});

describe('rules across members', () => {
  const fields: Fields = [
    { text: { type: 'string', len_min: 0 } },
    { list: { type: 'array', elements: { type: 'string' } } },
    { flag: { type: 'boolean' } },
  ];
  const names = ['text', 'list', 'flag'];
  const list = "'text', 'list', 'flag'";

  it.each<[EntityCheck, unknown[], unknown[], string]>([
    [
      { only_one_of: names },
      [{ text: 'a' }, { flag: false }, { list: ['a'], text: '' }],
      [{}, { text: '', list: [] }, { text: 'a', flag: false }],
      `config: exactly one of these fields must be non-empty: ${list}`,
    ],
    [
      { at_least_one_of: names },
      [{ text: 'a' }, { flag: false, list: ['a'] }],
      [{}, { text: '', list: [] }],
      `config: at least one of these fields must be non-empty: ${list}`,
    ],
    [
      { mutually_required: names },
      [{}, { text: '' }, { text: 'a', flag: true, list: ['a'] }],
      [{ text: 'a' }, { text: 'a', flag: true, list: [] }],
      `config: all or none of these fields must be set: ${list}`,
    ],
    [
      { mutually_exclusive: names },
      [{}, { text: 'a', list: [] }],
      [{ text: 'a', list: ['a'] }],
      `config: only one or none of these fields must be set: ${list}`,
    ],
    [
      { mutually_exclusive_sets: { set1: ['text', 'list'], set2: ['flag'] } },
      [{}, { text: 'a', list: ['a'] }, { flag: true }],
      [{ list: ['a'], flag: true }],
      "config: these sets are mutually exclusive: ('list'), ('flag')",
    ],
    [
      { conditional: { if_field: 'flag', if_match: { eq: true }, then_field: 'list', then_match: { len_min: 1 } } },
      [{}, { flag: false, list: [] }, { flag: true, list: ['a'] }, { flag: true }],
      [{ flag: true, list: [] }],
      'config.list: length must be at least 1',
    ],
    [
      {
        conditional: {
          if_field: 'text',
          if_match: { required: true },
          then_field: 'flag',
          then_match: { required: true },
          then_err: 'text needs a flag',
        },
      },
      [{}, { text: 'a', flag: false }, { flag: true }],
      [{ text: 'a' }, { text: '' }],
      'config.flag: text needs a flag',
    ],
    [
      {
        conditional: {
          if_field: 'flag',
          if_match: { required: true },
          then_field: 'list',
          then_match: { elements: { type: 'string', one_of: ['a'] } },
        },
      },
      [{ list: ['b'] }, { flag: true, list: ['a', 'a'] }, { flag: true }],
      [{ flag: true, list: ['a', 'b'] }],
      'config.list: expected one of: a',
    ],
  ])('%j', (check, good, bad, message) => {
    for (const value of good) expect(faults(record(fields, check), value)).toEqual([]);
    for (const value of bad) expect(faults(record(fields, check), value)).toEqual([message]);
  });

  it('are left for later while one of their members is wrong by itself', () => {
    expect(faults(record(fields, { only_one_of: names }), { text: 1 })).toEqual(['config.text: expected a string']);
  });

  it('are applied to every record of a list', () => {
    const schema = record([{ rules: { type: 'array', elements: record(fields, { at_least_one_of: names }) } }]);
    expect(faults(schema, { rules: [{ text: 'a' }, {}] })).toEqual([
      `config.rules[2]: at least one of these fields must be non-empty: ${list}`,
    ]);
  });
});

describe('a member called updated_at', () => {
  it('may stand in every record, as in Kong, and is left out', () => {
    const schema = record([{ inner: record([{ text: { type: 'string' } }]) }]);
    expect(faults(schema, { updated_at: 5, inner: { updated_at: [], text: 'a' } })).toEqual([]);
    expect(validate(schema, { updated_at: 5 }, 'config', 'user').value).toEqual({ inner: { text: null } });
  });
});

describe('a validator of its own', () => {
  const isEven = (value: number): string | null => (value % 2 === 0 ? null : 'is odd');
  const count: Field = { type: 'integer', between: [0, 10], custom_validator: isEven };

  it.each<[unknown, string[]]>([
    [2, []],
    [null, []],
    [3, ['config.x: is odd']],
    [11, ['config.x: value should be between 0 and 10']],
    ['a', ['config.x: expected an integer']],
  ])('judges what meets all other constraints of the field: %j', (value, expected) => {
    expect(faults(record([{ x: count }]), { x: value })).toEqual(expected);
  });

  it('judges a record when all of its members are right', () => {
    const refuse = (): string => 'never';
    const schema = record([{ x: { type: 'record', fields: [{ y: count }], custom_validator: refuse } }]);
    expect(faults(schema, { x: { y: 2 } })).toEqual(['config.x: never']);
    expect(faults(schema, { x: { y: 3 } })).toEqual(['config.x.y: is odd']);
  });
});

describe('a number', () => {
  it('is one of those that the schema lists', () => {
    const schema = record([{ x: { type: 'integer', one_of: [301, 302] } }]);
    expect(faults(schema, { x: 302 })).toEqual([]);
    expect(faults(schema, { x: 303 })).toEqual(['config.x: expected one of: 301, 302']);
  });
});

describe('a schema', () => {
  it.each<[object, string]>([
    [{ type: 'foreign' }, "config.x: schema type 'foreign' is not supported"],
    [{ type: 'string', not_match: 'x' }, "config.x: schema attribute 'not_match' is not supported"],
    [
      { type: 'array', elements: { type: 'string', uuid: true } },
      "config.x[]: schema attribute 'uuid' is not supported",
    ],
    [{ type: 'map', keys: { type: 'string', uuid: true }, values: { type: 'string' } }, "schema attribute 'uuid'"],
    [{ type: 'map', keys: { type: 'string' }, values: { type: 'string', uuid: true } }, "schema attribute 'uuid'"],
    [{ type: 'record', fields: [{ y: { type: 'x' } }] }, "config.x.y: schema type 'x' is not supported"],
    [{ type: 'boolean', one_of: [true] }, "config.x: schema attribute 'one_of' is not supported for type 'boolean'"],
    [{ type: 'string', custom_validator: 'x' }, "config.x: schema attribute 'custom_validator' is not supported"],
    [{ type: 'array' }, "config.x: schema type 'array' needs 'elements'"],
    [{ type: 'string', match: '%b()' }, "Lua pattern '%b()' is not supported"],
    [{ type: 'string', match_none: [{ pattern: '%1', err: '' }] }, "Lua pattern '%1' is not supported"],
    [{ type: 'record', fields: [], entity_checks: [{ distinct: [] }] }, "entity check 'distinct' is not supported"],
    [{ type: 'record', fields: [], entity_checks: [{ toString: [] }] }, "entity check 'toString' is not supported"],
    ...['if_match', 'then_match'].map((match): [object, string] => [
      {
        type: 'record',
        fields: [{ y: { type: 'string' } }],
        entity_checks: [
          {
            conditional: { if_field: 'y', if_match: {}, then_field: 'y', then_match: {}, [match]: { not_match: 'x' } },
          },
        ],
      },
      "config.x.y: schema attribute 'not_match' is not supported",
    ]),
  ])('is refused when it says more than is understood: %j', (field, message) => {
    expect(() => problemsOf(field as Field, undefined)).toThrow(message);
  });

  it('is refused when a rule names a field that it does not have', () => {
    expect(() => faults(record([], { only_one_of: ['y'] }), {})).toThrow("names 'y', which is not a field");
  });
});
