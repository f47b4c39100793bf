import { describe, expect, it } from '@jest/globals';
import { parseConfig } from '../../../../schema/parse-config';
import { callerReader } from '../../../../src/core/verification/caller';
import { issuerDirectory } from '../../../../src/core/verification/issuer-directory';
import type { KeySource } from '../../../../src/core/verification/key-source';
import { compileTrust } from '../../../../src/core/verification/trust';
import { trustedIssuer } from '../../../support/verified';

const noKeys: KeySource = { find: () => ({ status: 'not_found', reason: 'no_matching_key' }), holds: () => false };
const TEMPLATE = 'https://auth.example.com/{tenant}/';
const config = parseConfig({
  issuers: [
    {
      ...{ issuer: TEMPLATE, tenants: ['acme', 'umbrella'], audiences: ['orders'], discovery: true },
      ...{ tenant_claim: 'tid', caller_prefix: '{tenant}:' },
    },
  ],
});
const [entry] = config.issuers;

describe('the caller of a template', () => {
  it('has the tenant in its prefix', () => {
    expect(callerReader(entry!)({ sub: 'ada' }, 'https://auth.example.com/acme/', 'acme').id).toBe('acme:ada');
    expect(callerReader(entry!)({ sub: 'ada' }, 'https://auth.example.com/acme/', undefined).id).toBe(':ada');
  });

  it('has no roles where the entry names no claim for them', () => {
    const reader = callerReader({ ...entry!, rolesClaims: [], scopesClaims: [] });
    expect(reader({ roles: ['admin'] }, TEMPLATE, 'acme')).toMatchObject({ roles: [], scopes: [] });
  });
});

describe('the caller of an entry that names several claims', () => {
  it('has the roles and the scopes of all of them, each once', () => {
    const reader = callerReader({
      ...entry!,
      ...{ rolesClaims: ['roles', 'groups'], scopesClaims: ['scope', 'scp'], scopesSeparator: 'space' },
    });
    const claims = { roles: ['a', 'b'], groups: ['b', 'c'], scope: 'read write', scp: ['write', 'admin'] };
    expect(reader(claims, TEMPLATE, 'acme')).toMatchObject({
      roles: ['a', 'b', 'c'],
      scopes: ['read', 'write', 'admin'],
    });
  });
});

describe('what an entry reads in its own way', () => {
  const ISSUER = { issuer: 'https://auth.example.com/', audiences: ['orders'], discovery: true };
  const NOTHING = { id: false, roles: false, scopes: false };

  it.each<[string, object, object]>([
    ['nothing, when it says nothing', {}, NOTHING],
    ['nothing, when it names the usual claims', { caller_claims: ['sub'], roles_claims: ['roles'] }, NOTHING],
    ['the id, with a prefix', { caller_prefix: 'x:' }, { ...NOTHING, id: true }],
    ['the id, from another claim', { caller_claims: ['oid'] }, { ...NOTHING, id: true }],
    ['the id, from two claims', { caller_claims: ['oid', 'sub'] }, { ...NOTHING, id: true }],
    ['the roles, from another claim', { roles_claims: ['groups'] }, { ...NOTHING, roles: true }],
    ['the roles, from two claims', { roles_claims: ['roles', 'groups'] }, { ...NOTHING, roles: true }],
    ['the roles, split at blanks', { roles_separator: 'space' }, { ...NOTHING, roles: true }],
    ['the scopes, from another claim', { scopes_claims: ['scp'] }, { ...NOTHING, scopes: true }],
    ['the scopes, split at commas', { scopes_separator: 'comma' }, { ...NOTHING, scopes: true }],
  ])('is %s', (_, fields, expected) => {
    const { issuers } = compileTrust(parseConfig({ issuers: [{ ...ISSUER, ...fields }] }), () => noKeys);
    expect(issuers.ownersOf(ISSUER.issuer)[0]?.issuer.own).toEqual(expected);
  });
});

describe('the keys of a template', () => {
  const opened: string[] = [];
  const open = ({ issuer }: { readonly issuer: string }): KeySource => {
    opened.push(issuer);
    return { ...noKeys };
  };

  it('are opened once for each tenant that a token names', () => {
    const { issuers } = compileTrust(config, open);
    // A mistake in the settings shows with the first; the others wait for a token.
    expect(opened).toEqual(['https://auth.example.com/acme/']);
    const keysOf = (tenant: string): KeySource | undefined =>
      issuers.ownersOf(`https://auth.example.com/${tenant}/`)[0]?.keys;
    expect(keysOf('acme')).toBe(keysOf('acme'));
    expect(keysOf('umbrella')).not.toBe(keysOf('acme'));
    expect(keysOf('stranger')).toBeUndefined();
    // No token leads here: a template's owner always has a tenant.
    expect(issuers.ownersOf('https://auth.example.com/acme/')[0]!.issuer.keysOf(undefined)).toBeDefined();
    expect(opened.splice(2)).toEqual(['https://auth.example.com//']);
    expect(opened).toEqual(['https://auth.example.com/acme/', 'https://auth.example.com/umbrella/']);
  });

  it('are opened once for all tenants when they share a key set', () => {
    opened.length = 0;
    const shared = { ...entry!, tenants: null, discovery: null, jwksUri: 'https://auth.example.com/jwks' };
    const { issuers } = compileTrust({ ...config, issuers: [shared] }, open);
    const [one, other] = ['a', 'b'].map((tenant) => issuers.ownersOf(`https://auth.example.com/${tenant}/`)[0]?.keys);
    expect(one).toBeDefined();
    expect(other).toBe(one);
    expect(opened).toEqual([TEMPLATE]);
  });

  it('are opened for nobody while no tenant is listed', () => {
    opened.length = 0;
    compileTrust({ ...config, issuers: [{ ...entry!, tenants: null }] }, open);
    expect(opened).toEqual([]);
  });
});

describe('the directory of issuers', () => {
  it('finds the template that fits among several', () => {
    const other = { ...entry!, issuer: 'https://login.example.com/{tenant}/' };
    const { issuers } = compileTrust({ ...config, issuers: [other, entry!] }, () => noKeys);
    for (const host of ['auth', 'login']) {
      expect(issuers.ownersOf(`https://${host}.example.com/acme/`)).toMatchObject([
        { tenant: 'acme', issuer: { issuer: `https://${host}.example.com/{tenant}/` } },
      ]);
    }
    expect(issuers.ownersOf('https://evil.example.com/acme/')).toEqual([]);
  });

  it('takes no template without tenants', () => {
    expect(() => issuerDirectory([trustedIssuer(TEMPLATE, noKeys)])).toThrow('a template without tenants');
  });
});
