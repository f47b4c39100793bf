import { describe, expect, it } from '@jest/globals';
import type { KeyLookup, VerificationKey } from '../../../src/core/verification/key-source';
import { inlineKeySource } from '../../../src/keys/inline-key-source';
import { issuerOf, keySetOf, type KeyLike } from '../../support/key-issuer';
import { pem, publicJwk, signingKey } from '../../support/tokens';
import { CERTIFICATE } from '../../support/pem-certificate';

const [one, two] = [signingKey('ES256', '1'), signingKey('RS256', '2')];
const SECRET = 'a secret of at least 32 characters';
const open = (fields: Readonly<Record<string, unknown>>): ReturnType<typeof inlineKeySource> =>
  inlineKeySource(issuerOf(fields));
const jwks = (...keys: readonly KeyLike[]): { jwks: string } => ({ jwks: JSON.stringify(keySetOf(...keys)) });
const keyOf = (lookup: unknown): VerificationKey | undefined => (lookup as { key?: VerificationKey }).key;

describe('keys that stand in the configuration', () => {
  it('are found by kid and alg, and held for ever', () => {
    const source = open(jwks(one, two));
    const found = keyOf(source.find({ alg: 'ES256', kid: '1' }))!;
    expect(found.key.equals(one.publicKey)).toBe(true);
    expect(source.holds(found)).toBe(true);
    expect(source.holds({ ...found })).toBe(false);
    expect(source.find({ alg: 'ES256', kid: '2' })).toMatchObject({ reason: 'no_matching_key' });
  });

  it.each<[string, Readonly<Record<string, unknown>>, 'RS256' | 'ES256' | 'HS256']>([
    ['a PEM key', { public_key: pem(two) }, 'RS256'],
    ['a certificate', { public_key: CERTIFICATE }, 'ES256'],
    ['a secret', { secret: SECRET }, 'HS256'],
  ])('are the only key whatever kid a token names, from %s', (_, fields, alg) => {
    const source = open(fields);
    const lookups = [undefined, '1', '__proto__'].map((kid) => source.find({ alg, kid }) as KeyLookup);
    expect(lookups.map(({ status }) => status)).toEqual(['found', 'found', 'found']);
    expect(source.holds(keyOf(lookups[0])!)).toBe(true);
  });

  it('do only what the issuer may use', () => {
    const source = open({ public_key: pem(two), algorithms: ['PS256'] });
    expect(source.find({ alg: 'PS256', kid: undefined })).toMatchObject({ status: 'found' });
    expect(source.find({ alg: 'RS256', kid: undefined })).toMatchObject({ status: 'not_found' });
  });

  it.each([
    ['jwks', jwks(), /^config.issuers.jwks: the JWK set has no usable key/],
    [
      'jwks',
      jwks({ kty: 'XYZ' }, { ...one.privateKey.export({ format: 'jwk' }) }),
      /no usable key \(key 1: its kty is not supported; key 2: it is a private key\)/,
    ],
    ['jwks', jwks({ kty: 'oct', k: Buffer.from(pem(two)).toString('base64url') }), /its k is a public key/],
    ['jwks', jwks(...Array<KeyLike>(1001).fill(one)), /has more than 1000 keys/],
    ['jwks', jwks(one, { kty: 'oct', k: 'A'.repeat(86) }), /mixes secrets \(oct\) and public keys/],
    ['jwks', { ...jwks(one), algorithms: ['RS256'] }, /holds no key that fits an accepted algorithm/],
    [
      'public_key',
      { public_key: CERTIFICATE.replace('MIIB', 'AAAA') },
      /cannot be read as a public key or a certificate/,
    ],
    ['public_key', { public_key: pem(one), algorithms: ['RS256'] }, /holds no key that fits an accepted algorithm/],
  ])('are refused with the field that is at fault: %s', (field, fields, message) => {
    expect(() => open(fields)).toThrow(message);
    expect(() => open(fields)).toThrow(
      expect.objectContaining({ name: 'ConfigError', field: `config.issuers.${field}` }),
    );
    expect(() => open(fields)).toThrow(/\(issuer https:\/\/auth\.test\/\)$/);
  });

  it('are found although other keys of the set are of no use, and the reasons are told (RFC 7517 §5)', () => {
    const skipped: unknown[] = [];
    const config = issuerOf(jwks({ kty: 'XYZ' }, one, { ...publicJwk(two), use: 'enc' }, { ...publicJwk(one) }));
    const source = inlineKeySource(config, (reasons) => skipped.push(...reasons));
    expect(source.find({ alg: 'ES256', kid: '1' })).toMatchObject({ status: 'found' });
    expect(source.find({ alg: 'RS256', kid: '2' })).toMatchObject({ status: 'not_found' });
    expect(skipped).toEqual(['key 1: its kty is not supported', 'key 3: its use is not sig']);
  });

  it('are never a secret that is a public key, beside another secret (C2)', () => {
    const secret = { kty: 'oct', k: 'A'.repeat(86), kid: 's' };
    const source = open(jwks(secret, { kty: 'oct', k: Buffer.from(pem(two)).toString('base64url'), kid: 'p' }));
    expect(source.find({ alg: 'HS256', kid: 's' })).toMatchObject({ status: 'found' });
    expect(source.find({ alg: 'HS256', kid: 'p' })).toMatchObject({ status: 'not_found' });
  });

  it('are never quoted in what is said about them', () => {
    const jwk = { ...publicJwk(one), kty: 'secret-type', x: 'secret-value' };
    expect(() => open(jwks(jwk))).toThrow(expect.objectContaining({ message: expect.not.stringContaining('secret-') }));
  });
});
