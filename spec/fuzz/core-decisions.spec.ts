import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decide } from '../../src/core/pipeline';
import { Refusal } from '../../src/core/refusal/refusal';
import { createTokenCache } from '../../src/core/verification/token-cache';
import { KeyList } from '../support/key-list';
import { ISSUER, policyOf } from '../support/policy';
import { signingKey, signToken, type SigningKey } from '../support/tokens';

const NOW = 1_800_000_000;
let key: SigningKey;
/** Tokens by what is the matter with them; only `good` and `other` verify. */
const tokens: Record<string, string> = {};
const SUBJECTS: Record<string, string> = { good: 'alice', other: 'bob' };

beforeAll(async () => {
  key = signingKey('ES256', 'k');
  const claims = { iss: ISSUER.issuer, sub: 'alice', aud: 'orders', exp: NOW + 60, roles: ['user'], scope: 'read' };
  const sign = (changes: object, by = key): Promise<string> => signToken(by, { ...claims, ...changes });
  tokens['good'] = await sign({});
  tokens['other'] = await sign({ sub: 'bob', roles: ['admin'] });
  tokens['expired'] = await sign({ exp: NOW - 100, sub: 'mallory' });
  tokens['foreign'] = await sign({ sub: 'mallory' }, signingKey('ES256', 'k'));
  tokens['elsewhere'] = await sign({ aud: 'billing', sub: 'mallory' });
  tokens['broken'] = 'a.b.c';
  tokens['empty'] = '';
});

const tokenName = fc.constantFrom('good', 'good', 'other', 'expired', 'foreign', 'elsewhere', 'broken', 'empty');
const carrier = fc.tuple(
  fc.constantFrom(
    'authorization: Bearer ',
    'authorization: bearer  ',
    'authorization: ',
    'authorization: Basic ',
    'x-token: ',
    'x_token: ',
    'cookie: a=1; session=',
    'cookie: session2=',
    '?access_token=',
    '?x=1&access%5Ftoken=',
  ),
  tokenName,
);
const forgedName = fc.constantFrom(
  'x-user-id',
  'x_user_id',
  'x-user_id',
  'x.user.id',
  'x-user-roles',
  'x_user_roles',
  'x-tenant',
  'x_tenant',
  'x-consumer-id',
  'x-other',
  '__proto__',
);
const request = fc.record({
  carriers: fc.array(carrier, { maxLength: 3 }),
  forged: fc.array(fc.tuple(forgedName, fc.constantFrom<string | string[]>('evil', ['evil', 'worse'], ''))),
  connection: fc.option(fc.constantFrom('close', 'keep-alive, X-User-Id', 'x_tenant', 'te'), { freq: 4 }),
  method: fc.constantFrom('GET', 'POST', 'OPTIONS', 'HEAD'),
  preflight: fc.boolean(),
});
const config = fc.record(
  {
    header_names: fc.constantFrom(['authorization'], ['X-Token'], ['authorization', 'X-Token']),
    cookie_names: fc.constantFrom([], ['session']),
    uri_param_names: fc.constantFrom([], ['access_token']),
    hide_credentials: fc.boolean(),
    allow_missing: fc.boolean(),
    run_on_preflight: fc.boolean(),
    authorize: fc.constantFrom(null, [{ methods: ['GET'], roles: ['admin'] }], [{ scopes: ['read'] }]),
    identity_headers: fc.constantFrom(
      [{ header: 'X-User-ID', claim: 'sub', required: true }],
      [
        { header: 'X_User_ID', claim: 'sub' },
        { header: 'X-Tenant', claim: '/nothing/here' },
      ],
      [],
    ),
    reserved_headers: fc.constant(['X-User-*', 'X-Tenant', 'X-Consumer-*', 'X-Anonymous-Consumer']),
  },
  { requiredKeys: ['reserved_headers'] },
);

/** What a service gets that folds names as CGI does: every spelling of a header is one variable. */
function atTheService(before: Record<string, string | string[]>, changes: Readonly<Record<string, unknown>>) {
  const headers = new Map(Object.entries(before));
  for (const [name, value] of Object.entries(changes)) {
    for (const sent of headers.keys()) if (sent.toLowerCase() === name.toLowerCase()) headers.delete(sent);
    if (!Array.isArray(value)) headers.set(name, value as string);
  }
  const variables = new Map<string, unknown[]>();
  for (const [name, value] of headers) {
    const variable = name.toUpperCase().replace(/[^A-Z0-9]/g, '_');
    variables.set(variable, [...(variables.get(variable) ?? []), value]);
  }
  return variables;
}

describe('whatever a client sends, under whatever configuration', () => {
  it('reaches a service only with a verified token or by leave of the configuration, and with no identity but that token’s', async () => {
    const seen = { identified: 0, anonymous: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(request, config, async (asked, settings) => {
        // The two contradict each other, and the parser says so.
        fc.pre(!(settings.allow_missing === true && settings.authorize));
        const headers = Object.create(null) as Record<string, string | string[]>;
        const queries: string[] = [];
        const sent = new Set<string>();
        for (const [prefix, which] of asked.carriers) {
          const [name = '', rest = ''] = prefix.startsWith('?') ? ['?', prefix.slice(1)] : prefix.split(/: /);
          sent.add(which);
          if (name === '?') queries.push(rest + tokens[which]!);
          else headers[name] = rest + tokens[which]!;
        }
        for (const [name, value] of asked.forged) headers[name] = value;
        if (asked.connection !== null) headers['connection'] = asked.connection;
        if (asked.preflight) Object.assign(headers, { origin: 'https://a', 'access-control-request-method': 'PUT' });

        const policy = policyOf(settings, new KeyList(key));
        const decision = await decide(
          { headers, method: asked.method, rawQuery: queries.join('&') },
          policy,
          createTokenCache(),
          () => NOW,
        );

        if (decision instanceof Refusal) {
          seen.refused += 1;
          return;
        }
        const isPreflight = settings.run_on_preflight === false && asked.preflight && asked.method === 'OPTIONS';
        const service = atTheService(headers, decision.headers);
        if (decision.token === undefined) {
          seen.anonymous += 1;
          expect(settings.allow_missing === true || isPreflight).toBe(true);
        } else {
          seen.identified += 1;
          const which = Object.keys(SUBJECTS).find((name) => SUBJECTS[name] === decision.token?.claims['sub']);
          expect(sent).toContain(which);
          if (settings.authorize?.[0] && 'roles' in settings.authorize[0]) expect(which).toBe('other');
        }
        const expected = decision.token?.claims['sub'];
        const writesId =
          policy.identity.headerNames.some((name) => /^x.user.id$/i.test(name)) && expected !== undefined;
        expect(service.get('X_USER_ID')).toEqual(writesId ? [expected] : undefined);
        const writesRoles = settings.identity_headers === undefined && expected !== undefined;
        expect(service.get('X_USER_ROLES')).toEqual(writesRoles ? [expected === 'bob' ? 'admin' : 'user'] : undefined);
        for (const name of ['X_TENANT', 'X_CONSUMER_ID']) expect(service.get(name)).toBeUndefined();
        // Kong acts on Connection after the plugin.
        expect(String(headers['connection'] ?? '')).not.toMatch(/x.user|x.tenant/i);
        if (settings.hide_credentials !== false && decision.token !== undefined) {
          for (const name of policy.sources.headerNames) {
            const left = String(service.get(name.toUpperCase().replace(/-/g, '_')) ?? '');
            // Credentials of another scheme are not the gateway's.
            expect(left).toMatch(/^$|^Basic /);
          }
          if (policy.sources.cookieNames.length > 0) {
            expect(String(service.get('COOKIE'))).not.toMatch(/session=/);
          }
          if (policy.needsQuery) expect(decision.rawQuery ?? queries.join('&')).not.toMatch(/access(_|%5F)token/i);
        }
      }),
      { numRuns: 2000 },
    );
    // The property would hold of a gatekeeper that refuses everything.
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(20);
  });
});
