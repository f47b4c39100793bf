import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseConfig } from '../../../../schema/parse-config';
import { authorizationRules, authorize, shadowRules } from '../../../../src/core/authorization/authorization';
import { ISSUER } from '../../../support/policy';
import { verifiedToken } from '../../../support/verified';

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
  const parsed = parseConfig({ issuers: [ISSUER], ...config });
  const refusal = authorize(verifiedToken(claims, parsed), method, authorizationRules(parsed)!);
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

describe('a list', () => {
  it.each([{ roles_claim: '/roles/0' }, { roles_claim: '/orgs/0/role' }])(
    'is never picked from by position, or taking a role away could grant another: %j',
    (names) => {
      const claims = { roles: ['admin', 'user'], orgs: [{ role: 'admin' }] };
      expect(verdict({ authorize: [{ roles: ['admin'] }], ...names, claims })).toEqual({ code: 'forbidden' });
      const condition = { claim: names.roles_claim, one_of: ['admin'] };
      expect(verdict({ authorize: [{ claims: [condition] }], claims })).toEqual({ code: 'forbidden' });
    },
  );
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
  const oneOf = { claim: 'tenant', one_of: ['acme', 'globex', 'true', '7', '9007199254740992'] };
  const matches = { claim: 'tenant', matches: ['*@example.com', 'acme/*'] };
  const present = { claim: 'tenant', present: true };

  it.each([
    [oneOf, 'acme'],
    [oneOf, ['other', 'globex']],
    [oneOf, true],
    [oneOf, 7],
    [matches, 'zoe@example.com'],
    [matches, ['x', 'acme/7']],
    [present, 'x'],
    [present, 0],
    [present, false],
    [present, ['']],
    [present, { a: null }],
  ])('%j is met by %j', (condition, tenant) => {
    expect(verdict({ authorize: [{ claims: [condition] }], claims: { tenant } })).toBeUndefined();
  });

  it.each([
    ...[undefined, 'acme2', 'Acme', ['x'], null, { acme: true }, false, [['acme']], 'acme,globex', 2 ** 53].map(
      (value) => [oneOf, value] as const,
    ),
    ...[undefined, 'zoe@example.com.evil.net', 'xacme/7', ['x'], null, { 'acme/7': 1 }, [['acme/7']]].map(
      (value) => [matches, value] as const,
    ),
    ...[undefined, null, '', [], {}].map((value) => [present, value] as const),
  ])('%j is not met by %j', (condition, tenant) => {
    expect(verdict({ authorize: [{ claims: [condition] }], claims: { tenant } })).toEqual({ code: 'forbidden' });
  });

  it('judges the claim of the scopes scope by scope', () => {
    const matches = { authorize: [{ claims: [{ claim: 'scp', matches: ['orders:*'] }] }], scopes_claim: 'scp' };
    expect(verdict({ ...matches, claims: { scp: 'profile orders:read' } })).toBeUndefined();
    expect(verdict({ ...matches, claims: { scp: ['orders:read'] } })).toBeUndefined();
    expect(verdict({ ...matches, claims: { scp: 'profile' } })).toMatchObject({ code: 'forbidden' });
    const present = { authorize: [{ claims: [{ claim: 'scp', present: true }] }], scopes_claim: 'scp' };
    expect(verdict({ ...present, claims: { scp: ' ' } })).toMatchObject({ code: 'forbidden' });
  });

  it('judges the claims of the scopes of an issuer scope by scope', () => {
    const { authorize: rules } = { authorize: [{ claims: [{ claim: 'perms', one_of: ['orders:read'] }] }] };
    const issuers = [{ ...ISSUER, scopes_claims: ['scope', 'perms'] }];
    expect(verdict({ issuers, authorize: rules, claims: { perms: 'profile orders:read' } })).toBeUndefined();
    expect(verdict({ issuers, authorize: rules, claims: { perms: 'profile' } })).toEqual({ code: 'forbidden' });
  });

  it('finds nothing that JavaScript gives every object', () => {
    for (const claim of ['__proto__', 'constructor', 'toString', '/__proto__/constructor']) {
      expect(verdict({ authorize: [{ claims: [{ claim, present: true }] }], claims: {} })).toBeDefined();
    }
  });
});

describe('an empty list', () => {
  it.each([
    ['no rule', []],
    ['no role', [{ roles: [] }]],
    ['no scope', [{ scopes: [] }]],
    ['no claim', [{ claims: [] }]],
    ['no value', [{ claims: [{ claim: 'a', one_of: [] }] }]],
    ['no pattern', [{ claims: [{ claim: 'a', matches: [] }] }]],
    ['a claim without a condition', [{ claims: [{ claim: 'a' }] }]],
    ['a claim that need not be present', [{ claims: [{ claim: 'a', present: false }] }]],
    ['nothing but methods', [{ methods: ['GET'] }]],
    ['any_identity beside a rule', [{ any_identity: true, roles: ['admin'] }]],
    ['a pattern that matches everything', [{ claims: [{ claim: 'a', matches: ['**'] }] }]],
    ['two conditions in one', [{ claims: [{ claim: 'a', one_of: ['b'], present: true }] }]],
  ])('is refused in a configuration: %s (D8)', (_, authorizeRules) => {
    for (const field of ['authorize', 'authorize_shadow']) {
      expect(() => parseConfig({ issuers: [ISSUER], [field]: authorizeRules })).toThrow(`config.${field}`);
    }
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
    const config = parseConfig({ issuers: [ISSUER], ...rules });
    const token = verifiedToken({}, config);
    expect(authorize(token, undefined, authorizationRules(config)!)).toMatchObject({ code: 'forbidden' });
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

  it('says which rule refused, and why', () => {
    const config = parseConfig({ issuers: [ISSUER], ...rules });
    const reason = (claims: Record<string, unknown>, method: string): string | undefined =>
      authorize(verifiedToken(claims, config), method, authorizationRules(config)!)?.reason;
    expect(reason({}, 'POST')).toBe('authorize[2]: none of the roles');
    expect(reason({}, 'PUT')).toBe('authorize: no entry for the method');
  });

  it('refuses a method that is not known although a rule for HEAD exists, and lets any method pass a rule for any', () => {
    const asked = (authorizeRules: object[]): unknown => {
      const config = parseConfig({ issuers: [ISSUER], authorize: authorizeRules });
      return authorize(verifiedToken({}, config), undefined, authorizationRules(config)!);
    };
    expect(asked([{ methods: ['HEAD', 'GET'], any_identity: true }])).toMatchObject({ code: 'forbidden' });
    expect(asked([{ any_identity: true }])).toBeUndefined();
  });

  it.each<[string, object[], Record<string, unknown>, string, readonly string[] | undefined]>([
    ['methods, when no entry is for the method', [...rules.authorize], {}, 'PUT', ['GET', 'POST', 'DELETE', 'DELETE']],
    ['roles, when the token has none of them', [{ roles: ['admin', 'root'] }], {}, 'GET', ['admin', 'root']],
    ['values of one_of', [{ claims: [{ claim: 't', one_of: ['a', 'b'] }] }], { t: 'c' }, 'GET', ['a', 'b']],
    ['patterns of matches', [{ claims: [{ claim: 't', matches: ['a*'] }] }], { t: 'c' }, 'GET', ['a*']],
    ['nothing, when a claim must be present', [{ claims: [{ claim: 't', present: true }] }], {}, 'GET', undefined],
  ])('tells the log what the configuration accepts: %s', (_, authorizeRules, claims, method, accepted) => {
    const config = parseConfig({ issuers: [ISSUER], authorize: authorizeRules });
    const refusal = authorize(verifiedToken(claims, config), method, authorizationRules(config)!);
    expect(refusal?.hints).toStrictEqual(accepted === undefined ? {} : { accepted });
  });

  it.each([
    ['authorize', 'rule'],
    ['authorize_shadow', 'shadow'],
  ] as const)('tells an observer each condition of %s under the stage %s', (field, stage) => {
    const rule = { roles: ['admin'], scopes: ['read'], claims: [{ claim: 't', one_of: ['a'] }] };
    const config = parseConfig({ issuers: [ISSUER], [field]: [rule] });
    const told: string[] = [];
    const compiled = field === 'authorize' ? authorizationRules(config) : shadowRules(config);
    const token = verifiedToken({ roles: ['admin'], scope: 'read', t: 'a' }, config);
    authorize(token, 'GET', compiled!, (at, finding) => told.push(`${at}: ${finding}`));
    expect(told).toEqual([
      `${stage}: ${field}[1] decides GET`,
      `${stage}: ${field}[1]: one of the roles ["admin"]; the token has ["admin"]`,
      `${stage}: ${field}[1]: claim t by one_of; it is "a"`,
      `${stage}: ${field}[1]: all scopes of ["read"]; the token has ["read"]`,
    ]);
  });

  it('tells an observer nothing of scopes, roles and claims that no rule asks for', () => {
    const config = parseConfig({ issuers: [ISSUER], authorize: [{ any_identity: true }] });
    const told: string[] = [];
    authorize(verifiedToken({ scope: 'read' }, config), undefined, authorizationRules(config)!, (_, finding) =>
      told.push(finding),
    );
    expect(told).toEqual(['authorize[1] decides any method']);
  });

  it('never grants more when something is taken from a token', () => {
    const words = fc.subarray(['admin', 'support', 'read', 'write', 'acme/1']);
    const conditions = fc.subarray([
      { claim: 't', one_of: ['admin', 'acme/1'] },
      { claim: 't', matches: ['a*', '*e'] },
      { claim: 't', present: true },
    ]);
    fc.assert(
      fc.property(words, words, conditions, words, words, words, (roles, scopes, claims, held, granted, t) => {
        fc.pre(roles.length + scopes.length + claims.length > 0);
        const rule = {
          ...(roles.length > 0 && { roles }),
          ...(scopes.length > 0 && { scopes }),
          ...(claims.length > 0 && { claims }),
        };
        const config = parseConfig({ issuers: [ISSUER], authorize: [rule] });
        const compiled = authorizationRules(config)!;
        const may = (has: Record<string, string[]>): boolean =>
          authorize(verifiedToken(has, config), 'GET', compiled) === undefined;
        const full: Record<string, string[]> = { roles: held, scope: granted, t };
        if (may(full)) return;
        for (const [name, list] of Object.entries(full)) {
          for (const item of list) expect(may({ ...full, [name]: list.filter((other) => other !== item) })).toBe(false);
          const rest = Object.entries(full).filter(([other]) => other !== name);
          expect(may(Object.fromEntries(rest))).toBe(false);
        }
      }),
      { numRuns: 300 },
    );
  });
});
