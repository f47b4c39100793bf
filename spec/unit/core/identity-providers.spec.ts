import { describe, expect, it } from '@jest/globals';
import { parseConfig } from '../../../schema/parse-config';
import { authorizationRules, authorize } from '../../../src/core/authorization/authorization';
import type { Claims } from '../../../src/core/claim-selector';
import { ISSUER } from '../../support/policy';
import { verifiedToken } from '../../support/verified';

/** Where a provider puts what a caller may do, as docs/providers tells it. */
interface Shape {
  readonly config: Readonly<Record<string, unknown>>;
  readonly claims: Claims;
}

function codeOf({ config, claims }: Shape): string | undefined {
  const parsed = parseConfig({ issuers: [ISSUER], ...config });
  return authorize(verifiedToken(claims, parsed), 'GET', authorizationRules(parsed)!)?.code;
}

const shapes: readonly (readonly [name: string, shape: Shape])[] = [
  [
    'Keycloak, roles of the realm',
    {
      config: { roles_claim: '/realm_access/roles', authorize: [{ roles: ['orders-admin'] }] },
      claims: { realm_access: { roles: ['offline_access', 'orders-admin'] } },
    },
  ],
  [
    'Keycloak, roles of a client',
    {
      config: { roles_claim: '/resource_access/orders-api/roles', authorize: [{ roles: ['admin'] }] },
      claims: { resource_access: { 'orders-api': { roles: ['admin'] } } },
    },
  ],
  [
    'Keycloak, roles of a client whose id is a URL',
    {
      config: { roles_claim: '/resource_access/https:~1~1orders.example.com/roles', authorize: [{ roles: ['admin'] }] },
      claims: { resource_access: { 'https://orders.example.com': { roles: ['admin'] } } },
    },
  ],
  [
    'Keycloak, scopes as text',
    { config: { authorize: [{ scopes: ['orders:read'] }] }, claims: { scope: 'openid orders:read email' } },
  ],
  [
    'Entra ID, app roles',
    { config: { authorize: [{ roles: ['Orders.Read.All'] }] }, claims: { roles: ['Orders.Read.All'] } },
  ],
  [
    'Entra ID, delegated permissions',
    {
      config: { scopes_claim: 'scp', authorize: [{ scopes: ['Orders.Read'] }] },
      claims: { scp: 'Orders.Read User.Read' },
    },
  ],
  [
    'Entra ID, groups by object id',
    {
      config: { roles_claim: 'groups', authorize: [{ roles: ['8f5e4b1c-0a55-4e1b-8c3a-6f2a1c1f9b70'] }] },
      claims: { groups: ['8f5e4b1c-0a55-4e1b-8c3a-6f2a1c1f9b70'] },
    },
  ],
  [
    'Auth0, roles under a namespace',
    {
      config: { roles_claim: 'https://example.com/roles', authorize: [{ roles: ['admin'] }] },
      claims: { 'https://example.com/roles': ['admin'] },
    },
  ],
  [
    'Auth0, permissions',
    {
      config: { scopes_claim: 'permissions', authorize: [{ scopes: ['read:orders'] }] },
      claims: { permissions: ['read:orders', 'create:orders'] },
    },
  ],
  ['Auth0, scopes', { config: { authorize: [{ scopes: ['read:orders'] }] }, claims: { scope: 'openid read:orders' } }],
  [
    'Cognito, groups',
    {
      config: { roles_claim: 'cognito:groups', authorize: [{ roles: ['admins'] }] },
      claims: { 'cognito:groups': ['admins'] },
    },
  ],
  [
    'Cognito, scopes of a resource server and the client instead of an audience',
    {
      config: { authorize: [{ scopes: ['orders/read'], claims: [{ claim: 'client_id', one_of: ['4ik9'] }] }] },
      claims: { scope: 'orders/read orders/write', client_id: '4ik9', token_use: 'access' },
    },
  ],
  [
    'Okta, scopes as a list',
    { config: { scopes_claim: 'scp', authorize: [{ scopes: ['orders'] }] }, claims: { scp: ['openid', 'orders'] } },
  ],
  [
    'Okta, groups',
    {
      config: { roles_claim: 'groups', authorize: [{ roles: ['Everyone'] }] },
      claims: { groups: ['Everyone'] },
    },
  ],
  [
    'Firebase, a custom claim that is true',
    { config: { authorize: [{ claims: [{ claim: 'admin', one_of: ['true'] }] }] }, claims: { admin: true } },
  ],
  [
    'Firebase, how the user signed in',
    {
      config: { authorize: [{ claims: [{ claim: '/firebase/sign_in_provider', one_of: ['google.com'] }] }] },
      claims: { firebase: { sign_in_provider: 'google.com', identities: {} } },
    },
  ],
  [
    'Zitadel, roles as the names of an object',
    {
      config: {
        authorize: [{ claims: [{ claim: '/urn:zitadel:iam:org:project:roles/orders-admin', present: true }] }],
      },
      claims: { 'urn:zitadel:iam:org:project:roles': { 'orders-admin': { '2019': 'acme.example.com' } } },
    },
  ],
];

/** Every way to take one thing out of a claims set: a member, an item of a list, or a word of a text. */
function* lesser(value: unknown): Generator {
  if (typeof value === 'string') {
    const words = value.split(' ');
    if (words.length > 1) for (const index of words.keys()) yield words.filter((_, at) => at !== index).join(' ');
  } else if (Array.isArray(value)) {
    for (const index of value.keys()) yield value.filter((_, at) => at !== index);
  } else if (typeof value === 'object' && value !== null) {
    for (const [name, member] of Object.entries(value)) {
      const rest = Object.fromEntries(Object.entries(value).filter(([other]) => other !== name));
      yield rest;
      for (const less of lesser(member)) yield { ...rest, [name]: less };
    }
  }
}

describe('roles and scopes as providers write them', () => {
  it.each(shapes)('%s', (_, shape) => {
    expect(codeOf(shape)).toBeUndefined();
  });

  it.each(shapes)('%s: an empty token gets nowhere', (_, { config }) => {
    expect(codeOf({ config, claims: {} })).toBeDefined();
  });

  it.each(shapes)('%s: whoever loses what the rule asks for is refused', (_, { config, claims }) => {
    const refused = [...lesser(claims)].filter((less) => codeOf({ config, claims: less as Claims }) !== undefined);
    expect(refused.length).toBeGreaterThan(0);
  });

  it('does not take a role of another client, or of the realm, for one of this client', () => {
    const config = { roles_claim: '/resource_access/orders-api/roles', authorize: [{ roles: ['admin'] }] };
    expect(codeOf({ config, claims: { resource_access: { billing: { roles: ['admin'] } } } })).toBe('forbidden');
    expect(codeOf({ config, claims: { realm_access: { roles: ['admin'] } } })).toBe('forbidden');
  });
});
