import { describe, expect, it } from '@jest/globals';
import { ConfigError } from '../../../schema/config-error';
import { findingLine, inspect } from '../../../src/cli/diagnosis';
import { ConfigurationError } from '../../../src/kong/declarative/configuration-error';
import { policyCheck } from '../../../src/server/decisions/decisions';
import { readPolicies } from '../../../src/policies/policy-file';

/** A sound file. A mistake replaces a part of it. */
const SOUND = `_shared:
  - &identity
    issuers:
      - issuer: https://auth.acme.test/
        audiences: [shop]
        jwks_uri: https://auth.acme.test/jwks
    identity_headers:
      - { header: X-User-ID, claim: sub, required: true }
      - { header: X-User-Roles, claim: roles }
policies:
  orders: { <<: *identity }
  admin.v2:
    <<: *identity
    authorize:
      - roles: [admin]
`;
const AUDIENCES = '        audiences: [shop]\n';
const JWKS_URI = '        jwks_uri: https://auth.acme.test/jwks\n';
const ROLES = '      - roles: [admin]\n';
const RULES = `    authorize:\n${ROLES}`;
const SECRET = 'a secret that is long enough for HS256';

function linesOf(text: string): string[] {
  return inspect(text, { environment: {} })
    .findings()
    .map((finding) => findingLine('policies.yml', finding));
}

function mistaken(part: string, instead: string): string {
  expect(SOUND).toContain(part);
  return SOUND.replace(part, () => instead);
}

/** What `authz` does with a file at its start. */
function load(text: string): void {
  policyCheck({ gateway: 'nginx', stripping: 'nothing' }).all(readPolicies(text, {}));
}

describe('a sound policies.yml', () => {
  it('has no findings, and is loaded', () => {
    expect(linesOf(SOUND)).toEqual([]);
    load(SOUND);
  });
});

describe('a typical mistake in a policies.yml', () => {
  it.each<[mistake: string, part: string, instead: string, words: RegExp]>([
    ['a tab', AUDIENCES, '\taudiences: [shop]\n', /^policies.yml:5:1: error: not readable as YAML: /],
    ['an anchor that is not there', '*identity }', '*identiti }', /^policies.yml:11:\d+: error: .*[Aa]lias/],
    ['a misspelt top', 'policies:', 'polices:', /:10:1: error: polices: unknown field; did you mean `policies`\?/],
    ['no policy', SOUND.slice(SOUND.indexOf('policies:')), 'policies: {}\n', /:10:1: error: policies: must be a map/],
    ['a further member', 'policies:', 'plugin: []\npolicies:', /:10:1: error: plugin: has a member besides policies/],
    ['a name with a slash', '  admin.v2:', '  admin/v2:', /:12:3: error: policies: each needs a name of letters/],
    [
      'a misspelt field',
      'audiences:',
      'audience:',
      /:5:9: error: issuers\[1\].audience: unknown field; did you mean `audiences`\? \(policy orders, policy admin.v2\)/,
    ],
    ['a name of other software', 'jwks_uri:', 'jwks_url:', /:6:9: error: .*did you mean `jwks_uri`\?/],
    ['a misspelt rule', '- roles:', '- role:', /:15:9: error: authorize\[1\].role: .*`roles`\? \(policy admin.v2\)$/],
    ['no audience', AUDIENCES, '', /:4:9: error: issuers\[1\].audiences: an issuer needs audiences/],
    ['a text for a list', '[shop]', 'shop', /:5:9: error: issuers\[1\].audiences: expected an array/],
    ['a text for a policy', '{ <<: *identity }', 'identity', /:11:3: error: .*expected a record \(policy orders\)/],
    ['an empty policy', '{ <<: *identity }', '', /:11:3: error: issuers: .*\(policy orders\)/],
    ['no source of keys', JWKS_URI, '', /:4:9: error: issuers\[1\]: at least one of these fields must be non-empty/],
    ['keys over http', 'https://auth.acme.test/jwks', 'http://auth.acme.test/jwks', /:6:9: error: .*must be https:/],
    ['a short secret', JWKS_URI, '        secret: short\n', /:6:9: error: .*secret: must have at least 32 bytes/],
    [
      'a public policy with rules',
      RULES,
      `    allow_missing: true\n${RULES}`,
      /error: .*allow_missing and authorize contradict each other.* \(policy admin.v2\)/,
    ],
    [
      'what only Kong can do',
      RULES,
      `    consumer_claim: sub\n${RULES}`,
      /:14:5: error: consumer_claim: needs Kong: .* \(policy admin.v2\)/,
    ],
    [
      'a key set without a usable key',
      JWKS_URI,
      `        jwks: '{"keys":[]}'\n`,
      /:\d+:\d+: error: issuers\[1\].*jwks.*key/,
    ],
  ])('%s is found where it stands, and refused by a load', (_, part, instead, words) => {
    const text = mistaken(part, instead);
    expect(linesOf(text).filter((line) => words.test(line))).toHaveLength(1);
    const outcome = ((): unknown => {
      try {
        load(text);
        return 'loaded';
      } catch (error) {
        return error;
      }
    })();
    expect(outcome instanceof ConfigError || outcome instanceof ConfigurationError).toBe(true);
  });

  it.each<[mistake: string, part: string, instead: string, words: RegExp]>([
    [
      'roles from two claims',
      RULES,
      `    roles_claim: /realm_access/roles\n${RULES}`,
      /:16:9: warning: authorize\[1\].roles: rules read roles from \/realm_access\/roles, .* \(policy admin.v2\)/,
    ],
    [
      'a header that another policy does not protect',
      RULES,
      `    reserved_headers: [X-Tenant]\n    identity_headers: [{ header: X-Tenant, claim: tenant }]\n${RULES}`,
      /:15:26: warning: identity_headers\[1\].header: clients can send this header themselves on policy orders: /,
    ],
    [
      'an issuer with another last slash',
      RULES,
      `    issuers: [{ issuer: 'https://auth.acme.test', audiences: [shop], discovery: true }]\n${RULES}`,
      /:14:17: warning: issuers\[1\].issuer: differs from the issuer https:\/\/auth.acme.test\/ by its last slash/,
    ],
    ['any audience', AUDIENCES, '        any_audience: true\n', /:5:9: warning: .*any_audience: accepts tokens/],
    ['a secret in the file', JWKS_URI, `        secret: ${SECRET}\n`, /:6:9: warning: .*secret: is readable for all/],
    ['a long leeway', RULES, `    leeway: 300\n${RULES}`, /:14:5: warning: leeway: accepts expired tokens for 300 s/],
    [
      'an address of the documentation',
      '//auth.acme.test/\n',
      '//auth.example.com/\n',
      /:4:9: warning: .*is an example address/,
    ],
    ['a rule that is never reached', ROLES, `${ROLES}      - { roles: [user] }\n`, /:16:9: warning: .*never reached/],
  ])('%s is a warning where it stands, and loaded', (_, part, instead, words) => {
    const text = mistaken(part, instead);
    const lines = linesOf(text);
    expect(lines.filter((line) => words.test(line))).toHaveLength(1);
    expect(lines.join('\n')).not.toContain(SECRET);
    load(text);
  });

  it('in the name of a policy cannot write lines of its own', () => {
    const lines = linesOf(mistaken('  admin.v2:', '  "a\\nb: error: \\e[31m": { realm: x }\n  admin.v2:'));
    expect(lines.some((line) => line.includes('policy a\\u000ab'))).toBe(true);
    expect(lines.join('')).not.toMatch(/[\u0000-\u001f]/);
  });

  it('is one of a kong.yml when the file holds entities of Kong, and of policies when the caller says so', () => {
    const text = `_format_version: '3.0'\npolicies: {}\n`;
    expect(linesOf(text).join()).toContain('policies: unknown field');
    const forced = inspect(text, { format: 'policies' }).findings();
    expect(forced.map(({ message }) => message)).toEqual(['must be a map with at least one policy']);
  });
});
