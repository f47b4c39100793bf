import { describe, expect, it } from '@jest/globals';
import { parseConfig } from '../../../../schema/parse-config';
import { callerValue } from '../../../../src/core/identity/caller-value';
import { ISSUER } from '../../../support/policy';
import { verifiedToken } from '../../../support/verified';

/** Reads a claim of a token whose issuer's entry has these fields. */
function read(claim: string, claims: Record<string, unknown>, entry: object = {}, top: object = {}): unknown {
  const config = parseConfig({ issuers: [{ ...ISSUER, ...entry }], ...top });
  return callerValue(claim, config)(verifiedToken(claims, config));
}

describe('a value of the caller', () => {
  const OWN = { caller_claims: ['client_id'], roles_claims: ['groups'], scopes_claims: ['perms'] };
  const CLAIMS = {
    sub: 's',
    client_id: 'c',
    roles: ['r'],
    groups: ['g'],
    scope: 'read',
    perms: ['write'],
    tenant: 't',
  };

  it.each([
    ['sub', 's'],
    ['roles', ['r']],
    ['scope', 'read'],
    ['tenant', 't'],
    ['groups', ['g']],
  ])('is the claim %s when the entry of the issuer says nothing of it', (claim, value) => {
    expect(read(claim, CLAIMS)).toEqual(value);
  });

  it.each([
    ['sub', 'c'],
    ['roles', ['g']],
    ['scope', ['write']],
    ['tenant', 't'],
    ['groups', ['g']],
  ])('is what the entry of the issuer says, for %s', (claim, value) => {
    expect(read(claim, CLAIMS, OWN)).toEqual(value);
  });

  it('is the roles of the entry, also when the token has none there', () => {
    expect(read('roles', { roles: ['r'] }, OWN)).toEqual([]);
    expect(read('scope', { scope: 'read' }, OWN)).toEqual([]);
  });

  it('goes by the names that the configuration gives roles and scopes', () => {
    const top = { roles_claim: '/realm_access/roles', scopes_claim: 'scp' };
    expect(read('/realm_access/roles', { realm_access: { roles: ['r'] } }, OWN, top)).toEqual([]);
    expect(read('roles', { roles: ['r'] }, OWN, top)).toEqual(['r']);
    expect(read('scp', { scp: 'x', perms: ['write'] }, OWN, top)).toEqual(['write']);
    expect(read('scope', { scope: 'read' }, OWN, top)).toBe('read');
  });

  it('is the names of an object that holds roles, and the object itself when it holds none', () => {
    expect(read('roles', { roles: { admin: { org: '1' }, user: { org: '1' } } })).toEqual(['admin', 'user']);
    expect(read('roles', { roles: {} })).toEqual({});
    expect(read('roles', { roles: 'admin user' })).toBe('admin user');
  });
});
