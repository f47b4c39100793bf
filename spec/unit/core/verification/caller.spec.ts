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

describe('the keys of a template', () => {
  const opened: string[] = [];
  const open = ({ issuer }: { readonly issuer: string }): KeySource => {
    opened.push(issuer);
    return { ...noKeys };
  };

  it('are opened once for each tenant that a token names', () => {
    const { issuers } = compileTrust(config, open);
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

  it('are opened for nobody while no tenant is listed', () => {
    opened.length = 0;
    compileTrust({ ...config, issuers: [{ ...entry!, tenants: null }] }, open);
    expect(opened).toEqual([]);
  });
});

describe('the directory of issuers', () => {
  it('takes no template without tenants', () => {
    expect(() => issuerDirectory([trustedIssuer(TEMPLATE, noKeys)])).toThrow('a template without tenants');
  });
});
