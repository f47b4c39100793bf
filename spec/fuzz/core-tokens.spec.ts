import { beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decodeCompactJws } from '../../src/core/verification/compact-jws';
import { Refusal } from '../../src/core/refusal/refusal';
import { createTokenCache, verifyTokenOnce } from '../../src/core/verification/token-cache';
import type { Trust } from '../../src/core/verification/trust';
import { KeyList } from '../support/key-list';
import { ISSUER, policyOf, SHARED_SECRET } from '../support/policy';
import { segment, signingKey, signToken, type SigningKey } from '../support/tokens';

const NOW = 1_800_000_000;
const ALGORITHMS = ['HS256', 'ES256', 'RS256', 'PS256', 'EdDSA'] as const;
const genuine: { key: SigningKey; token: string; trust: Trust }[] = [];
beforeAll(async () => {
  for (const alg of ALGORITHMS) {
    const key = signingKey(alg, 'k');
    const token = await signToken(key, { iss: ISSUER.issuer, sub: 'u1', aud: 'orders', exp: NOW + 60, roles: ['a'] });
    genuine.push({ key, token, trust: policyOf(alg === 'HS256' ? SHARED_SECRET : {}, new KeyList(key)).trust });
  }
});

/** One change of a text. */
type Edit = (text: string) => string;
const position = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const character = fc.oneof(
  fc.constantFrom(...Array.from('ABab01-_.=+/~ \t\n"{}\0é')),
  fc.string({ minLength: 1, maxLength: 1, unit: 'binary' }),
);
const at = (text: string, where: number): number => Math.floor(where * text.length);

const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.tuple(position, character).map(([where, char]): Edit => {
    return (text) => text.slice(0, at(text, where)) + char + text.slice(at(text, where) + 1);
  }),
  fc.tuple(position, character).map(([where, char]): Edit => {
    return (text) => text.slice(0, at(text, where)) + char + text.slice(at(text, where));
  }),
  fc.tuple(position, position).map(([from, to]): Edit => {
    return (text) => text.slice(0, at(text, from)) + text.slice(at(text, to));
  }),
  fc.tuple(position, fc.boolean()).map(([where, upper]): Edit => {
    const change = (char: string): string => (upper ? char.toUpperCase() : char.toLowerCase());
    return (text) => text.slice(0, at(text, where)) + change(text.slice(at(text, where)));
  }),
  // Segments swapped, doubled or emptied.
  fc.shuffledSubarray([0, 1, 2]).map((order): Edit => {
    return (text) => order.map((index) => text.split('.')[index] ?? '').join('.');
  }),
  fc.constantFrom<Edit>(
    (text) => `${text}=`,
    (text) => text.replaceAll('-', '+').replaceAll('_', '/'),
    (text) => text.replace(/.$/, 'A'),
    (text) => ` ${text}`,
  ),
  // The same content, written by another JSON writer; or with other members.
  fc
    .tuple(
      fc.constantFrom(0, 1),
      fc.dictionary(fc.constantFrom('alg', 'kid', 'sub', 'exp', 'crit', 'jwk'), fc.jsonValue()),
    )
    .map(([index, members]): Edit => {
      return (text) => {
        const segments = text.split('.');
        try {
          const parsed = JSON.parse(Buffer.from(segments[index] ?? '', 'base64url').toString()) as object;
          segments[index] = segment({ ...parsed, ...members });
        } catch {
          segments[index] = segment(members);
        }
        return segments.join('.');
      };
    }),
);

describe('a genuine token of which anything was changed', () => {
  it('is never verified, and never found in the cache of its original', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(ALGORITHMS.length - 1),
        fc.array(edit, { minLength: 1, maxLength: 4 }),
        async (which, edits) => {
          const { token, trust } = genuine[which]!;
          const cache = createTokenCache();
          expect(await verifyTokenOnce(token, trust, cache, () => NOW)).toHaveProperty('claims.sub', 'u1');
          const changed = edits.reduce((text, change) => change(text), token);
          const result = await verifyTokenOnce(changed, trust, cache, () => NOW);
          expect(result instanceof Refusal).toBe(changed !== token);
        },
      ),
      { numRuns: 600 },
    );
  });

  it('is never verified with the keys of another issuer', async () => {
    for (const { token } of genuine) {
      for (const other of genuine.filter((one) => one.token !== token)) {
        expect(await verifyTokenOnce(token, other.trust, createTokenCache(), () => NOW)).toBeInstanceOf(Refusal);
      }
    }
  });
});

describe('a text that is decoded as a token', () => {
  it('has only one spelling: encoding what was read gives the same text', () => {
    const part = fc.oneof(
      fc.string(),
      fc.base64String(),
      fc.jsonValue().map(segment),
      fc.uint8Array().map((bytes) => segment(Buffer.from(bytes))),
    );
    fc.assert(
      fc.property(fc.array(part, { minLength: 3, maxLength: 3 }), (parts) => {
        const text = parts.join('.');
        const result = decodeCompactJws(text);
        if (result instanceof Refusal) return;
        const bytes = text.split('.').map((one) => Buffer.from(one, 'base64url'));
        expect(bytes.map((one) => one.toString('base64url')).join('.')).toBe(text);
        expect(JSON.parse(bytes[0]!.toString())).toEqual(result.header);
        expect(JSON.parse(bytes[1]!.toString())).toEqual(result.claims);
      }),
      { numRuns: 2000 },
    );
  });
});
