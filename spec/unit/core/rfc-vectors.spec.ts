import { describe, expect, it } from '@jest/globals';
import type { Algorithm } from '../../../schema/config';
import { decodeCompactJws } from '../../../src/core/verification/compact-jws';
import type { VerificationKey } from '../../../src/core/verification/key-source';
import { Refusal } from '../../../src/core/refusal/refusal';
import { isSignedBy } from '../../../src/core/verification/signature';
import { issuerDirectory, type IssuerDirectory } from '../../../src/core/verification/issuer-directory';
import { verifyToken } from '../../../src/core/verification/verified-token';
import { trustedIssuer } from '../../support/verified';
import { importJwk } from '../../../src/keys/jwk-import';
import { selectKey } from '../../../src/keys/key-selection';
import { ALGORITHMS } from '../../../schema/algorithms';
import vectors from '../../fixtures/rfc-vectors.json';

/** The last second in which the tokens of RFC 7515 are valid. */
const VALID_UNTIL = 1_300_819_379;

function keyOf(jwk: object): VerificationKey {
  const key = importJwk(jwk, true);
  if ('reason' in key) throw new Error(key.reason);
  return key;
}

function joe(key: VerificationKey): IssuerDirectory {
  const keys = { find: (request: Parameters<typeof selectKey>[1]) => selectKey([key], request), holds: () => true };
  return issuerDirectory([trustedIssuer('joe', keys, { algorithms: new Set(ALGORITHMS) })]);
}

describe.each(vectors.signed)('the example of $source, signed with $alg', ({ alg, jwk, token, isJwt }) => {
  const key = keyOf(jwk);

  it('has a good signature, with its own algorithm only', async () => {
    expect(await isSignedBy(token, alg as Algorithm, key)).toBe(true);
    for (const other of key.algorithms.filter((one) => one !== alg)) {
      expect(await isSignedBy(token, other, key)).toBe(false);
    }
  });

  it('has none when a bit of it or of its signature is changed', async () => {
    const [header, payload, signature] = token.split('.') as [string, string, string];
    const flipped = (text: string, at: number): string => {
      const bytes = Buffer.from(text, 'base64url');
      bytes[at % bytes.length]! ^= 1;
      return bytes.toString('base64url');
    };
    for (const at of [0, 7, 31]) {
      expect(await isSignedBy(`${header}.${flipped(payload, at)}.${signature}`, alg as Algorithm, key)).toBe(false);
      expect(await isSignedBy(`${header}.${payload}.${flipped(signature, at)}`, alg as Algorithm, key)).toBe(false);
    }
    expect(await isSignedBy(`${header}.${payload}.${signature.slice(0, -4)}`, alg as Algorithm, key)).toBe(false);
  });

  it('is verified as a JWT until it expires, if it is one', async () => {
    const verdict = async (now: number): Promise<unknown> => {
      const result = await verifyToken(token, joe(key), () => now);
      return result instanceof Refusal ? result.code : result.claims;
    };
    expect(await verdict(VALID_UNTIL)).toEqual(
      isJwt ? { iss: 'joe', exp: 1_300_819_380, 'http://example.com/is_root': true } : 'token_malformed',
    );
    expect(await verdict(VALID_UNTIL + 1)).toBe(isJwt ? 'token_expired' : 'token_malformed');
  });
});

describe.each(vectors.refused)('the example of $source', ({ token }) => {
  it('is refused', async () => {
    const key = keyOf(vectors.signed[0]!.jwk);
    expect(decodeCompactJws(token)).toBeInstanceOf(Refusal);
    expect(await verifyToken(token, joe(key), () => VALID_UNTIL)).toBeInstanceOf(Refusal);
  });
});
