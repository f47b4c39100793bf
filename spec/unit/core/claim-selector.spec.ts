import { describe, expect, it } from '@jest/globals';
import { claimSelector } from '../../../src/core/claim-selector';

const claims = JSON.parse(`{
  "sub": "u1", "https://example.com/roles": ["a"], "a/b": 1, "m~n": 2, "nothing": null, "": "empty name",
  "realm_access": { "roles": ["admin", "user"] }, "__proto__": "own", "list": [10, 20]
}`) as Record<string, unknown>;
const select = (name: string): unknown => claimSelector(name)(claims);

describe('selecting a claim', () => {
  it.each([
    ['sub', 'u1'],
    ['https://example.com/roles', ['a']],
    ['/realm_access/roles', ['admin', 'user']],
    ['/realm_access/roles/1', 'user'],
    ['/a~1b', 1],
    ['/m~0n', 2],
    ['/', 'empty name'],
    ['__proto__', 'own'],
  ])('finds %s', (name, expected) => {
    expect(select(name)).toEqual(expected);
  });

  it.each([
    ['a claim that is not there', 'missing'],
    ['null', 'nothing'],
    ['an inherited member', 'constructor'],
    ['an inherited member through a pointer', '/realm_access/toString'],
    ['the length of a list', '/list/length'],
    ['an index with a leading zero', '/list/01'],
    ['an index out of range', '/list/2'],
    ['the "-" index', '/list/-'],
    ['a member of a string', '/sub/0'],
    ['a member of nothing', '/missing/deep'],
  ])('finds nothing for %s', (_, name) => {
    expect(select(name)).toBeUndefined();
  });

  it('does not see a prototype that a claims set pretends to have', () => {
    expect(
      claimSelector('admin')(JSON.parse('{"__proto__": {"admin": true}}') as Record<string, unknown>),
    ).toBeUndefined();
  });
});
