import { describe, expect, it } from '@jest/globals';
import type { VerificationKey } from '../../../src/core/verification/key-source';
import { importJwk } from '../../../src/keys/jwk-import';
import { restrictKeys, selectKey } from '../../../src/keys/key-selection';
import { publicJwk, signingKey } from '../../support/tokens';

const keyOf = (jwk: unknown): VerificationKey => importJwk(jwk, false) as VerificationKey;
const without = (jwk: Record<string, unknown>, ...names: string[]): Record<string, unknown> =>
  Object.fromEntries(Object.entries(jwk).filter(([name]) => !names.includes(name)));

const rsa = publicJwk(signingKey('RS256', 'rsa'));
const anyRsa = keyOf(without(rsa, 'alg'));
const [ec, otherEc, nameless] = [
  keyOf(publicJwk(signingKey('ES256', 'ec'))),
  keyOf(publicJwk(signingKey('ES256', 'ec-2'))),
  keyOf(publicJwk(signingKey('ES384'))),
];

describe('the key for a token', () => {
  it('is the one with its kid', () => {
    expect(selectKey([ec, otherEc, anyRsa], { alg: 'ES256', kid: 'ec-2' })).toEqual({ status: 'found', key: otherEc });
    expect(selectKey([ec, otherEc, anyRsa], { alg: 'PS512', kid: 'rsa' })).toEqual({ status: 'found', key: anyRsa });
  });

  it('is none when no key has its kid, even if only one could do its alg', () => {
    for (const kid of ['', 'EC', 'ec ', '__proto__', 'ec'.repeat(5000), '/etc/passwd', 'https://evil.test/jwks']) {
      expect(selectKey([ec], { alg: 'ES256', kid })).toEqual({ status: 'not_found', reason: 'no_matching_key' });
    }
    expect(selectKey([nameless], { alg: 'ES384', kid: 'k' })).toMatchObject({ status: 'not_found' });
  });

  it('is none when the key with its kid cannot do its alg', () => {
    expect(selectKey([ec, anyRsa], { alg: 'RS256', kid: 'ec' })).toMatchObject({ reason: 'no_matching_key' });
    expect(selectKey([keyOf(rsa)], { alg: 'PS256', kid: 'rsa' })).toMatchObject({ reason: 'no_matching_key' });
  });

  it('is, without a kid, the only one that can do its alg', () => {
    expect(selectKey([ec, nameless], { alg: 'ES384', kid: undefined })).toEqual({ status: 'found', key: nameless });
    expect(selectKey([ec, nameless], { alg: 'ES256', kid: undefined })).toEqual({ status: 'found', key: ec });
    expect(selectKey([ec, otherEc], { alg: 'ES256', kid: undefined })).toMatchObject({ reason: 'ambiguous_key' });
    expect(selectKey([], { alg: 'ES256', kid: undefined })).toMatchObject({ reason: 'no_matching_key' });
  });

  it('is none when two have the same kid and could do its alg', () => {
    const twin = { ...otherEc, kid: 'ec' };
    expect(selectKey([ec, twin], { alg: 'ES256', kid: 'ec' })).toEqual({
      status: 'not_found',
      reason: 'ambiguous_key',
    });
  });

  it('is told apart by alg when two have the same kid', () => {
    const twin = { ...anyRsa, kid: 'ec' };
    expect(selectKey([ec, twin], { alg: 'RS256', kid: 'ec' })).toEqual({ status: 'found', key: twin });
  });
});

describe('keys of an issuer that names its algorithms', () => {
  it('lose the others, and those that are left with none go', () => {
    expect(restrictKeys([ec, anyRsa], ['RS256'])).toEqual([{ ...anyRsa, algorithms: ['RS256'] }]);
    expect(restrictKeys([ec, anyRsa], [])).toEqual([ec, anyRsa]);
  });
});
