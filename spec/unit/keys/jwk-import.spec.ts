import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { importJwk } from '../../../src/keys/jwk-import';
import { publicJwk, signingKey } from '../../support/tokens';

const RSA = publicJwk(signingKey('RS256', 'rsa'));
const EC = publicJwk(signingKey('ES256', 'ec'));
const OCT = { kty: 'oct', k: Buffer.from('0123456789abcdef'.repeat(4)).toString('base64url') };
const RSA_ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'];
const reasonFor = (jwk: unknown, acceptSecrets = false): unknown =>
  (importJwk(jwk, acceptSecrets) as { reason?: string }).reason;
const algorithmsFor = (jwk: object, acceptSecrets = false): unknown => {
  const key = importJwk({ ...jwk, alg: undefined }, acceptSecrets);
  return 'key' in key ? key.algorithms : key;
};
/** An RSA key of which only the size counts. */
const rsaOf = (bits: number, e = 'AQAB'): object => {
  const n = randomBytes(bits / 8);
  n[0]! |= 0x80;
  n[n.length - 1]! |= 1;
  return { kty: 'RSA', n: n.toString('base64url'), e };
};
const edJwk = (type: 'ed25519' | 'ed448' | 'x25519'): object =>
  generateKeyPairSync(type as 'ed25519').publicKey.export({ format: 'jwk' });

describe('a JWK', () => {
  it('verifies what its type, curve and size allow', () => {
    expect(algorithmsFor(RSA)).toEqual(RSA_ALGORITHMS);
    expect(algorithmsFor(EC)).toEqual(['ES256']);
    expect(algorithmsFor(publicJwk(signingKey('ES384')))).toEqual(['ES384']);
    expect(algorithmsFor(publicJwk(signingKey('ES512')))).toEqual(['ES512']);
    expect(algorithmsFor(publicJwk(signingKey('EdDSA')))).toEqual(['EdDSA', 'Ed25519']);
    expect(algorithmsFor(OCT, true)).toEqual(['HS256', 'HS384', 'HS512']);
    expect(algorithmsFor({ kty: 'oct', k: OCT.k.slice(0, 43) }, true)).toEqual(['HS256']);
  });

  it('verifies only its own alg when it has one', () => {
    expect(importJwk(RSA, false)).toMatchObject({ kid: 'rsa', algorithms: ['RS256'] });
    expect(importJwk({ ...RSA, alg: 'PS384' }, false)).toMatchObject({ algorithms: ['PS384'] });
  });

  it('has no kid when it has none', () => {
    expect(importJwk({ ...EC, kid: undefined }, false)).toMatchObject({ kid: null });
    expect(importJwk({ ...EC, kid: '' }, false)).toMatchObject({ kid: '' });
  });

  it.each([null, undefined, 1, 'key', true, [EC]])('is no use when it is %j', (jwk) => {
    expect(reasonFor(jwk)).toBe('it is not an object');
  });

  it.each([
    ['it is a private key', signingKey('ES256').privateKey.export({ format: 'jwk' })],
    ['it is a private key', signingKey('RS256').privateKey.export({ format: 'jwk' })],
    ['it is a private key', { ...EC, d: '' }],
    ['it is a private key', { kty: 'AKP', alg: 'ML-DSA-44', pub: 'AA', priv: 'AA' }],
    ['it is a secret', OCT],
    ['its use is not sig', { ...RSA, use: 'enc' }],
    ['its use is not sig', { ...RSA, use: ['sig'] }],
    ['its key_ops do not include verify', { ...EC, key_ops: ['sign', 'encrypt'] }],
    ['its key_ops do not include verify', { ...EC, key_ops: 'verify' }],
    ['its kid is not a string', { ...EC, kid: 7 }],
    ['its kid is not a string', { ...EC, kid: null }],
    ['its kid is too long', { ...EC, kid: 'k'.repeat(1025) }],
    ['it cannot be read', { ...EC, kty: 'ES' }],
    ['it cannot be read', { ...EC, kty: undefined }],
    ['it cannot be read', { ...EC, crv: 'P-257' }],
    ['it cannot be read', { ...EC, crv: 'P-384' }],
    ['it cannot be read', { ...EC, x: EC['y'] }],
    ['it cannot be read', { ...EC, y: undefined }],
    ['it cannot be read', { ...EC, x: 7 }],
    ['it cannot be read', { kty: 'AKP', alg: 'ML-DSA-44', pub: 'AA' }],
    ['it fits no accepted algorithm, or its size is not accepted', { ...EC, alg: 'RS256' }],
    ['it fits no accepted algorithm, or its size is not accepted', { ...EC, alg: 'none' }],
    ['it fits no accepted algorithm, or its size is not accepted', { ...EC, alg: 7 }],
    ['it fits no accepted algorithm, or its size is not accepted', { ...RSA, alg: 'HS256' }],
    ['it fits no accepted algorithm, or its size is not accepted', { ...RSA, alg: 'RSA-OAEP' }],
    ['it fits no accepted algorithm, or its size is not accepted', edJwk('ed448')],
    ['it fits no accepted algorithm, or its size is not accepted', edJwk('x25519')],
  ])('is no use because %s', (reason, jwk) => {
    expect(reasonFor(jwk)).toBe(reason);
  });

  it.each([
    ['weak', rsaOf(1024)],
    ['weak', rsaOf(2040)],
    ['so large that a verification would take long', rsaOf(8200)],
    ['so large that a verification would take long', rsaOf(65_536)],
    ['one with which everyone can sign', rsaOf(2048, 'AQ')],
    ['one whose exponent makes it slow', rsaOf(2048, randomBytes(128).toString('base64url'))],
  ])('is no use when its RSA key is %s', (_, jwk) => {
    expect(reasonFor(jwk)).toMatch(/its size is not accepted/);
  });

  it.each([rsaOf(2048), rsaOf(4096), rsaOf(8192), rsaOf(2048, 'Aw')])('may be RSA of other sizes', (jwk) => {
    expect(algorithmsFor(jwk)).toEqual(RSA_ALGORITHMS);
  });

  it('may be a secret only where secrets are accepted, and is none when it is too short or no text', () => {
    expect(reasonFor({ kty: 'oct', k: 'c2hvcnQ' }, true)).toMatch(/its size is not accepted/);
    expect(reasonFor({ kty: 'oct', k: 7 }, true)).toBe('it cannot be read');
    expect(reasonFor({ kty: 'oct' }, true)).toBe('it cannot be read');
  });

  it('is not read from its certificate or from where that is said to be', () => {
    const key = importJwk({ ...EC, x5c: ['MIIB'], x5u: 'https://evil.test/', jku: 'https://evil.test/' }, false);
    expect(key).toMatchObject({ kid: 'ec', algorithms: ['ES256'] });
  });
});
