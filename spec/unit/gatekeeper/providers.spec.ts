import { beforeAll, describe, expect, it } from '@jest/globals';
import { parseConfig } from '../../../schema/parse-config';
import { PRESETS } from '../../../schema/presets/presets';
import { PROVIDERS } from '../../../schema/presets/providers';
import { inlineSet, IssuerDoor } from '../../support/issuer-door';
import { PROVIDER_TOKENS, type ProviderToken } from '../../support/provider-tokens';
import { signingKey, signToken, type SigningKey } from '../../support/tokens';

const keys: Record<string, SigningKey> = {};
beforeAll(() => {
  for (const alg of ['RS256', 'ES256'] as const) keys[alg] = signingKey(alg, 'k');
});
const cases = PROVIDER_TOKENS.map((token) => [`${token.provider}: ${token.what}`, token] as const);
const others = PROVIDER_TOKENS.flatMap((token) =>
  Object.entries(token.others).map(([what, changes]) => [`${token.provider}: ${what}`, token, changes] as const),
);

/** The preset, with keys that are at hand here. */
const configOf = ({ provider, entry, alg }: ProviderToken, top: object = {}): object => ({
  issuers: [{ provider, ...entry, jwks: inlineSet(keys[alg]!) }],
  ...top,
});

function sign({ alg, claims, header }: ProviderToken, changes: object = {}): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  return signToken(keys[alg]!, { iat: now, nbf: now, exp: now + 300, ...claims, ...changes }, header);
}

describe('the presets', () => {
  it('have at least one token each in this spec', () => {
    expect(new Set(PROVIDER_TOKENS.map(({ provider }) => provider))).toEqual(new Set(PROVIDERS));
  });

  it.each(cases)('find keys where the provider has them: %s', (_, { provider, entry, keys: place }) => {
    const [issuer] = parseConfig({ issuers: [{ provider, ...entry }] }).issuers;
    expect(issuer?.jwksUri ?? (issuer?.discovery === true ? 'discovery' : undefined)).toBe(place);
  });

  it.each(cases)('accept a token of the provider and read its caller: %s', async (_, token) => {
    const answer = await new IssuerDoor().ask(configOf(token), await sign(token));
    expect(answer).toEqual({
      'X-User-ID': token.id,
      ...(token.roles !== undefined && { 'X-User-Roles': token.roles }),
    });
  });

  it.each(cases)('accept a token where no token is needed, too: %s', async (_, token) => {
    expect(await new IssuerDoor().ask(configOf(token, { allow_missing: true }), await sign(token))).toHaveProperty(
      'X-User-ID',
    );
  });

  it.each(cases.filter(([, { scopes }]) => scopes !== undefined))('read scopes: %s', async (_, token) => {
    const door = new IssuerDoor();
    const good = configOf(token, { authorize: [{ scopes: token.scopes }] });
    expect(await door.ask(good, await sign(token))).toHaveProperty('X-User-ID');
    const more = configOf(token, { authorize: [{ scopes: ['never:granted'] }] });
    expect(await door.ask(more, await sign(token))).toMatchObject({ code: 'insufficient_scope' });
  });

  it.each(others)('refuse %s, also where no token is needed', async (_, token, changes) => {
    const door = new IssuerDoor();
    for (const top of [{}, { allow_missing: true }]) {
      expect(await door.ask(configOf(token, top), await sign(token, changes))).toHaveProperty('code');
    }
  });

  it.each(cases)('refuse a token that expired or has another issuer: %s', async (_, token) => {
    const door = new IssuerDoor();
    const past = Math.floor(Date.now() / 1000) - 60;
    const expired = await sign(token, { iat: past - 300, nbf: past - 300, exp: past });
    expect(await door.ask(configOf(token), expired)).toMatchObject({ code: 'token_expired' });
    const elsewhere = await sign(token, { iss: `${String(token.claims['iss'])}.evil.test` });
    expect(await door.ask(configOf(token), elsewhere)).toMatchObject({ code: 'token_untrusted' });
  });

  it.each(cases)('refuse tokens without expiry, audience and caller: %s', async (_, token) => {
    const door = new IssuerDoor();
    const entry = parseConfig(configOf(token)).issuers[0]!;
    for (const claim of ['exp', entry.audienceClaim, ...entry.requiredClaims.filter((name) => !name.startsWith('/'))]) {
      expect([claim, await door.ask(configOf(token), await sign(token, { [claim]: undefined }))]).toEqual([
        claim,
        expect.objectContaining({ code: expect.any(String) }),
      ]);
    }
  });

  it.each(cases)('refuse algorithms that the provider does not use: %s', async (_, token) => {
    const secret = signingKey('HS256', 'k');
    const forged = await signToken(secret, { ...token.claims, exp: Math.floor(Date.now() / 1000) + 300 }, token.header);
    expect(await new IssuerDoor().ask(configOf(token), forged)).toMatchObject({ code: 'token_untrusted' });
  });

  it.each(cases)('have fields that an entry can set: %s', (_, { provider, entry }) => {
    const own = {
      audience_claim: 'own_aud',
      required_claims: ['exp', 'own'],
      token_types: ['own+jwt'],
      caller_claims: ['own_id'],
      roles_claims: ['own_roles'],
      scopes_claims: ['own_scopes'],
      algorithms: ['ES512'],
      jwks_uri: 'https://own.example.com/keys',
    };
    expect(parseConfig({ issuers: [{ provider, ...entry, ...own }] }).issuers[0]).toMatchObject({
      audienceClaim: 'own_aud',
      requiredClaims: [...new Set(['exp', 'own', ...(PRESETS[provider].requiredClaims ?? [])])],
      tokenTypes: ['own+jwt'],
      callerClaims: ['own_id'],
      rolesClaims: ['own_roles'],
      scopesClaims: ['own_scopes'],
      algorithms: ['ES512'],
      jwksUri: 'https://own.example.com/keys',
      discovery: null,
    });
  });

  it.each(PROVIDERS)('refuse an issuer that is not one of %s, and name an example', (provider) => {
    expect(() => parseConfig({ issuers: [{ provider, issuer: 'ftp://x', audiences: ['a'] }] })).toThrow(
      `config.issuers[1].issuer: is not one of the provider ${provider}, such as ${PRESETS[provider].example}`,
    );
    expect(PRESETS[provider].example).toMatch(PRESETS[provider].shape);
  });

  it.each([
    ['keycloak', 'https://auth.example.com/realms/shop/'],
    ['auth0', 'https://example.eu.auth0.com'],
    ['clerk', 'https://example.clerk.accounts.dev/'],
    ['entra', 'https://login.microsoftonline.com/common/v2.0'],
    ['entra', 'https://sts.windows.net/8f5e4b1c-0a55-4e1b-8c3a-6f2a1c1f9b70/'],
    ['firebase', 'https://securetoken.google.com/{project}'],
    ['okta', 'https://example.okta.com'],
    ['supabase', 'https://abc.supabase.co'],
  ])('refuse a common mistake in the issuer of %s: %s', (provider, issuer) => {
    expect(() => parseConfig({ issuers: [{ provider, issuer, audiences: ['a'] }] })).toThrow(
      'is not one of the provider',
    );
  });

  it('need an audience', () => {
    for (const { provider, entry } of PROVIDER_TOKENS) {
      expect(() => parseConfig({ issuers: [{ provider, ...entry, audiences: [] }] })).toThrow('audiences');
    }
  });

  it.each<[string, object[]]>([
    ['is about another claim', [{ claim: 'sub', present: true }]],
    ['asks only for the same claim', [{ claim: 'token_use', present: true }]],
    ['asks for the same claim by a pointer', [{ claim: '/token_use', present: true }]],
    ['lets the same claim be anything', [{ claim: 'token_use', matches: ['i*', 'a*'] }]],
    ['lets the same claim be what the preset asks for', [{ claim: 'token_use', one_of: ['access'] }]],
  ])('keep their conditions beside one of the entry that %s', async (_, conditions) => {
    const token = PROVIDER_TOKENS.find(({ provider }) => provider === 'cognito')!;
    const { provider, entry, alg } = token;
    const config = { issuers: [{ provider, ...entry, jwks: inlineSet(keys[alg]!), conditions }] };
    const door = new IssuerDoor();
    expect(await door.ask(config, await sign(token))).toHaveProperty('X-User-ID');
    expect(await door.ask(config, await sign(token, { token_use: 'id' }))).toMatchObject({ code: 'claim_invalid' });
  });

  it.each([
    ['cognito', 'token_use', ['access', 'id'], 'id'],
    ['cognito', '/token_use', ['id'], 'id'],
    ['keycloak', 'typ', ['Bearer', 'ID', 'Refresh'], 'ID, Refresh'],
    ['entra', 'ver', ['1.0'], '1.0'],
  ])('refuse values that no token of %s may have: %s in %j', (name, claim, values, refused) => {
    const { provider, entry } = PROVIDER_TOKENS.find((token) => token.provider === name)!;
    const conditions = [
      { claim: 'sub', present: true },
      { claim, one_of: values },
    ];
    expect(() => parseConfig({ issuers: [{ provider, ...entry, conditions }] })).toThrow(
      `config.issuers[1].conditions[2].one_of: holds ${refused}, which the provider ${name} does not accept there: ` +
        'remove it, or write the entry without provider',
    );
  });

  it.each(['tid', 'azp'])(
    'require their claims beside those of the entry: a token of entra without %s',
    async (claim) => {
      const token = PROVIDER_TOKENS.find(({ provider }) => provider === 'entra')!;
      const { provider, entry, alg } = token;
      const config = { issuers: [{ provider, ...entry, jwks: inlineSet(keys[alg]!), required_claims: ['exp'] }] };
      const door = new IssuerDoor();
      expect(await door.ask(config, await sign(token))).toHaveProperty('X-User-ID');
      expect(await door.ask(config, await sign(token, { [claim]: undefined }))).toMatchObject({
        code: 'claim_missing',
      });
    },
  );

  it.each([
    ['none', []],
    ['one on another claim', [{ claim: 'ref', one_of: ['refs/heads/main'] }]],
    ['one that only asks for the claim, which all tokens have', [{ claim: 'repository', present: true }]],
  ])('of a provider from which anybody gets a token need a condition on who that is, not %s', (_, conditions) => {
    const issuers = [{ provider: 'github-actions', audiences: ['a'], conditions }];
    expect(() => parseConfig({ issuers })).toThrow('config.issuers[1].conditions: must have one on sub, repository');
  });

  it('of a provider from which anybody gets a token need one such condition, beside which others may stand', () => {
    const conditions = [
      { claim: 'repository', present: true },
      { claim: 'repository_owner', one_of: ['acme'] },
    ];
    expect(() =>
      parseConfig({ issuers: [{ provider: 'github-actions', audiences: ['a'], conditions }] }),
    ).not.toThrow();
  });

  it('need tenants where the issuer is a template', () => {
    expect(() => parseConfig({ issuers: [{ provider: 'entra', audiences: ['a'] }] })).toThrow(
      'config.issuers[1].tenants: is needed, unless any_tenant is true',
    );
  });

  it('may be two on one route, each read in its own way', async () => {
    const byName = (name: string): ProviderToken => PROVIDER_TOKENS.find(({ provider }) => provider === name)!;
    const [keycloak, entra] = [byName('keycloak'), byName('entra')];
    const config = {
      issuers: [keycloak, entra].map(({ provider, entry, alg }) => ({
        provider,
        ...entry,
        jwks: inlineSet(keys[alg]!),
        caller_prefix: `${provider}:`,
      })),
      authorize: [{ roles: ['admin', 'Orders.Admin'] }],
    };
    const door = new IssuerDoor();
    for (const token of [keycloak, entra]) {
      expect(await door.ask(config, await sign(token))).toEqual({
        'X-User-ID': `${token.provider}:${token.id}`,
        'X-User-Roles': token.roles,
      });
    }
  });
});
