import { beforeEach, describe, expect, it } from '@jest/globals';
import { decodeJwt } from 'jose';
import { parseConfig } from '../../../../schema/parse-config';
import type { Proceed } from '../../../../src/core/decision';
import { compileHandOver, groupsOf } from '../../../../src/core/hand-over';
import { logEntry } from '../../../../src/core/log-entry';
import { decide } from '../../../../src/core/pipeline';
import type { Refusal } from '../../../../src/core/refusal/refusal';
import { createTokenCache, type TokenCache } from '../../../../src/core/verification/token-cache';
import { KeyList } from '../../../support/key-list';
import { ISSUER, policyOf } from '../../../support/policy';
import { signingKey, signToken } from '../../../support/tokens';
import { verifiedToken } from '../../../support/verified';

const NOW = 1_800_000_000;
const key = signingKey('ES256', 'k');
const keys = new KeyList(key);
const own = signingKey('EdDSA', 'own');
const CLAIMS = { iss: ISSUER.issuer, sub: 'u1', aud: 'orders', exp: NOW + 600, scope: 'read write', scp: ['admin'] };

let cache: TokenCache;
let observed: string[];
beforeEach(() => {
  cache = createTokenCache();
  observed = [];
});
/** What became of a request with these claims under a configuration. */
async function decided(config: object, claims: object = {}): Promise<Proceed | Refusal> {
  const policy = policyOf({ ...config }, keys, () => ({ kid: 'own', alg: 'EdDSA', key: own.privateKey }));
  const headers = { authorization: `Bearer ${await signToken(key, { ...CLAIMS, ...claims })}` };
  return decide(
    { headers },
    policy,
    cache,
    () => NOW,
    (stage, text) => observed.push(`${stage}: ${text}`),
  );
}
const headersOf = async (config: object): Promise<Proceed['headers']> => ((await decided(config)) as Proceed).headers;

describe('a header with all claims', () => {
  const all = { identity_headers: [{ header: 'X-User-Info', claim: '/' }] };

  it('is their JSON in base64url', async () => {
    const { 'X-User-Info': text } = await headersOf(all);
    expect(JSON.parse(Buffer.from(text as string, 'base64url').toString())).toEqual(CLAIMS);
    expect(observed).toContain('identity: X-User-Info from claim /, which is all claims');
  });

  it('is refused when a number in them would become another one', async () => {
    expect(await decided(all, { balance: 2 ** 60 })).toMatchObject({ code: 'claim_invalid' });
  });

  it('is refused when it is too long', async () => {
    expect(await decided(all, { text: 'a'.repeat(4500) })).toMatchObject({ code: 'claim_invalid' });
  });
});

describe('a header with the scopes', () => {
  const scopes = { identity_headers: [{ header: 'X-User-Scopes', claim: 'scope' }] };

  it('is the claim where the entry reads scopes as the configuration does', async () => {
    expect(await headersOf(scopes)).toMatchObject({ 'X-User-Scopes': 'read write' });
  });

  it('is the scopes of all claims that the entry names', async () => {
    const issuers = [{ ...ISSUER, scopes_claims: ['scope', 'scp'] }];
    expect(await headersOf({ ...scopes, issuers })).toMatchObject({ 'X-User-Scopes': 'read,write,admin' });
  });
});

describe('a caller whose entry has a prefix', () => {
  it('has the id with the prefix in the signed identity', async () => {
    const identity_token = { issuer: 'https://gateway.test', audience: 'orders' };
    const issuers = [{ ...ISSUER, caller_prefix: 'idp:' }];
    const { 'X-Identity-Token': jwt } = await headersOf({ issuers, identity_token });
    expect(decodeJwt(jwt as string)).toMatchObject({ sub: 'idp:u1', identity_headers: { 'x-user-id': 'idp:u1' } });
  });
});

describe('groups for acl', () => {
  it('are those of their own claim when that is not the one with the roles', () => {
    const config = parseConfig({ issuers: [ISSUER], authenticated_groups_claim: 'groups' });
    const token = verifiedToken({ roles: ['admin'], groups: ['staff'] }, config);
    expect(groupsOf(token, compileHandOver(config))).toEqual(['staff']);
  });
});

describe('the entry for log plugins', () => {
  it('names the tenant of a template', () => {
    const issuer = { ...ISSUER, issuer: 'https://auth.example.com/{tenant}/', tenants: ['acme'], tenant_claim: 'tid' };
    const config = parseConfig({ issuers: [issuer], log_decisions: 'all' });
    const token = verifiedToken({ iss: 'https://auth.example.com/acme/', tid: 'acme' }, config, 'acme');
    const entry = logEntry({ outcome: 'proceed', token, headers: {} }, compileHandOver(config));
    expect(entry).toMatchObject({ tenant: 'acme' });
  });
});
