import { describe, expect, it } from '@jest/globals';
import { diagnose, findingLine } from '../../../src/cli/diagnosis';
import { publicJwk, signingKey } from '../../support/tokens';

const jwks = JSON.stringify({ keys: [publicJwk(signingKey('ES256', 'k1'))] });

/** A sound file. A mistake replaces a line of it, or adds some. */
const SOUND = `_format_version: '3.0'
_ignore:
  - &identity
    issuers:
      - issuer: https://auth.acme.test/
        audiences: [shop]
        jwks_uri: https://auth.acme.test/jwks
    identity_headers:
      - { header: X-User-ID, claim: sub, required: true }
      - { header: X-User-Roles, claim: roles }
plugins:
  - name: jwt-identity
    config: { <<: *identity }
services:
  - name: shop
    url: http://shop.internal:8080
    routes:
      - name: orders
        paths: [/orders]
        methods: [GET, POST]
      - name: admin
        paths: [/admin]
        plugins:
          - name: jwt-identity
            config:
              <<: *identity
              authorize:
                - roles: [admin]
`;

/** Returns what is found in the sound file when a part of it is written otherwise. */
function found(part: string, instead: string): string[] {
  expect(SOUND).toContain(part);
  return diagnose(SOUND.replace(part, instead), {}).map((finding) => findingLine('kong.yml', finding));
}

const AUDIENCES = '        audiences: [shop]\n';
const JWKS_URI = '        jwks_uri: https://auth.acme.test/jwks\n';
const ROLES = '                - roles: [admin]\n';
const RULES = `              authorize:\n${ROLES}`;
const HEADERS = `      - { header: X-User-Roles, claim: roles }\n`;
const SECRET = 'a secret that is long enough for HS256';

describe('a sound file', () => {
  it('has no findings', () => {
    expect(diagnose(SOUND, {}).map((finding) => findingLine('kong.yml', finding))).toEqual([]);
  });
});

describe('a file whose entries are all at routes and services', () => {
  it.each<[entry: string, part: string, instead: string]>([
    ['is missing', 'plugins:\n  - name: jwt-identity\n    config: { <<: *identity }\n', ''],
    ['is switched off', 'config: { <<: *identity }\n', 'enabled: false\n    config: { <<: *identity }\n'],
  ])('is told that new routes are open during a reload when the entry at the top level %s', (_, part, instead) => {
    expect(found(part, instead)).toContainEqual(
      expect.stringMatching(/^kong.yml:1:1: warning: .*no entry .* at the top level: during a reload, .* "Reloads"\)$/),
    );
  });
});

describe('a typical mistake', () => {
  it.each<[mistake: string, part: string, instead: string, words: RegExp]>([
    // What a load would refuse.
    ['a tab', AUDIENCES, '\taudiences: [shop]\n', /^kong.yml:6:1: error: not readable as YAML: /],
    [
      'a key twice',
      AUDIENCES,
      AUDIENCES + AUDIENCES,
      /^kong.yml:7:9: error: not readable as YAML: Map keys must be unique/,
    ],
    ['an anchor that is not there', '*identity }', '*identiti }', /^kong.yml:13:\d+: error: .*[Aa]lias/],
    [
      'a misspelt field',
      'audiences:',
      'audience:',
      /kong.yml:6:9: error: config.issuers\[1\].audience: unknown field; did you mean `audiences`\? \(global, route admin\)/,
    ],
    ['a name of other software', 'jwks_uri:', 'jwks_url:', /kong.yml:7:9: error: .*did you mean `jwks_uri`\?/],
    [
      'a field in the wrong record',
      AUDIENCES,
      `${AUDIENCES}        leeway: 30\n`,
      /kong.yml:7:9: error: config.issuers\[1\].leeway: unknown field/,
    ],
    [
      'a misspelt field of a route',
      '        paths: [/admin]',
      '        path: [/admin]',
      /kong.yml:22:9: error: .*routes\[2\].path: unknown field; did you mean `paths`\? \(route admin\)/,
    ],
    ['no audience', AUDIENCES, '', /kong.yml:5:9: error: config.issuers\[1\].audiences: an issuer needs audiences/],
    ['a text for a list', '[shop]', 'shop', /kong.yml:6:9: error: config.issuers\[1\].audiences: expected an array/],
    [
      'no source of keys',
      JWKS_URI,
      '',
      /kong.yml:5:9: error: config.issuers\[1\]: at least one of these fields must be non-empty: 'jwks_uri'/,
    ],
    [
      'two sources of keys',
      JWKS_URI,
      `${JWKS_URI}        discovery: true\n`,
      /kong.yml:5:9: error: config.issuers\[1\]: only one or none of these fields must be set: 'jwks_uri'/,
    ],
    [
      'keys over http',
      'https://auth.acme.test/jwks',
      'http://auth.acme.test/jwks',
      /kong.yml:7:9: error: config.issuers\[1\].jwks_uri: must be https:/,
    ],
    [
      'a short secret',
      JWKS_URI,
      '        secret: short\n',
      /kong.yml:7:9: error: config.issuers\[1\].secret: must have at least 32 bytes/,
    ],
    [
      'a public key as secret',
      JWKS_URI,
      `        secret: '-----BEGIN PUBLIC KEY----- and more text'\n`,
      /kong.yml:7:9: error: .*secret: is a public key or certificate/,
    ],
    [
      'algorithms that do not fit the keys',
      JWKS_URI,
      `${JWKS_URI}        algorithms: [HS256]\n`,
      /kong.yml:8:9: error: config.issuers\[1\].algorithms.*jwks_uri goes with public-key algorithms only/,
    ],
    [
      'a key set without a usable key',
      JWKS_URI,
      `        jwks: '{"keys":[]}'\n`,
      /kong.yml:\d+:\d+: error: config.issuers.*jwks.*key/,
    ],
    [
      'an issuer twice',
      JWKS_URI,
      `${JWKS_URI}      - issuer: https://auth.acme.test/\n${AUDIENCES}${JWKS_URI}`,
      /kong.yml:8:9: error: config.issuers\[2\].issuer: repeats that of issuers\[1\]/,
    ],
    [
      'a header that clients could send',
      HEADERS,
      `${HEADERS}      - { header: X-Tenant, claim: tenant }\n`,
      /kong.yml:11:11: error: config.identity_headers\[3\].header: must be covered by reserved_headers/,
    ],
    [
      'a header of the transport',
      HEADERS,
      '      - { header: Host, claim: roles }\n',
      /kong.yml:10:11: error: .*must not be the transport or credential header host/,
    ],
    [
      'a public route with rules',
      RULES,
      `              allow_missing: true\n${RULES}`,
      /error: config.*allow_missing and authorize contradict each other/,
    ],
    [
      'the plugin twice in one place',
      '  - name: jwt-identity\n    config',
      '  - { name: jwt-identity, config: *identity }\n  - name: jwt-identity\n    config',
      /kong.yml:13:5: error: plugins\[2\]: plugin 'jwt-identity' stands twice at the same place/,
    ],
    [
      'a service that is not there',
      'plugins:\n  - name: jwt-identity\n',
      'plugins:\n  - name: jwt-identity\n    service: shopp\n',
      /kong.yml:13:5: error: plugins\[1\].service: refers to no service of this file/,
    ],
    // What a load accepts.
    [
      'a route without the plugin',
      'plugins:\n  - name: jwt-identity\n    config: { <<: *identity }\n',
      '',
      /kong.yml:15:9: warning: .*the plugin jwt-identity is not on this route: .* \(route orders\)/,
    ],
    [
      'the plugin switched off on a route',
      RULES,
      `${RULES}            enabled: false\n`,
      /kong.yml:29:13: warning: .*switched off, so that of global decides/,
    ],
    [
      'a file without the plugin',
      SOUND,
      SOUND.replaceAll('name: jwt-identity', 'name: jwt').replaceAll('config: {', 'config: {').replace(RULES, ''),
      /warning: holds no entry of the plugin jwt-identity: no request is checked/,
    ],
    [
      'roles from two claims',
      '              authorize',
      '              roles_claim: /realm_access/roles\n              authorize',
      /kong.yml:29:19: warning: config.authorize\[1\].roles: rules read roles from \/realm_access\/roles, but X-User-Roles is filled from roles/,
    ],
    [
      'a path with dots',
      'claim: roles',
      'claim: realm_access.roles',
      /kong.yml:10:33: warning: .*the path into claims is \/realm_access\/roles/,
    ],
    [
      'a header that another route does not protect',
      RULES,
      `              reserved_headers: [X-Tenant]\n              identity_headers: [{ header: X-Tenant, claim: tenant }]\n${RULES}`,
      /kong.yml:28:36: warning: .*clients can send this header themselves on global: add it to reserved_headers there/,
    ],
    [
      'an issuer with another last slash',
      RULES,
      `              issuers: [{ issuer: 'https://auth.acme.test', audiences: [shop], jwks: '${jwks}' }]\n${RULES}`,
      /kong.yml:27:27: warning: .*differs from the issuer https:\/\/auth.acme.test\/ by its last slash, letter case or scheme only/,
    ],
    [
      'an issuer over http',
      'issuer: https://auth.acme.test/',
      'issuer: http://auth.acme.test/',
      /kong.yml:5:9: warning: config.issuers\[1\].issuer: is an http: URL/,
    ],
    [
      'keys over http, allowed',
      JWKS_URI,
      `        jwks_uri: http://auth.acme.test/jwks\n        key_fetch: { allow_http: true }\n`,
      /kong.yml:7:9: warning: .*fetches keys over plain http:/,
    ],
    [
      'any audience',
      AUDIENCES,
      '        any_audience: true\n',
      /kong.yml:6:9: warning: .*any_audience: accepts tokens that the issuer made for any other service/,
    ],
    [
      'the audience account',
      '[shop]',
      '[account]',
      /kong.yml:6:9: warning: .*holds account, which Keycloak puts into most tokens/,
    ],
    [
      'keys that stay stale for days',
      JWKS_URI,
      `${JWKS_URI}        key_fetch: { max_stale: 604800 }\n`,
      /kong.yml:8:22: warning: .*lets a removed key work for 168 hours/,
    ],
    [
      'tokens without an end',
      '    identity_headers:',
      '    required_claims: [sub]\n    identity_headers:',
      /kong.yml:8:5: warning: config.required_claims: leaves exp out/,
    ],
    [
      'a long leeway',
      '    identity_headers:',
      '    leeway: 300\n    identity_headers:',
      /kong.yml:8:5: warning: config.leeway: accepts expired tokens for 300 s/,
    ],
    [
      'tokens in URLs',
      '    identity_headers:',
      '    uri_param_names: [token]\n    identity_headers:',
      /kong.yml:8:5: warning: config.uri_param_names: takes tokens from URLs/,
    ],
    [
      'a token that the service gets',
      '    identity_headers:',
      '    hide_credentials: false\n    identity_headers:',
      /kong.yml:8:5: warning: config.hide_credentials: hands the token to the service/,
    ],
    [
      'a secret in the file',
      JWKS_URI,
      `        secret: ${SECRET}\n`,
      /kong.yml:7:9: warning: .*secret: is readable for all who may read this file; a vault reference/,
    ],
    [
      'an address of the documentation',
      'https://auth.acme.test/\n',
      'https://auth.example.com/\n',
      /kong.yml:5:9: warning: .*is an example address from the documentation/,
    ],
    [
      'a rule that is never reached',
      ROLES,
      `${ROLES}                - { methods: [GET], roles: [user] }\n`,
      /kong.yml:29:19: warning: config.authorize\[2\]: is never reached: authorize\[1\] decides every method/,
    ],
  ])('%s is found where it stands, once, in words that say what to do', (_, part, instead, words) => {
    const lines = found(part, instead);
    expect(lines.filter((line) => words.test(line))).toHaveLength(1);
    expect(lines.join('\n')).not.toContain(SECRET);
  });

  it('of a route whose methods no rule decides is found at the methods', () => {
    const rules = SOUND.replace('- roles: [admin]', '- { methods: [GET], roles: [admin] }');
    const text = rules.replace(
      '        paths: [/admin]\n',
      '        paths: [/admin]\n        methods: [GET, DELETE]\n',
    );
    expect(diagnose(text, {}).map((finding) => findingLine('kong.yml', finding))).toEqual([
      'kong.yml:23:9: warning: services[1].routes[2].methods: no rule of authorize decides DELETE: such requests get 403 (route admin)',
    ]);
  });

  it('of a route that Kong may fail to change is found at the route', () => {
    const conditions = "methods: [GET]\n        hosts: ['*.test']\n        headers: { X-One: ['1'] }\n";
    const text = SOUND.replace('        paths: [/admin]\n', `        paths: [/admin]\n        ${conditions}`);
    const lines = diagnose(text, {}).map((finding) => findingLine('kong.yml', finding));
    expect(lines).toEqual([
      expect.stringMatching(/^kong.yml:\d+:\d+: warning: services\[1\].routes\[2\]: has four or more/),
    ]);
  });

  it('in an anchor that 50 routes use is one finding that names some of them', () => {
    const route = (index: number): string => `
      - name: r${index}
        paths: [/r${index}]
        plugins: [{ name: jwt-identity, config: *identity }]`;
    const text =
      SOUND.replace('audiences:', 'audience:') +
      Array.from({ length: 50 }, (_, i) => route(i))
        .join('')
        .slice(1) +
      '\n';
    const lines = diagnose(text, {}).map((finding) => findingLine('kong.yml', finding));
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(/ \(global, route admin, route r0, route r1, route r2 and 47 more\)$/);
  });

  it('that only Kong can judge is left to Kong', () => {
    const text = `${SOUND.replace('plugins:\n', 'plugins:\n  - { name: prometheus, config: { anything: 1 } }\n')}upstreams: [{ name: pool }]\n`;
    expect(diagnose(text, {})).toEqual([]);
  });

  it('in a value that a vault holds is found when the vault is the environment, and not guessed otherwise', () => {
    const text = SOUND.replace(JWKS_URI, "        secret: '{vault://env/shop-secret}'\n");
    expect(diagnose(text, {})).toEqual([]);
    expect(diagnose(text, { SHOP_SECRET: SECRET })).toEqual([]);
    const [finding] = diagnose(text, { SHOP_SECRET: 'tiny' });
    expect(finding).toMatchObject({
      severity: 'error',
      message: expect.stringContaining('at least 32 bytes') as unknown,
    });
    expect(JSON.stringify(finding)).not.toContain('tiny');
  });
});
