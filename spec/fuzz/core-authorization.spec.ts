import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { parseConfig } from '../../schema/parse-config';
import { authorizationRules, authorize } from '../../src/core/authorization/authorization';
import type { Claims } from '../../src/core/claim-selector';
import { ISSUER } from '../support/policy';
import { verifiedToken } from '../support/verified';

const WORDS = ['admin', 'support', 'read', 'write', 'acme/1', 'acme/2', '7', 'true'];
const word = fc.constantFrom(...WORDS);
const words = fc.uniqueArray(word, { minLength: 1, maxLength: 3 });

/** Where rules look, besides the scopes. */
const CLAIMS = ['roles', 't', '/realm/roles', '/realm/t', '/t'];
const condition = fc
  .tuple(
    fc.constantFrom('scope', ...CLAIMS),
    fc.oneof(
      words.map((one_of) => ({ one_of })),
      fc.constantFrom({ matches: ['acme/*'] }, { matches: ['*a*', 't*'] }, { present: true }),
    ),
  )
  .map(([claim, kind]) => ({ claim, ...kind }));
const rule = fc
  .record(
    {
      methods: fc.subarray(['GET', 'POST', 'DELETE'], { minLength: 1 }),
      roles: words,
      scopes: words,
      claims: fc.array(condition, { minLength: 1, maxLength: 2 }),
    },
    { requiredKeys: [] },
  )
  .filter(({ roles, scopes, claims }) => (roles ?? scopes ?? claims) !== undefined);

/** What a claim may hold: mostly words, one or many, and now and then anything. */
const scalar = fc.oneof(
  { weight: 6, arbitrary: word },
  { weight: 1, arbitrary: fc.constantFrom(7, true, null, '', 1e21) },
);
const held = fc.oneof(
  { weight: 4, arbitrary: fc.array(scalar, { maxLength: 5 }) },
  { weight: 2, arbitrary: fc.array(word, { maxLength: 4 }).map((items) => items.join(' ')) },
  { weight: 2, arbitrary: scalar },
  { weight: 1, arbitrary: fc.array(fc.array(word, { maxLength: 2 }), { maxLength: 2 }) },
  { weight: 1, arbitrary: fc.dictionary(fc.constantFrom('roles', '0', 'length', '__proto__'), word) },
);
const scopes = fc.oneof(
  fc.array(word, { maxLength: 3 }).map((items) => items.join(' ')),
  held,
);
const claimSet = fc.record(
  { roles: held, scope: scopes, t: held, realm: fc.record({ roles: held, t: held }, { requiredKeys: [] }) },
  { requiredKeys: [] },
);

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** Everything that a claim set becomes when one thing is taken from it: a member, an item, or a word of the scopes. */
function reductions(value: Json, inScope = false): Json[] {
  if (typeof value === 'string') {
    if (!inScope) return [];
    const all = value.split(' ');
    return all.length < 2 ? [] : all.map((_, i) => all.filter((_one, at) => at !== i).join(' '));
  }
  if (typeof value !== 'object' || value === null) return [];
  const entries = Object.entries(value);
  const rebuilt = (changed: [string, Json][]): Json =>
    Array.isArray(value) ? changed.map(([, item]) => item) : Object.fromEntries(changed);
  return entries.flatMap(([name, member], i) => [
    rebuilt(entries.filter((_, at) => at !== i)),
    ...reductions(member, name === 'scope').map((less) =>
      rebuilt(entries.map((entry, at) => (at === i ? [name, less] : entry))),
    ),
  ]);
}

describe('whatever rules a route has, and whatever a token says', () => {
  it('nothing that is taken from the token turns a refusal into a grant', () => {
    const seen = { granted: 0, refused: 0, reduced: 0 };
    fc.assert(
      fc.property(
        fc.array(rule, { minLength: 1, maxLength: 3 }),
        fc.constantFrom('GET', 'HEAD', 'POST', 'PATCH'),
        fc.constantFrom(...CLAIMS),
        claimSet,
        (entries, method, rolesClaim, claims) => {
          const config = { issuers: [ISSUER], authorize: entries, roles_claim: rolesClaim };
          const parsed = parseConfig(config);
          const compiled = authorizationRules(parsed)!;
          const may = (has: Json): boolean =>
            authorize(verifiedToken(has as Claims, parsed), method, compiled) === undefined;
          if (may(claims)) {
            seen.granted += 1;
            return;
          }
          seen.refused += 1;
          for (const less of reductions(claims)) {
            seen.reduced += 1;
            expect({ less, granted: may(less) }).toEqual({ less, granted: false });
          }
        },
      ),
      { numRuns: 2000 },
    );
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(10);
  });

  it('no rule that is given more to demand grants what it refused', () => {
    fc.assert(
      fc.property(rule, condition, claimSet, (entry, added, claims) => {
        const may = (demands: typeof entry): boolean => {
          const config = parseConfig({ issuers: [ISSUER], authorize: [demands] });
          return authorize(verifiedToken(claims, config), 'GET', authorizationRules(config)!) === undefined;
        };
        if (!may(entry)) expect(may({ ...entry, claims: [...(entry.claims ?? []), added] })).toBe(false);
      }),
      { numRuns: 1000 },
    );
  });
});
