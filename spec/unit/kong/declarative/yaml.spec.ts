import { describe, expect, it } from '@jest/globals';
import { readYaml } from '../../../../src/kong/declarative/yaml';

/** Kong 3.9.3: each was read by its lyaml. */
describe('a value in a kong.yml is what Kong reads', () => {
  it.each([
    ['yes', true],
    ['Off', false],
    ['y', 'y'],
    ['N', 'N'],
    ['!!bool y', true],
    ['"yes"', 'yes'],
    ['017', 15],
    ['08', 8],
    ['0o17', '0o17'],
    ['0x1F', 31],
    ['0XEF', 239],
    ['0X1F', '0X1F'],
    ['0b101', 5],
    ['0b1', '0b1'],
    ['1_000', 1000],
    ['1:30', 90],
    ['-1:30', -90],
    ['1:30.5', 90.5],
    ['1e3', 1000],
    ['0x1.8p3', 12],
    ['.5', 0.5],
    ['.inf', Infinity],
    ['-.INF', -Infinity],
    ['inf', 'inf'],
    ['2020-01-01', '2020-01-01'],
    ['!!timestamp 2020-01-01', '2020-01-01'],
    ['!!binary aGk=', 'aGk='],
    ['!!int "5"', 5],
    ['!!str 5', '5'],
    ['!own 5', 5],
    ['~', null],
    ['', null],
    ['NULL', null],
    ['nULL', 'nULL'],
    ['!!null x', null],
    ['"\\u00e9"', 'é'],
    ['!!map [a]', ['a']],
  ])('%s', (text, value) => {
    expect(readYaml(`a: ${text}`)).toEqual({ a: value });
  });

  it.each([
    ['[&a {x: 1}, {<<: *a, x: 2}]', { x: 2 }],
    ['[&a {x: 1}, {x: 2, <<: *a}]', { x: 2 }],
    ['[&a {x: 1}, {"<<": *a}]', { x: 1 }],
    ['[&a {x: 1}, {!!merge b: *a}]', { x: 1 }],
    ['[[&a {x: 1}, &b {x: 2, y: 3}], {<<: [*a, *b]}]', { x: 1, y: 3 }],
    ['[&a {x: 1}, {<<: *a, <<: {x: 2, y: 3}}]', { x: 1, y: 3 }],
    ['[&a 1, &a 2, *a]', 2],
  ])('merges maps and follows aliases: %s', (text, value) => {
    const [last] = (readYaml(text) as unknown[]).slice(-1);
    expect(last).toEqual(value);
  });

  it('is that of the first document', () => {
    expect(readYaml('a: 1\n---\nb: 2\n')).toEqual({ a: 1 });
  });
});

describe('a kong.yml is not readable, with the place of the cause', () => {
  it.each([
    ['a: 017_', 'Number that ends with _ at line 1, column 4'],
    ['a: !!int x', 'Value that does not fit its tag at line 1, column 10'],
    ['a: 1\n---\nb: *c', 'Alias without an anchor before it at line 3, column 4'],
    ['a: 1\n...\nb: 2', 'Document without --- before it at line 3, column 1'],
    ['%FOO\n---\na: 1', 'Unknown directive at line 1, column 1'],
    ['a: b\x07', 'Character that cannot stand in a file at line 1, column 5'],
    ['a: b\u2028c', 'Character that cannot stand in a file at line 1, column 5'],
    ['a: "\\ud83d\\ude00"', 'Text that Kong cannot read at line 1, column 4'],
    ['a: "b\\0c"', 'Text that Kong cannot read at line 1, column 4'],
    ['[{a: ::1}]', 'Text that Kong cannot read at line 1, column 6'],
    ['a: &b.c d', 'Unusable anchor at line 1, column 9'],
    ['{1: a}', 'Map key that is not text at line 1, column 2'],
    ['{<<: 1}', 'Merge key (<<) without a map at line 1, column 2'],
  ])('%j', (text, message) => {
    expect(() => readYaml(text)).toThrow(`not readable as YAML: ${message}`);
  });

  it('when its aliases multiply', () => {
    const lines = Array.from({ length: 10 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(9).fill(`*a${i}`).join(', ')}]`);
    expect(() => readYaml(['a0: &a0 x', ...lines].join('\n'))).toThrow('Excessive use of aliases');
  });
});
