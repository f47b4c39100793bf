import { describe, expect, it } from '@jest/globals';
import { CommanderError } from 'commander';
import { parseConfig } from '../../../schema/parse-config';
import { PRESETS } from '../../../schema/presets/presets';
import { PROVIDERS, type Provider } from '../../../schema/presets/providers';
import { findingLine, inspect } from '../../../src/cli/diagnosis';
import { initCommand } from '../../../src/cli/init';
import { condition, issuerUrl, service } from '../../../src/cli/init/answers';
import type { Draft, DraftService } from '../../../src/cli/init/draft';
import { completeDraft, type GivenDraft } from '../../../src/cli/init/draft-completion';
import { draftText } from '../../../src/cli/init/draft-text';
import { guessProvider } from '../../../src/cli/init/provider-guess';
import { readYaml } from '../../../src/kong/declarative/yaml';
import { policyCheck } from '../../../src/server/decisions/decisions';
import { readPolicies, readRoutePolicies } from '../../../src/policies/policy-file';

const missing = (flag: string): never => {
  throw new Error(`missing ${flag}`);
};
const given = (changes: Partial<GivenDraft>): GivenDraft => ({
  format: 'kong',
  conditions: [],
  services: [],
  ...changes,
});
const complete = async (changes: Partial<GivenDraft>): Promise<Draft> =>
  (await completeDraft(given(changes), undefined, missing)).draft;

/** What is found in a text, without what is said of examples. */
function lines(text: string): string[] {
  return inspect(text, { environment: {} })
    .findings()
    .map((finding) => findingLine('f.yml', finding));
}

describe.each(PROVIDERS)('init --provider %s', (provider) => {
  it.each(['kong', 'policies'] as const)('writes a %s file that check and a load accept', async (format) => {
    const draft = await complete({ provider, format });
    const text = draftText(draft);
    expect(lines(text).filter((line) => line.includes(': error: '))).toEqual([]);
    const named = (format === 'kong' ? readRoutePolicies : readPolicies)(text, {});
    policyCheck({ gateway: 'nginx', stripping: 'nothing' }).all(named);
    expect(parseConfig(named['orders']).issuers[0]).toMatchObject({ provider, issuer: draft.issuer });
    expect(text.match(/An example: replace it\./g)?.length).toBe(draft.examples.size);
  });
});

interface WrittenConfig {
  readonly issuers: readonly unknown[];
  readonly authorize: unknown;
}

describe('a draft', () => {
  const services: readonly DraftService[] = [
    service('orders=http://orders.internal:8080'),
    service('admin=http://admin.internal:8080/base /manage admin,ops'),
  ];
  const whole = { provider: 'keycloak', issuer: 'https://auth.acme.test/realms/shop', services } as const;

  it('becomes a kong.yml whose services have their own roles', async () => {
    const text = draftText(await complete({ ...whole, audiences: ['shop'], roles: ['user'] }));
    expect(text).toMatchInlineSnapshot(`
      "# Written by kong-jwt-identity init. After each change: kong-jwt-identity check

      _format_version: "3.0"
      # Not bound to a route: routes that are added later are guarded, too.
      plugins:
        - name: jwt-identity
          config: &identity
            issuers:
              - # How its tokens are read: docs/providers/keycloak.md
                provider: keycloak
                # Exactly the \`iss\` of its tokens.
                issuer: https://auth.acme.test/realms/shop
                # One of them must be in the claim aud.
                audiences: [ shop ]
            # What services read. \`roles\` are those that the preset finds. Clients cannot send these headers.
            identity_headers:
              - { header: X-User-ID, claim: sub, required: true }
              - { header: X-User-Roles, claim: roles }
            # One of these roles is needed, unless a route says otherwise.
            authorize:
              - roles: [ user ]
      services:
        - name: orders
          url: http://orders.internal:8080
          routes:
            - name: orders
              paths: [ /orders ]
              strip_path: false
        - name: admin
          url: http://admin.internal:8080/base
          routes:
            - name: admin
              paths: [ /manage ]
              strip_path: false
              plugins:
                - name: jwt-identity
                  config:
                    <<: *identity
                    authorize:
                      - roles: [ admin, ops ]
      "
    `);
    expect(lines(text)).toEqual([]);
    const named = readRoutePolicies(text, {});
    expect(named['orders']).toMatchObject({ authorize: [{ roles: ['user'] }] });
    expect(named['admin']).toMatchObject({ authorize: [{ roles: ['admin', 'ops'] }] });
  });

  it('becomes a policies.yml whose policies share the issuer', async () => {
    const text = draftText(await complete({ ...whole, format: 'policies', audiences: ['shop'] }));
    expect(text).toMatchInlineSnapshot(`
      "# Written by kong-jwt-identity init. After each change: kong-jwt-identity check

      _identity: &identity
        issuers:
          - # How its tokens are read: docs/providers/keycloak.md
            provider: keycloak
            # Exactly the \`iss\` of its tokens.
            issuer: https://auth.acme.test/realms/shop
            # One of them must be in the claim aud.
            audiences: [ shop ]
        # What services read. \`roles\` are those that the preset finds. Clients cannot send these headers.
        identity_headers:
          - { header: X-User-ID, claim: sub, required: true }
          - { header: X-User-Roles, claim: roles }
        # authorize: [{ roles: [user] }] # without it, every valid token is accepted
      # A gateway asks for a policy by its name.
      policies:
        orders: { <<: *identity }
        admin:
          <<: *identity
          authorize:
            - roles: [ admin, ops ]
      "
    `);
    expect(lines(text)).toEqual([]);
    expect(readPolicies(text, {})['orders']).not.toHaveProperty('authorize');
    expect(readPolicies(text, {})['admin']).toMatchObject({ authorize: [{ roles: ['admin', 'ops'] }] });
  });

  it.each([
    `it's "quoted"`,
    'yes',
    'null',
    '017',
    '1:30',
    '0x1f',
    '# no comment',
    '- item',
    '*anchor',
    '&anchor',
    '{a: b}',
    ': ',
    'a: b',
    '!!str x',
    '%YAML',
    '---',
    ' x ',
    '<<',
    'ünï © 漢字 😀',
    'a\\nb',
    `${'long '.repeat(40)}text`,
  ])('keeps the value %j as it is, as Kong reads it', async (value) => {
    for (const format of ['kong', 'policies'] as const) {
      const roles = [value];
      const conditions = [{ claim: value.trim(), values: [value] }];
      const text = draftText(await complete({ ...whole, format, audiences: [value], roles, conditions }));
      const top = readYaml(text) as {
        plugins: [{ config: WrittenConfig }];
        policies: { orders: WrittenConfig };
      };
      const config = format === 'kong' ? top.plugins[0].config : top.policies.orders;
      expect(config.issuers[0]).toMatchObject({
        audiences: [value],
        conditions: [{ claim: value.trim(), one_of: [value] }],
      });
      expect(config.authorize).toEqual([{ roles: [value] }]);
    }
  });

  it.each(['yes', 'null', '017', '1e3', '~', '-1', '.inf', '__proto__', 'constructor'])(
    'keeps the name of a service that YAML would read otherwise: %s',
    async (name) => {
      for (const format of ['kong', 'policies'] as const) {
        const draft = await complete({
          ...whole,
          format,
          audiences: ['a'],
          services: [service(`${name}=http://x.test`)],
        });
        const named = (format === 'kong' ? readRoutePolicies : readPolicies)(draftText(draft), {});
        expect(Object.keys(named)).toEqual([name]);
      }
    },
  );
});

describe('without a terminal', () => {
  it.each<[flag: string, changes: Partial<GivenDraft>]>([
    ['--issuer', {}],
    ['--audience', { provider: 'keycloak', issuer: 'https://a.test/realms/b' }],
    ['--service', { provider: 'keycloak', issuer: 'https://a.test/realms/b', audiences: ['a'] }],
    [
      '--condition',
      { provider: 'github-actions', issuer: 'https://token.actions.githubusercontent.com', audiences: ['a'] },
    ],
    [
      'the URL of --service orders',
      { provider: 'google', audiences: ['a'], services: [{ name: 'orders', url: undefined, path: '/', roles: [] }] },
    ],
  ])('%s is named when it is missing', async (flag, changes) => {
    await expect(completeDraft(given(changes), undefined, missing)).rejects.toThrow(`missing ${flag}`);
  });

  it('needs no URL of a service for a policies.yml', async () => {
    const services = [service('orders')];
    expect((await complete({ format: 'policies', provider: 'google', audiences: ['a'], services })).services).toEqual([
      { name: 'orders', url: undefined, path: '/orders', roles: [] },
    ]);
  });
});

describe('a provider', () => {
  it.each<[Provider, string, string | undefined]>([
    ...PROVIDERS.filter((name) => !['oidc', 'spiffe', 'keycloak', 'kubernetes'].includes(name)).map(
      (name): [Provider, string, undefined] => [name, PRESETS[name].example, undefined],
    ),
    ['keycloak', 'http://localhost:8080/realms/a', 'http://localhost:8080/realms/a/protocol/openid-connect/certs'],
    ['kubernetes', 'https://k.test', 'https://10.0.0.1:6443/openid/v1/jwks'],
    ['okta', 'https://id.acme.test/oauth2/default', 'https://id.acme.test/oauth2/default/v1/keys'],
    ['zitadel', 'https://id.acme.test', 'https://id.acme.test/oauth/v2/keys'],
    ['supabase', 'http://localhost:54321/auth/v1', 'http://localhost:54321/auth/v1/.well-known/jwks.json'],
    ['oidc', 'https://id.acme.test/', 'https://id.acme.test/.well-known/jwks.json'],
    ['oidc', 'https://auth0.com.acme.test/', 'https://auth0.com.acme.test/jwks'],
    ['oidc', 'https://id.acme.test/realms/a', 'https://id.acme.test/jwks'],
    ['oidc', 'https://id.acme.test', 'no URL'],
    // The authorization server of Okta's own organization, and a path that Auth0 does not have.
    ['oidc', 'https://acme.okta.com', undefined],
    ['oidc', 'https://acme.eu.auth0.com/other', undefined],
  ])('%s is guessed for %s with keys at %s', (provider, issuer, jwksUri) => {
    expect(guessProvider(issuer, jwksUri)).toBe(provider);
  });
});

describe('an answer', () => {
  it.each<[(text: string) => unknown, string, RegExp]>([
    [issuerUrl, 'auth.acme.test', /^It must be an absolute https:\/\/ URL\.$/],
    [issuerUrl, 'http://auth.acme.test', /^It must be https:, unless it is on this machine\.$/],
    [issuerUrl, 'https://user:secret@auth.acme.test', /user name or a password/],
    [issuerUrl, 'https://auth.acme.test/#a', /fragment/],
    [issuerUrl, 'https://auth.acme.test/{tenant}', /one tenant/],
    [service, 'a b c', /NAME=URL PATH/],
    [service, 'a/b=http://x.test', /NAME=URL PATH/],
    [service, 'a\nb=http://x.test', /NAME=URL PATH/],
    [service, '..=http://x.test', /NAME=URL PATH/],
    [service, '=http://x.test', /NAME=URL PATH/],
    [service, 'a=ftp://x.test', /http:\/\/ or https:\/\//],
    [service, 'a=http://u:p@x.test', /without user name/],
    [service, 'a=http://x.test?q', /without user name, query/],
    [service, 'a=http://x.test /a admin,\u0007', /control characters/],
    [condition, 'repository', /CLAIM=VALUE/],
    [condition, 'repository=', /CLAIM=VALUE/],
    [condition, 'repository=,', /not be empty/],
  ])('%p refuses %j and says why', (read, text, words) => {
    expect(() => read(text)).toThrow(words);
  });

  it.each([
    ['orders=http://orders.internal:8080 /o admin,ops', { path: '/o', roles: ['admin', 'ops'] }],
    ['orders=http://orders.internal:8080 admin', { path: '/orders', roles: ['admin'] }],
    ['orders=http://orders.internal:8080/base', { url: 'http://orders.internal:8080/base', path: '/orders' }],
  ])('the service %j is read', (text, read) => {
    expect(service(text)).toMatchObject({ name: 'orders', ...read });
  });
});

describe('a flag of init', () => {
  const errors: string[] = [];
  const command = (): ReturnType<typeof initCommand> =>
    initCommand()
      .exitOverride()
      .configureOutput({ writeErr: (text) => void errors.push(text) });

  it.each<[args: readonly string[], words: RegExp]>([
    [
      ['--issuer', 'auth.test'],
      /^error: option '--issuer <url>' argument 'auth.test' is invalid. It must be an absolute/,
    ],
    [['--provider', 'keycloack'], /^error: option '--provider <name>' .*Allowed choices are auth0, /],
    [['--audience', ' , '], /^error: option '--audience <list>' .*It must not be empty/],
    [
      ['--service', 'a=http://x.test', '--service', 'a=http://y.test'],
      /'--service <service>' .*Its name is given twice/,
    ],
    [['--condition', 'repository'], /'--condition <claim=value>' .*It must be CLAIM=VALUE/],
    [['--ca-file', 'ca.pem'], /'--ca-file <path>' .*It must be an absolute path/],
    [['--format', 'kong.yml'], /'--format <format>' .*Allowed choices are kong, policies/],
  ])('is named when its value cannot be used: %j', async (args, words) => {
    errors.length = 0;
    await expect(command().parseAsync(args, { from: 'user' })).rejects.toThrow(CommanderError);
    expect(errors.join('')).toMatch(words);
  });
});
