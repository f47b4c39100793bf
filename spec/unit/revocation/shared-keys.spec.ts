/** Entra ID publishes keys of several issuers in one set. A key of one must not sign what is another's. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parseConfig } from '../../../schema/parse-config';
import { decide } from '../../../src/core/pipeline';
import { compilePolicy } from '../../../src/core/policy';
import { LOGOUT_EVENT } from '../../../src/core/verification/security-event';
import { createTokenCache } from '../../../src/core/verification/token-cache';
import { openLogout } from '../../../src/gatekeeper/logout';
import { createKeySources } from '../../../src/keys/key-sources';
import { createRevocationChecks } from '../../../src/revocation/revocation-checks';
import { LogRecorder } from '../../support/key-issuer';
import { publicJwk, signingKey, signToken, type SigningKey } from '../../support/tokens';

const OWN = '8f5e4b1c-0a55-4e1b-8c3a-6f2a1c1f9b70';
const OTHER = '9188040d-6c67-4c5b-b112-36a304b66dad';
const issuerOf = (tenant: string): string => `https://login.microsoftonline.com/${tenant}/v2.0`;
const NOW = Math.floor(Date.now() / 1000);
const { log } = new LogRecorder();
const now = (): number => NOW * 1000;

/** Keys by the issuer for whose tokens they count. */
const signers = new Map<string, SigningKey>();
let jwks: string;
let folder: string;
let served = '';
const server = createServer((_, response) => response.end(served));
const address = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

beforeAll(async () => {
  for (const tenant of ['{tenantid}', OWN, OTHER]) signers.set(tenant, signingKey('RS256', tenant));
  const keys = [...signers].map(([tenant, key]) => ({ ...publicJwk(key), issuer: issuerOf(tenant) }));
  jwks = JSON.stringify({ keys });
  folder = mkdtempSync(join(tmpdir(), 'shared-keys-'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  server.close();
  rmSync(folder, { recursive: true });
});

const entry = (changes: object = {}): object => ({ issuer: issuerOf(OWN), audiences: ['shop'], jwks, ...changes });

/** Opens a configuration. Returns the outcome of a request with a token of a tenant. */
function doorOf(config: object): (tenant: string, claims?: object) => Promise<string> {
  const parsed = parseConfig(config);
  const keySourceFor = createKeySources({ now, log });
  const revocationFor = createRevocationChecks({ now, log, keySourceFor });
  const policy = compilePolicy(parsed, keySourceFor, undefined, revocationFor);
  return async (tenant, claims = {}) => {
    const usual = { iss: issuerOf(tenant), aud: 'shop', sub: 's', oid: 'ada', tid: tenant, azp: 'app', ver: '2.0' };
    const all = { ...usual, iat: NOW - 60, exp: NOW + 600, ...claims };
    const token = await signToken(signers.get('{tenantid}')!, all);
    const headers = { authorization: `Bearer ${token}` };
    const decision = await decide({ headers }, policy, createTokenCache(), () => NOW);
    return decision.outcome === 'proceed' ? 'proceed' : decision.code;
  };
}

const ENTRIES = [
  ['of any issuer', '{tenantid}', true],
  ['of this issuer', OWN, true],
  ['of another issuer', OTHER, false],
] as const;

describe('with a set of keys that several issuers share', () => {
  it.each(ENTRIES)(
    'a logout token is accepted only with a key for its issuer: one %s',
    async (_, signer, isAccepted) => {
      const config = {
        issuers: [{ ...entry(), provider: 'entra' }],
        revocation_lists: [{ file: join(folder, 'list') }],
      };
      const claims = { iss: issuerOf(OWN), aud: 'shop', iat: NOW, exp: NOW + 120, jti: signer, sub: 'ada' };
      const token = await signToken(signers.get(signer)!, { ...claims, events: { [LOGOUT_EVENT]: {} } });
      const refused = { status: 400, reason: 'no_matching_key' };
      expect(await openLogout(config, {}, log, now)(token)).toEqual(isAccepted ? { status: 200 } : refused);
    },
  );

  it.each(ENTRIES)('a signed list is read only with a key for its issuer: one %s', async (_, signer, isRead) => {
    const list = { iat: NOW, revocations: [{ client_id: 'app', exp: NOW + 600 }] };
    served = await signToken(signers.get(signer)!, list, { typ: 'revocation-list+jwt' });
    const lists = [{ url: `${address()}/list`, signed: true, issuer: issuerOf(OWN) }];
    const ask = doorOf({ issuers: [{ ...entry(), provider: 'entra' }], revocation_lists: lists });
    expect(await ask(OWN)).toBe(isRead ? 'token_revoked' : 'revocation_unavailable');
  });

  it.each([
    ['one issuer', { provider: 'entra' }],
    [
      'a template',
      { issuer: 'https://login.microsoftonline.com/{tenantid}/v2.0', tenants: [OWN, OTHER], tenant_claim: 'tid' },
    ],
  ])('a status list of %s is read only with a key for the issuer of the token', async (_, changes) => {
    const uri = `${address()}/lists/1`;
    const lst = deflateSync(Buffer.from([0])).toString('base64url');
    const issuer = entry({ ...changes, status_list: { uri_prefixes: [`${address()}/lists/`] } });
    const config = { issuers: [issuer], identity_headers: [{ header: 'X-User-Tenant', claim: 'tid' }] };
    const claims = { status: { status_list: { idx: 0, uri } } };
    for (const [, signer, isRead] of ENTRIES) {
      const list = { sub: uri, iat: NOW, status_list: { bits: 1, lst } };
      served = await signToken(signers.get(signer)!, list, { typ: 'statuslist+jwt' });
      const ask = doorOf(config);
      expect(await ask(OWN, claims)).toBe(isRead ? 'proceed' : 'revocation_unavailable');
      if (!('tenants' in changes)) continue;
      expect(await ask(OTHER, claims)).toBe(signer === OWN ? 'revocation_unavailable' : 'proceed');
    }
  });
});

describe('with two entries for one issuer', () => {
  it('a logout token is accepted with a key of either, for a client of the entry that has it', async () => {
    const [one, two] = [signingKey('ES256', 'one'), signingKey('ES256', 'two')];
    const issuers = [
      entry({ audiences: ['web'], jwks: JSON.stringify({ keys: [publicJwk(one)] }) }),
      entry({ audiences: ['app'], jwks: JSON.stringify({ keys: [publicJwk(two)] }) }),
    ];
    const handle = openLogout({ issuers, revocation_lists: [{ file: join(folder, 'list') }] }, {}, log, now);
    const send = async (key: SigningKey, aud: string, jti = key.kid): Promise<number> => {
      const claims = { iss: issuerOf(OWN), aud, iat: NOW, exp: NOW + 120, jti, sub: 'ada' };
      return (await handle(await signToken(key, { ...claims, events: { [LOGOUT_EVENT]: {} } }))).status;
    };
    expect([await send(one, 'web'), await send(two, 'app')]).toEqual([200, 200]);
    expect([await send(one, 'app', 'x'), await send(two, 'web', 'x')]).toEqual([400, 400]);
  });
});
