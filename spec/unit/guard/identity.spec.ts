import { describe, expect, it } from '@jest/globals';
import { encodeHeaderValue } from '../../../src/core/identity/header-value';
import { DEFAULT_MAPPING, list, readIdentity, text, words } from '../../../src/guard/identity';

const read = (headers: Readonly<Record<string, string | readonly string[]>>): unknown =>
  readIdentity(DEFAULT_MAPPING, (name) => [headers[name] ?? []].flat());

describe('an identity', () => {
  it('is read from what the gateway writes', () => {
    expect(read({ 'X-User-ID': 'u1', 'X-User-Roles': 'admin,support', 'X-User-Name': 'Zo%C3%AB' })).toEqual({
      id: 'u1',
      roles: ['admin', 'support'],
      name: 'Zoë',
    });
  });

  it('has no roles and no name when the gateway did not write them', () => {
    expect(read({ 'X-User-ID': 'u1' })).toEqual({ id: 'u1', roles: [], name: undefined });
  });

  it('has no scopes when the gateway did not write them', () => {
    const mapping = { id: text('Id'), scopes: words('Scopes') };
    expect(readIdentity(mapping, (name) => (name === 'Id' ? ['u1'] : []))).toEqual({ id: 'u1', scopes: [] });
  });

  it('is not there without headers', () => {
    expect(read({})).toBeUndefined();
  });

  it('cannot be changed', () => {
    expect(Object.isFrozen(read({ 'X-User-ID': 'u1' }))).toBe(true);
  });

  it.each<[string, Parameters<typeof read>[0]]>([
    ['the id twice', { 'X-User-ID': ['u1', 'u2'] }],
    ['the same id twice', { 'X-User-ID': ['u1', 'u1'] }],
    ['joined lines', { 'X-User-ID': 'u1, u2' }],
    ['joined lists', { 'X-User-ID': 'u1', 'X-User-Roles': 'a, b' }],
    ['a comma in a text', { 'X-User-ID': 'u1,u2' }],
    ['an empty id', { 'X-User-ID': '' }],
    ['a blank id', { 'X-User-ID': ' ' }],
    ['an empty role', { 'X-User-ID': 'u1', 'X-User-Roles': 'a,,b' }],
    ['text that is not encoded', { 'X-User-ID': 'Zoë' }],
    ['a broken escape', { 'X-User-ID': '100%' }],
    ['an escape that is not UTF-8', { 'X-User-ID': '%ff' }],
    ['roles without an id', { 'X-User-Roles': 'admin' }],
  ])('is refused with %s', (_, headers) => {
    expect(read(headers)).toMatchObject({ outcome: 'refuse', code: 'identity_malformed' });
  });

  it.each([['admin'], [['admin', 'a b', 'c%d', 'Zoë', 'x,y', ' z ']], ['100%, and\r\nmore']])(
    'gives back %j as it was in the token',
    (claim) => {
      const header = encodeHeaderValue(claim, 'claim', 'encode') as string;
      const mapping = { id: text('Id'), value: Array.isArray(claim) ? list('Value') : text('Value') };
      const identity = readIdentity(mapping, (name) => [name === 'Id' ? 'u1' : header]);
      expect(identity).toMatchObject({ value: claim });
    },
  );

  it.each([
    ['a b', ['a', 'b']],
    ['a,b', ['a', 'b']],
    ['a', ['a']],
  ])('has the scopes of %j', (value, scopes) => {
    const mapping = { id: text('Id'), scopes: words('Scopes') };
    expect(readIdentity(mapping, (name) => [name === 'Id' ? 'u1' : value])).toMatchObject({ scopes });
  });
});
