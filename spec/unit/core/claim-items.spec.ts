import { describe, expect, it } from '@jest/globals';
import { scopeItems, stringItems } from '../../../src/core/claim-items';

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
});
