import { describe, expect, it } from '@jest/globals';
import { ConfigError } from '../../../schema/config-error';
import { parseConfig } from '../../../schema/parse-config';

const A = { issuer: 'https://a.example.com/', audiences: ['api'], jwks_uri: 'https://a.example.com/jwks' };
const B = { issuer: 'https://b.example.com/', audiences: ['api'], jwks_uri: 'https://b.example.com/jwks' };
const SECRET = 's'.repeat(64);
const hmac = { issuer: A.issuer, audiences: ['api'], secret: SECRET };
const inline = { issuer: A.issuer, audiences: ['api'], jwks: '{"keys":[]}' };
const octets = { ...inline, jwks: '{"keys":[{"kty":"oct"}]}' };
const pem = '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----';
const single = { issuer: A.issuer, audiences: ['api'], public_key: pem };
const template = {
  issuer: 'https://login.example.com/{tenant}/v2.0',
  audiences: ['api'],
  jwks_uri: 'https://login.example.com/keys',
  tenant_claim: 'tid',
};
const any = { ...template, any_tenant: true };
const some = (...tenants: string[]): object => ({ ...template, tenants });

function problem(config: object): string | undefined {
  try {
    parseConfig(config);
    return undefined;
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}
const issuers = (...entries: object[]): object => ({ issuers: entries });

describe('entries that may own the same token', () => {
  it.each<[string, object]>([
    ['a secret and a key set', issuers(hmac, A)],
    ['a secret and a public key', issuers(hmac, single)],
    [
      'two algorithms of single keys',
      issuers({ ...single, algorithms: ['ES256'] }, { ...single, algorithms: ['RS256'] }),
    ],
    ['two addresses of key sets', issuers(A, { ...A, jwks_uri: B.jwks_uri })],
    ['a key set at an address and one in the configuration', issuers(A, inline)],
    ['a set of secrets and one of public keys', issuers(octets, A)],
    ['two lists of tenants', issuers(some('a'), some('b'))],
    [
      'any tenant beside an issuer that is named whole',
      issuers(any, { ...A, issuer: 'https://login.example.com/a/v2.0', caller_prefix: 'a:' }),
    ],
    [
      'templates that differ before the placeholder',
      issuers(any, { ...any, issuer: 'https://other.example.com/{t}/v2.0' }),
    ],
  ])('are accepted with %s', (_, config) => {
    expect(problem({ ...config, common_caller_ids: false, identity_headers: [] })).toBeUndefined();
  });

  it.each<[string, object, string]>([
    ['the same entry twice', issuers(A, A), 'config.issuers[2].issuer: repeats that of issuers[1], with the same keys'],
    ['one address of keys', issuers(A, { ...A, audiences: ['b'] }), 'config.issuers[2].issuer: repeats that of'],
    [
      'discovery beside an address',
      issuers(A, { ...A, jwks_uri: undefined, discovery: true }),
      'config.issuers[2].issuer: repeats',
    ],
    [
      'two secrets',
      issuers(hmac, { ...hmac, secret: `${SECRET}x` }),
      'config.issuers[2].issuer: repeats that of issuers[1]: entries',
    ],
    [
      'a public key beside a key set',
      issuers(A, single),
      'config.issuers[2].issuer: repeats that of issuers[1]: entries of one issuer must differ in algorithms',
    ],
    [
      'a shared algorithm',
      issuers({ ...single, algorithms: ['ES256', 'RS256'] }, { ...single, algorithms: ['RS256'] }),
      'config.issuers[2].issuer',
    ],
    [
      'an issuer that is a listed tenant of another',
      issuers(some('a', 'b'), { ...A, issuer: 'https://login.example.com/b/v2.0' }),
      'config.issuers[2].issuer: is also that of a tenant of issuers[1]',
    ],
    [
      'the same in the other order',
      issuers({ ...A, issuer: 'https://login.example.com/b/v2.0' }, some('a', 'b')),
      'config.issuers[1].issuer: is also that of a tenant of issuers[2]',
    ],
    ['a tenant in two lists', issuers(some('a', 'b'), some('b')), 'config.issuers[2].issuer: repeats'],
    ['any tenant and a list', issuers(any, some('b')), 'config.issuers[2].issuer: repeats'],
    [
      'another name of the placeholder',
      issuers(any, { ...any, issuer: 'https://login.example.com/{t}/v2.0' }),
      'config.issuers[2].issuer: repeats',
    ],
    [
      'templates of which one text may be both',
      issuers(any, { ...any, issuer: 'https://login.example.com/v2.0/{t}' }),
      'config.issuers[2].issuer: may stand for an issuer of issuers[1]',
    ],
  ])('are rejected with %s', (_, config, message) => {
    expect(problem({ ...config, identity_headers: [] })).toContain(message);
  });

  it('rejects templates of which one text may be both', () => {
    const other = { ...any, issuer: 'https://login.example.com/{t}/x/v2.0' };
    expect(problem({ ...issuers(any, other), identity_headers: [] })).toContain(
      'config.issuers[2].issuer: may stand for an issuer of issuers[1]',
    );
  });
});

describe('templates and tenants', () => {
  it.each<[string, object, string]>([
    ['no tenants', template, 'issuers[1].tenants: is needed, unless any_tenant is true'],
    ['tenants and any tenant', { ...any, tenants: ['a'] }, 'issuers[1].tenants: and any_tenant contradict each other'],
    [
      'no claim for a shared key set',
      { ...any, tenant_claim: undefined },
      'issuers[1].tenant_claim: is needed: all tenants share these keys',
    ],
    [
      'two placeholders',
      { ...any, issuer: 'https://{a}.example.com/{b}/' },
      'issuers[1].issuer: must have one placeholder',
    ],
    ['a brace alone', { ...any, issuer: 'https://a.example.com/{b' }, 'issuers[1].issuer: must have one placeholder'],
    ['a wildcard', { ...any, issuer: 'https://a.example.com/{*}' }, 'issuers[1].issuer: must have one placeholder'],
    [
      'a part of a name as placeholder',
      { ...any, issuer: 'https://a.example.com/x-{b}' },
      'issuers[1].issuer: must have its placeholder for all',
    ],
    [
      'a placeholder before a port',
      { ...any, issuer: 'https://a.{b}:8080/' },
      'issuers[1].issuer: must have its placeholder for all',
    ],
    ['tenants of a whole issuer', { ...A, tenants: ['a'] }, 'issuers[1].tenants: needs an issuer with a placeholder'],
    [
      'any tenant of a whole issuer',
      { ...A, any_tenant: true },
      'issuers[1].any_tenant: needs an issuer with a placeholder',
    ],
    ['a tenant claim of a whole issuer', { ...A, tenant_claim: 'tid' }, 'issuers[1].tenant_claim: needs an issuer'],
    [
      'any tenant with keys by tenant',
      { ...any, jwks_uri: 'https://login.example.com/{tenant}/keys' },
      'issuers[1].any_tenant: needs one key set',
    ],
    [
      'any tenant with discovery',
      { ...any, jwks_uri: undefined, discovery: true },
      'issuers[1].any_tenant: needs one key set',
    ],
    ['a tenant that is no name', some('a/b'), 'issuers[1].tenants[1]: must be at most 128 letters'],
    ['a tenant that goes up', some('..'), 'issuers[1].tenants[1]: must be at most 128 letters'],
    [
      'a tenant that is no UUID',
      { ...some('a'), tenant_format: 'uuid' },
      'issuers[1].tenants[1]: must be a UUID in lower case',
    ],
    [
      'an upper-case UUID',
      { ...some('9188040D-6c67-4c5b-b112-36a304b66dad'), tenant_format: 'uuid' },
      'issuers[1].tenants[1]: must be a UUID',
    ],
    [
      'more key sets than are fetched',
      {
        ...template,
        tenant_claim: undefined,
        jwks_uri: 'https://a.example.com/{tenant}',
        caller_prefix: '{tenant}:',
        tenants: Array.from({ length: 1001 }, (_, i) => `t${i}`),
      },
      'issuers[1].tenants: must be at most 1000',
    ],
    [
      'keys over http',
      { ...some('a'), jwks_uri: 'http://login.example.com/{tenant}/keys', caller_prefix: '{tenant}:' },
      'issuers[1].jwks_uri: must be https',
    ],
  ])('are rejected with %s', (_, entry, message) => {
    expect(problem(issuers(entry))).toContain(`config.${message}`);
  });

  it('may have keys by tenant without a claim, and 10,000 tenants with shared keys', () => {
    const byTenant = {
      ...some('a', 'b'),
      tenant_claim: undefined,
      jwks_uri: 'https://login.example.com/{tenant}/keys',
    };
    expect(problem(issuers({ ...byTenant, caller_prefix: 'kc/{tenant}/' }))).toBeUndefined();
    expect(problem(issuers(some(...Array.from({ length: 10_000 }, (_, i) => `t${i}`))))).toBeUndefined();
  });
});

describe('callers of several issuers', () => {
  const prefixed = [
    { ...A, caller_prefix: 'a:' },
    { ...B, caller_prefix: 'b:' },
  ] as const;
  const IS_NEEDED = 'caller_prefix: is needed: with several issuers';

  it.each<[string, object]>([
    ['prefixes', issuers(...prefixed)],
    [
      'a header for the issuer',
      {
        ...issuers(A, B),
        identity_headers: [
          { header: 'X-User-ID', claim: 'sub' },
          { header: 'X-User-Issuer', claim: 'iss' },
        ],
      },
    ],
    ['the word that their ids are common', { ...issuers(A, B), common_caller_ids: true }],
    ['no use of ids', { ...issuers(A, B), identity_headers: [{ header: 'X-User-Roles', claim: 'roles' }] }],
    ['one issuer in two entries', issuers(A, hmac)],
    ['tenants for whom one provider signs', issuers(any)],
    ['one tenant', issuers({ ...some('a'), jwks_uri: 'https://a.example.com/{tenant}' })],
  ])('are accepted with %s', (_, config) => {
    expect(problem(config)).toBeUndefined();
  });

  it.each<[string, object, string]>([
    ['the default headers', issuers(A, B), `issuers[1].${IS_NEEDED}`],
    ['one prefix', issuers(prefixed[0], B), `issuers[2].${IS_NEEDED}`],
    [
      'a consumer, whatever services are told',
      { ...issuers(A, B), identity_headers: [{ header: 'X-User-Issuer', claim: 'iss' }], consumer_claim: 'sub' },
      `issuers[1].${IS_NEEDED}`,
    ],
    ['a credential', { ...issuers(A, B), identity_headers: [], credential_claim: 'sub' }, `issuers[1].${IS_NEEDED}`],
    [
      'a consumer by another claim',
      { ...issuers(...prefixed), consumer_claim: 'email' },
      'consumer_claim: must be sub with several issuers',
    ],
    [
      'a credential by a pointer past the prefix',
      { ...issuers(...prefixed), credential_claim: '/sub' },
      'credential_claim: must be sub with several issuers',
    ],
    [
      'tenants with keys of their own',
      issuers({ ...some('a', 'b'), jwks_uri: 'https://a.example.com/{tenant}' }),
      `issuers[1].${IS_NEEDED}`,
    ],
    ['names that a tenant chooses', issuers({ ...any, caller_claims: ['email'] }), `issuers[1].${IS_NEEDED}`],
    [
      'a prefix without the tenant',
      issuers({ ...any, caller_claims: ['email'], caller_prefix: 'x:' }),
      'issuers[1].caller_prefix: must hold {tenant}',
    ],
    [
      'a prefix that runs into the id',
      issuers({ ...any, caller_prefix: 'x{tenant}' }),
      'issuers[1].caller_prefix: needs a sign such as ":" after {tenant}',
    ],
    [
      'a prefix with a letter after the tenant',
      issuers({ ...any, caller_prefix: 'x{tenant}y' }),
      'issuers[1].caller_prefix: needs a sign',
    ],
    [
      'a placeholder of nothing',
      issuers({ ...A, caller_prefix: '{tenant}:' }),
      'issuers[1].caller_prefix: may hold only the placeholder of issuer',
    ],
    [
      'the same prefix',
      issuers(prefixed[0], { ...B, caller_prefix: 'a:' }),
      'issuers[2].caller_prefix: begins like that of issuers[1]',
    ],
    [
      'a prefix that begins another',
      issuers({ ...A, caller_prefix: 'a:b:' }, { ...B, caller_prefix: 'a:' }),
      'issuers[2].caller_prefix: begins like that of issuers[1]',
    ],
    [
      'common ids and a prefix',
      { ...issuers(prefixed[0], B), common_caller_ids: true },
      'common_caller_ids: and caller_prefix contradict',
    ],
    [
      'a second claim that never counts',
      issuers({ ...A, caller_claims: ['sub', 'client_id'] }),
      'issuers[1].caller_claims: never gets beyond sub',
    ],
  ])('are rejected with %s', (_, config, message) => {
    expect(problem(config)).toContain(`config.${message}`);
  });
});
