import { describe, expect, it } from '@jest/globals';
import { readPolicies, readRoutePolicies } from '../../../src/policies/policy-file';

const issuer = `{ issuer: 'https://auth.test/', audiences: [shop], jwks_uri: 'https://auth.test/jwks' }`;

describe('a policies.yml', () => {
  it('has policies by name, with anchors, defaults and vault references', () => {
    const text = `
_shared: &shared { issuers: [{ issuer: 'https://a.test/', audiences: [s], algorithms: [HS256], secret: '{vault://env/the-secret}' }] }
policies:
  orders: { <<: *shared, realm: shop }
  stock: *shared
`;
    const policies = readPolicies(text, { THE_SECRET: 'a'.repeat(64) });
    expect(Object.keys(policies)).toEqual(['orders', 'stock']);
    expect(policies['orders']).toMatchObject({ realm: 'shop', issuers: [{ secret: 'a'.repeat(64) }] });
    expect(Object.getPrototypeOf(policies)).toBeNull();
  });

  it.each([
    ['no map', '[]', 'must be a map with the member policies'],
    ['no policies', '{}', 'policies: must be a map with at least one policy'],
    [
      'an unknown member',
      `{ policies: { a: { issuers: [${issuer}] } }, plugins: [] }`,
      'has a member besides policies',
    ],
    [
      'a name with a slash',
      `{ policies: { 'a/b': { issuers: [${issuer}] } } }`,
      'policies: each needs a name of letters',
    ],
    [
      'a name of two dots',
      `{ policies: { '..': { issuers: [${issuer}] } } }`,
      'policies: each needs a name of letters',
    ],
    [
      'an unknown field',
      `{ policies: { a: { issuers: [${issuer}], issuer: x } } }`,
      'policies.a.issuer: unknown field',
    ],
    ['a policy of nothing', `{ policies: { a: } }`, 'policies.a.issuers: '],
  ])('with %s is refused by name', (_, text, message) => {
    expect(() => readPolicies(text, {})).toThrow(message);
  });

  it('that is refused is not quoted', () => {
    const text = `{ policies: { a: { issuers: [{ issuer: 'https://a.test/', secret: 12 }], realm: [confidential] } } }`;
    expect(() => readPolicies(text, {})).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining('confidential') }),
    );
  });
});

describe('the routes of a kong.yml', () => {
  const route = (name: string, plugins = `[{ name: jwt-identity, config: { issuers: [${issuer}] } }]`): string =>
    `{ ${name === '' ? '' : `name: ${name}, `}paths: [/x], plugins: ${plugins} }`;
  const file = (...routes: string[]): string =>
    `{ services: [{ url: 'http://x.test', routes: [${routes.join(', ')}] }] }`;

  it('are policies where the plugin is on them', () => {
    expect(Object.keys(readRoutePolicies(file(route('orders'), route('open', '[]')), {}))).toEqual(['orders']);
  });

  it.each([
    ['none is guarded', file(route('open', '[]')), 'routes: the plugin jwt-identity is on none of them'],
    ['a guarded one has no name', file(route('')), 'routes: each needs a name'],
    ['two have one name', file(route('orders'), route('orders')), 'routes: two have the same name'],
  ])('are refused when %s', (_, text, message) => {
    expect(() => readRoutePolicies(text, {})).toThrow(message);
  });
});
