import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseConfig } from '../../../schema/parse-config';
import { authorizationRules, authorize } from '../../../src/core/authorization';
import type { VerifiedToken } from '../../../src/core/verified-token';
import { ISSUER } from '../../support/policy';

interface Asked {
  readonly authorize: readonly Record<string, unknown>[];
  readonly claims: Record<string, unknown>;
  readonly method?: string;
  readonly [field: string]: unknown;
}

function verdict({
  claims,
  method = 'GET',
  ...config
}: Asked): { code: string; scope?: readonly string[] } | undefined {
  const rules = authorizationRules(parseConfig({ issuers: [ISSUER], ...config }))!;
  const refusal = authorize({ claims } as VerifiedToken, method, rules);
  return refusal && { code: refusal.code, ...(refusal.hints.scope && { scope: refusal.hints.scope }) };
}

describe('rules by role', () => {
  const rule = { authorize: [{ roles: ['admin', 'support'] }] };

  it.each([
    ['a list with the role', ['user', 'admin']],
    ['the role as a string', 'support'],
  ])('lets %s pass', (_, roles) => {
    expect(verdict({ ...rule, claims: { roles } })).toBeUndefined();
  });

  it.each([
    ['no roles', undefined],
    ['an empty list', []],
    ['other roles', ['user']],
    ['a longer role', ['administrator']],
    ['a shorter role', ['adm']],
    ['the role in another case', ['Admin']],
    ['both roles in one string', 'admin support'],
    ['both roles joined by a comma', 'admin,support'],
    ['the role nested in a list', [['admin']]],
    ['an object with the role as a name', { admin: true }],
    ['a number', 1],
  ])('refuses %s', (_, roles) => {
    expect(verdict({ ...rule, claims: roles === undefined ? {} : { roles } })).toEqual({ code: 'forbidden' });
  });

  it('reads roles from where the configuration says', () => {
    const nested = { ...rule, roles_claim: '/realm_access/roles' };
    expect(verdict({ ...nested, claims: { realm_access: { roles: ['admin'] } } })).toBeUndefined();
    expect(verdict({ ...nested, claims: { roles: ['admin'] } })).toEqual({ code: 'forbidden' });
  });
});

describe('rules by scope', () => {
  const rule = { authorize: [{ scopes: ['read', 'write'] }] };

  it.each([['write read'], ['  read   write '], [['read', 'write', 'x']]])('needs all of them: %j passes', (scope) => {
    expect(verdict({ ...rule, claims: { scope } })).toBeUndefined();
  });

  it.each([
    ['read'],
    ['readall write'],
    ['read,write'],
    ['READ WRITE'],
    ['read\twrite'],
    [['read write']],
    [{ read: 1 }],
    [''],
  ])('refuses %j and names what is needed', (scope) => {
    expect(verdict({ ...rule, claims: { scope } })).toEqual({ code: 'insufficient_scope', scope: ['read', 'write'] });
  });
});

describe('rules by claim', () => {
  const rule = { authorize: [{ claims: [{ claim: 'tenant', one_of: ['acme', 'globex', 'true', '7'] }] }] };

  it.each([['acme'], [['other', 'globex']], [true], [7]])('lets %j pass', (tenant) => {
    expect(verdict({ ...rule, claims: { tenant } })).toBeUndefined();
  });

  it.each([[undefined], ['acme2'], [['x']], [null], [{ acme: true }], [false]])('refuses %j', (tenant) => {
    expect(verdict({ ...rule, claims: { tenant } })).toEqual({ code: 'forbidden' });
  });
});

describe('choosing the rule', () => {
  const rules = {
    authorize: [
      { methods: ['GET'], any_identity: true },
      { methods: ['POST', 'DELETE'], roles: ['editor'] },
      { methods: ['DELETE'], any_identity: true },
    ],
  };

  it.each([
    ['GET', [], undefined],
    ['HEAD', [], undefined],
    ['POST', ['editor'], undefined],
    ['POST', [], 'forbidden'],
    ['DELETE', [], 'forbidden'],
    ['PUT', ['editor'], 'forbidden'],
    ['OPTIONS', ['editor'], 'forbidden'],
    ['get', [], 'forbidden'],
  ])('takes the first whose methods match, and none is a refusal: %s with %j', (method, roles, code) => {
    expect(verdict({ ...rules, method, claims: { roles } })?.code).toBe(code);
  });

  it('refuses when the method is not known, unless a rule is for any', () => {
    const compiled = authorizationRules(parseConfig({ issuers: [ISSUER], ...rules }))!;
    expect(authorize({ claims: {} } as VerifiedToken, undefined, compiled)).toMatchObject({ code: 'forbidden' });
  });

  it('applies every condition of a rule', () => {
    const both = { authorize: [{ roles: ['admin'], scopes: ['read'], claims: [{ claim: 't', one_of: ['a'] }] }] };
    const good = { roles: ['admin'], scope: 'read', t: 'a' };
    expect(verdict({ ...both, claims: good })).toBeUndefined();
    for (const name of Object.keys(good)) expect(verdict({ ...both, claims: { ...good, [name]: 'x' } })).toBeDefined();
  });

  it('is not asked when the configuration has no rules', () => {
    expect(authorizationRules(parseConfig({ issuers: [ISSUER] }))).toBeUndefined();
  });

  it('never grants more when a role or a scope is taken away', () => {
    const words = fc.subarray(['admin', 'support', 'read', 'write', 'x']);
    fc.assert(
      fc.property(words, words, words, words, fc.nat(), (roles, scopes, hasRoles, hasScopes, at) => {
        fc.pre(roles.length > 0 || scopes.length > 0);
        const authorizeRule = { ...(roles.length > 0 && { roles }), ...(scopes.length > 0 && { scopes }) };
        const ask = (held: string[], granted: string[]): unknown =>
          verdict({ authorize: [authorizeRule], claims: { roles: held, scope: granted } });
        const without = (list: string[]): string[] =>
          list.filter((_, index) => index !== at % Math.max(list.length, 1));
        if (ask(hasRoles, hasScopes) === undefined) return;
        expect(ask(without(hasRoles), hasScopes)).toBeDefined();
        expect(ask(hasRoles, without(hasScopes))).toBeDefined();
      }),
    );
  });
});
