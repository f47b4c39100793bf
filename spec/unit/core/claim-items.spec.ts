import { describe, expect, it } from '@jest/globals';
import { roleItems, scopeItems, separatedItems, stringItems } from '../../../src/core/claim-items';

describe('items of a claim', () => {
  it('takes a string as one item and keeps only strings of a list', () => {
    expect(stringItems('read write')).toEqual(['read write']);
    expect(stringItems(['a', 1, null, '', 'b'])).toEqual(['a', 'b']);
  });

  it.each([[''], [undefined], [null], [1], [{ admin: true }]])('finds none in %p', (value) => {
    expect(stringItems(value)).toEqual([]);
  });

  it('splits a scope string at blanks and takes a list as it is', () => {
    expect(scopeItems(' read  write ')).toEqual(['read', 'write']);
    expect(scopeItems(['read', 'write'])).toEqual(['read', 'write']);
  });

  it.each([
    ['none', 'a, b', ['a, b']],
    ['space', ' a  b,c ', ['a', 'b,c']],
    ['comma', 'a b, c ,,', ['a b', 'c']],
    ['comma', ['a,b'], ['a,b']],
    ['space', ['a b'], ['a b']],
    ['comma', 7, []],
  ] as const)('are separated by %s in %j', (separator, value, items) => {
    expect(separatedItems(value, separator)).toEqual(items);
  });

  it('that are roles are the names of an object whose members are objects that hold something', () => {
    const value = { admin: { org: 'a' }, none: {}, no: false, yes: true, list: ['a'], gone: null, '': { org: 'a' } };
    expect(roleItems(value, 'none')).toEqual(['admin']);
    expect(roleItems([{ admin: { org: 'a' } }], 'none')).toEqual([]);
    expect(roleItems('a,b', 'comma')).toEqual(['a', 'b']);
    expect(roleItems(null, 'comma')).toEqual([]);
  });
});
