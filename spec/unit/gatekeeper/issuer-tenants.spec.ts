import { beforeAll, describe, expect, it } from '@jest/globals';
import { parseConfig } from '../../../schema/parse-config';
import { Refusal } from '../../../src/core/refusal/refusal';
import { compileTrust } from '../../../src/core/verification/trust';
import { verifyToken } from '../../../src/core/verification/verified-token';
import { KeyList } from '../../support/key-list';
import { inlineSet, IssuerDoor, tokenOf } from '../../support/issuer-door';
import { publicJwk, signingKey, type SigningKey } from '../../support/tokens';

const TENANT = '9188040d-6c67-4c5b-b112-36a304b66dad';
const OTHER = '8f5e4b1c-0a55-4e1b-8c3a-6f2a1c1f9b70';
const iss = (tenant: string): string => `https://login.example.test/${tenant}/v2.0`;

let key: SigningKey;
beforeAll(() => {
  key = signingKey('ES256', 'k');
});
const template = (changes: object = {}, jwks = inlineSet(key)): object => ({
  issuers: [{ issuer: iss('{tenantid}'), audiences: ['api'], any_tenant: true, tenant_claim: 'tid', jwks, ...changes }],
});
const token = (tenant: string, changes: object = {}): Promise<string> =>
  tokenOf(key, { iss: iss(tenant), tid: tenant, ...changes });

describe('an issuer that is a template', () => {
  it('accepts a token whose claim is the tenant of its iss', async () => {
    expect(await new IssuerDoor().ask(template(), await token(TENANT))).toMatchObject({ 'X-User-ID': 'alice' });
  });

  it.each<[string, object]>([
    ['another', { tid: OTHER }],
    ['no', { tid: undefined }],
    ['a list with the', { tid: [TENANT] }],
    ['an upper-case', { tid: TENANT.toUpperCase() }],
  ])('rejects a token whose iss has a tenant and whose claim has %s tenant', async (_, changes) => {
    expect(await new IssuerDoor().ask(template(), await token(TENANT, changes))).toMatchObject({
      code: 'claim_invalid',
    });
  });

  it.each([
    ['a path', `${TENANT}/v1.0/x`],
    ['dots', '..'],
    ['an encoded slash', 'a%2fb'],
    ['a query', 'a?b'],
    ['a host', 'a@evil.test'],
    ['a blank', 'a b'],
    ['nothing', ''],
    ['the placeholder itself', '{tenantid}'],
    ['a letter outside ASCII', 'ä'],
    ['10,000 letters', 'a'.repeat(4000)],
    ['a line end', 'a\n'],
  ])('rejects a token whose tenant holds %s, although the claim says the same', async (_, part) => {
    const door = new IssuerDoor();
    const config = { ...template(), max_token_bytes: 65_536 };
    expect(await door.ask(config, await token(part))).toMatchObject({ code: 'token_untrusted' });
  });

  it.each([
    ['before', 'https://login.example.test.evil.test/{}/v2.0'],
    ['before', 'xhttps://login.example.test/{}/v2.0'],
    ['after', 'https://login.example.test/{}/v2.0/'],
    ['after', 'https://login.example.test/{}'],
    ['in its letters', 'https://LOGIN.example.test/{}/v2.0'],
  ])('rejects a token whose iss differs %s the tenant', async (_, text) => {
    const forged = await tokenOf(key, { iss: text.replace('{}', TENANT), tid: TENANT });
    expect(await new IssuerDoor().ask(template(), forged)).toMatchObject({ code: 'token_untrusted' });
  });

  it('accepts listed tenants only, character by character', async () => {
    const config = template({ any_tenant: false, tenants: [TENANT, 'a.b'] });
    const door = new IssuerDoor();
    expect(await door.ask(config, await token(TENANT))).toMatchObject({ 'X-User-ID': 'alice' });
    expect(await door.ask(config, await token('a.b'))).toMatchObject({ 'X-User-ID': 'alice' });
    for (const other of [OTHER, TENANT.toUpperCase(), 'axb', 'a.b.c']) {
      expect(await door.ask(config, await token(other))).toMatchObject({ code: 'token_untrusted' });
    }
  });

  it('accepts UUIDs only where the format says so', async () => {
    const config = template({ tenant_format: 'uuid' });
    expect(await new IssuerDoor().ask(config, await token(TENANT))).toMatchObject({ 'X-User-ID': 'alice' });
    expect(await new IssuerDoor().ask(config, await token('common'))).toMatchObject({ code: 'token_untrusted' });
  });

  it('makes two callers of one id in two tenants when the prefix holds the tenant', async () => {
    const config = template({ caller_prefix: 'entra/{tenantid}/' });
    const door = new IssuerDoor();
    for (const tenant of [TENANT, OTHER]) {
      expect(await door.ask(config, await token(tenant))).toMatchObject({ 'X-User-ID': `entra/${tenant}/alice` });
    }
  });

  it('leaves an issuer that another entry names whole to that entry', async () => {
    const whole = { issuer: iss(OTHER), audiences: ['special'], jwks: inlineSet(key), caller_prefix: 'one:' };
    const config = { issuers: [...(template({ caller_prefix: 'any:' }) as { issuers: object[] }).issuers, whole] };
    const door = new IssuerDoor();
    expect(await door.ask(config, await token(TENANT))).toMatchObject({ 'X-User-ID': 'any:alice' });
    expect(await door.ask(config, await token(OTHER))).toMatchObject({ code: 'audience_not_accepted' });
    expect(await door.ask(config, await token(OTHER, { aud: 'special' }))).toMatchObject({ 'X-User-ID': 'one:alice' });
  });
});

describe('a key that names its issuer, in the key set of a template', () => {
  const ask = async (issuer: unknown, tenant = TENANT): Promise<unknown> =>
    new IssuerDoor().ask(template({}, inlineSet({ ...publicJwk(key), issuer })), await token(tenant));

  it.each([
    ['the issuer of the token', iss(TENANT)],
    ['the template', iss('{tenantid}')],
    ['no issuer', undefined],
    ['null', null],
  ])('verifies a token when it names %s', async (_, issuer) => {
    expect(await ask(issuer)).toMatchObject({ 'X-User-ID': 'alice' });
  });

  it.each([
    ['another tenant', iss(OTHER)],
    ['another template', 'https://login.other.test/{tenantid}/v2.0'],
    ['two placeholders', 'https://login.example.test/{a}/{b}'],
    ['an issuer that only begins like it', `${iss(TENANT)}/x`],
  ])('does not verify a token when it names %s', async (_, issuer) => {
    expect(await ask(issuer)).toMatchObject({ code: 'token_untrusted', reason: 'no_matching_key' });
  });

  it('is told apart by it from another key with the same kid', async () => {
    const other = signingKey('ES256', 'k');
    const set = inlineSet(
      { ...publicJwk(other), issuer: iss(OTHER) },
      { ...publicJwk(key), issuer: iss('{tenantid}') },
    );
    const door = new IssuerDoor();
    expect(await door.ask(template({}, set), await token(TENANT))).toMatchObject({ 'X-User-ID': 'alice' });
    // Two keys are for this tenant.
    expect(await door.ask(template({}, set), await token(OTHER))).toMatchObject({ reason: 'ambiguous_key' });
  });
});

describe('a key that names its issuer, in the key set of one tenant of Entra ID', () => {
  const issuer = `https://login.microsoftonline.com/${TENANT}/v2.0`;
  const ask = async (named: string): Promise<unknown> => {
    const jwks = inlineSet({ ...publicJwk(key), issuer: named });
    const config = { issuers: [{ provider: 'entra', issuer, audiences: ['api'], algorithms: ['ES256'], jwks }] };
    return new IssuerDoor().ask(
      config,
      await tokenOf(key, { iss: issuer, tid: TENANT, azp: 'app', oid: 'alice', ver: '2.0' }),
    );
  };

  it('verifies a token when it names the issuer of the token, and none when it names another', async () => {
    expect(await ask(issuer)).not.toHaveProperty('code');
    expect(await ask(`https://login.microsoftonline.com/${OTHER}/v2.0`)).toMatchObject({
      code: 'token_untrusted',
      reason: 'no_matching_key',
    });
  });
});

describe('a template whose tenants have keys of their own', () => {
  const config = parseConfig({
    issuers: [
      {
        issuer: 'https://kc.example.test/realms/{realm}',
        audiences: ['api'],
        tenants: ['a', 'b'],
        jwks_uri: 'https://kc.example.test/realms/{realm}/certs',
        caller_prefix: '{realm}/',
      },
    ],
  });

  it('verifies a token with the keys of its own tenant only, and opens each once', async () => {
    const other = signingKey('ES256', 'k');
    const opened: string[] = [];
    const { issuers } = compileTrust(config, ({ jwksUri, issuer }) => {
      opened.push(`${issuer} ${jwksUri ?? ''}`);
      return new KeyList(issuer.endsWith('/a') ? key : other);
    });
    const verdict = async (realm: string, by: SigningKey): Promise<unknown> => {
      const token = await tokenOf(by, { iss: `https://kc.example.test/realms/${realm}` });
      const result = await verifyToken(token, issuers, () => Date.now() / 1000);
      return result instanceof Refusal ? result.code : result.caller.id;
    };
    for (let round = 0; round < 2; round++) {
      expect(await verdict('a', key)).toBe('a/alice');
      expect(await verdict('b', other)).toBe('b/alice');
      expect(await verdict('a', other)).toBe('token_untrusted');
      expect(await verdict('b', key)).toBe('token_untrusted');
      expect(await verdict('c', key)).toBe('token_untrusted');
    }
    expect(opened).toEqual(
      ['a', 'b'].map(
        (realm) => `https://kc.example.test/realms/${realm} https://kc.example.test/realms/${realm}/certs`,
      ),
    );
  });
});
