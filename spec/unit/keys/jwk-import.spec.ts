import {
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  verify,
  type JsonWebKey,
  type KeyObject,
} from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import type { VerificationKey } from '../../../src/core/verification/key-source';
import { importJwk } from '../../../src/keys/jwk-import';
import { algorithmsOf } from '../../../src/keys/key-algorithms';
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

  it('keeps a kid of 1024 characters, and the issuer for whose tokens it counts', () => {
    const [kid, issuer] = ['k'.repeat(1024), 'i'.repeat(2048)];
    expect(importJwk({ ...EC, kid, issuer }, false)).toMatchObject({ kid, issuer });
    for (const none of [undefined, null, '']) {
      expect(importJwk({ ...EC, issuer: none }, false)).not.toHaveProperty('issuer');
    }
  });

  it('has no kid when it has none', () => {
    expect(importJwk({ ...EC, kid: undefined }, false)).toMatchObject({ kid: null });
    expect(importJwk({ ...EC, kid: '' }, false)).toMatchObject({ kid: '' });
  });

  it('is what it would be without members that are null, empty texts or empty lists', () => {
    const names = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'priv', 'k', 'use', 'alg', 'key_ops', 'x5c', 'x5t', 'x5u'];
    for (const empty of [null, '', []]) {
      const padded = { ...RSA, ...Object.fromEntries(names.map((name) => [name, empty])) };
      expect(importJwk(padded, false)).toMatchObject({ kid: 'rsa', algorithms: RSA_ALGORITHMS });
    }
    expect(importJwk({ ...EC, kid: null }, false)).toMatchObject({ kid: null });
  });

  it('is still private, or of no use, when such a member holds anything', () => {
    expect(reasonFor({ ...RSA, oth: [{}] })).toBe('it is a private key');
    expect(reasonFor({ ...RSA, d: 0 })).toBe('it is a private key');
    expect(reasonFor({ ...EC, key_ops: [null] })).toBe('its key_ops do not include verify');
    expect(reasonFor({ ...RSA, n: null })).toBe('its n is not a string');
  });

  it.each(['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'priv'])('is private by its member %s alone', (name) => {
    expect(reasonFor({ ...RSA, [name]: 'AA' })).toBe('it is a private key');
  });

  it('verifies when its key_ops include verify, beside others', () => {
    expect(importJwk({ ...EC, key_ops: ['wrapKey', 'verify'] }, false)).toMatchObject({ algorithms: ['ES256'] });
  });

  it('verifies when its use is that of a SPIFFE JWT-SVID, and not of an X.509-SVID', () => {
    expect(importJwk({ ...EC, use: 'jwt-svid' }, false)).toMatchObject({ algorithms: ['ES256'] });
    expect(reasonFor({ ...EC, use: 'x509-svid' })).toBe('its use is not sig');
  });

  it('says that a certificate alone is not enough', () => {
    expect(reasonFor({ kty: 'RSA', kid: 'a', x5c: ['MIIB'] })).toBe(
      'it has a certificate (x5c) and no n and e beside it',
    );
    expect(reasonFor({ kty: 'EC', crv: 'P-256', x5c: ['MIIB'] })).toMatch(/no x and y beside it$/);
    expect(reasonFor({ kty: 'RSA', e: 'AQAB', x5c: ['MIIB'] })).toBe('its n is not a string');
  });

  it.each([null, undefined, 1, 'key', true, [EC]])('is no use when it is %j', (jwk) => {
    expect(reasonFor(jwk)).toBe('it is not an object');
  });

  it.each([
    ['it is a private key', signingKey('ES256').privateKey.export({ format: 'jwk' })],
    ['it is a private key', signingKey('RS256').privateKey.export({ format: 'jwk' })],
    ['it is a private key', { ...EC, d: ' ' }],
    ['it is a private key', { kty: 'AKP', alg: 'ML-DSA-44', pub: 'AA', priv: 'AA' }],
    ['it is a secret', OCT],
    ['its use is not sig', { ...RSA, use: 'enc' }],
    ['its use is not sig', { ...RSA, use: ['sig'] }],
    ['its key_ops do not include verify', { ...EC, key_ops: ['sign', 'encrypt'] }],
    ['its key_ops do not include verify', { ...EC, key_ops: 'verify' }],
    ['its kid is not a string', { ...EC, kid: 7 }],
    ['its kid is not a string', { ...EC, kid: [] }],
    ['its kid is too long', { ...EC, kid: 'k'.repeat(1025) }],
    ['its issuer is not a string, or too long', { ...EC, issuer: 7 }],
    ['its issuer is not a string, or too long', { ...EC, issuer: ['https://auth.test/'] }],
    ['its issuer is not a string, or too long', { ...EC, issuer: 'i'.repeat(2049) }],
    ['its kty is not supported', { ...EC, kty: 'ES' }],
    ['its kty is not supported', { ...EC, kty: undefined }],
    ['its kty is not supported', { ...EC, kty: ['EC'] }],
    ['its kty is not supported', { ...EC, kty: '__proto__' }],
    ['its crv is not supported', { ...EC, crv: 'P-257' }],
    ['its crv is not supported', { ...EC, crv: undefined }],
    ['its crv is not supported', { ...EC, crv: 'Ed25519' }],
    ['its crv is not supported', { ...publicJwk(signingKey('EdDSA')), crv: 'P-256' }],
    ['its crv is not supported', { ...EC, crv: 'secp256k1' }],
    ['it cannot be read', { ...EC, crv: 'P-384' }],
    ['it cannot be read', { ...EC, x: EC['y'] }],
    ['it cannot be read', { ...publicJwk(signingKey('ES384')), y: EC['y'] }],
    ['it cannot be read', { ...publicJwk(signingKey('ES512')), x: 'A'.repeat(88) }],
    ['it cannot be read', { ...publicJwk(signingKey('ES384')), x: '_'.repeat(80) }],
    ['it cannot be read', { kty: 'OKP', crv: 'Ed25519', x: 'AA' }],
    ['its y is not a string', { ...EC, y: undefined }],
    ['its x is not a string', { ...EC, x: 7 }],
    ['its e is not a string', { ...RSA, e: [65537] }],
    ['its kty is not supported', { kty: 'AKP', alg: 'ML-DSA-44', pub: 'AA' }],
    ['its n is too long', { ...RSA, n: 'A'.repeat(1377) }],
    ['its e is too long', { ...RSA, e: 'A'.repeat(17) }],
    ['its x is too long', { ...EC, x: 'A'.repeat(97) }],
    ['its y is too long', { ...EC, y: 'A'.repeat(97) }],
    ['its x is too long', { ...publicJwk(signingKey('EdDSA')), x: 'A'.repeat(97) }],
    ['it fits no accepted algorithm, or it is weak or too large', { ...EC, alg: 'RS256' }],
    ['it fits no accepted algorithm, or it is weak or too large', { ...EC, alg: 'none' }],
    ['it fits no accepted algorithm, or it is weak or too large', { ...EC, alg: 7 }],
    ['it fits no accepted algorithm, or it is weak or too large', { ...RSA, alg: 'HS256' }],
    ['it fits no accepted algorithm, or it is weak or too large', { ...RSA, alg: 'RSA-OAEP' }],
    ['its crv is not supported', edJwk('ed448')],
    ['its crv is not supported', edJwk('x25519')],
  ])('is no use because %s', (reason, jwk) => {
    expect(reasonFor(jwk)).toBe(reason);
  });

  const UNSOUND = 'it fits no accepted algorithm, or it is weak or too large';
  it.each([
    [UNSOUND, 'weak', rsaOf(1024)],
    [UNSOUND, 'weak', rsaOf(2040)],
    [UNSOUND, 'weak', { ...rsaOf(2048), n: Buffer.alloc(256, 0x7f).toString('base64url') }],
    [UNSOUND, 'so large that a verification would take long', rsaOf(8200)],
    ['its n is too long', 'huge', rsaOf(65_536)],
    [UNSOUND, 'one with which everyone can sign (e = 1)', rsaOf(2048, 'AQ')],
    [UNSOUND, 'one with an even exponent (e = 2)', rsaOf(2048, 'Ag')],
    [UNSOUND, 'one with an even exponent (e = 2^32)', rsaOf(2048, 'AQAAAAA')],
    [UNSOUND, 'one with an exponent above 2^32', rsaOf(2048, 'AQAAAAE')],
    [UNSOUND, 'one with an exponent of 12 bytes', rsaOf(2048, '_'.repeat(16))],
    [UNSOUND, 'one with the exponent 0', rsaOf(2048, 'AAAA')],
    [UNSOUND, 'one with an even modulus', { ...rsaOf(2048), n: Buffer.alloc(256, 0xfe).toString('base64url') }],
    ['its e is too long', 'one whose exponent makes it slow', rsaOf(2048, randomBytes(128).toString('base64url'))],
  ])('is no use because %s when its RSA key is %s', (reason, _, jwk) => {
    expect(reasonFor(jwk)).toBe(reason);
  });

  it.each([
    ['2048 bits', rsaOf(2048)],
    [
      '2049 bits',
      { ...rsaOf(2048), n: Buffer.concat([Buffer.from([1]), Buffer.alloc(256, 0xff)]).toString('base64url') },
    ],
    ['4096 bits', rsaOf(4096)],
    ['8192 bits', rsaOf(8192)],
    [
      '8192 bits, a leading zero byte and padding',
      { ...rsaOf(8192), n: Buffer.concat([Buffer.alloc(1), Buffer.alloc(1024, 0xff)]).toString('base64') },
    ],
    ['the exponent 3', rsaOf(2048, 'Aw')],
    ['the exponent 2^32 - 1', rsaOf(2048, '_____w')],
    ['the exponent 65537 with leading zero bytes and padding', rsaOf(2048, 'AAAAAAABAAE=')],
  ])('may be RSA with %s', (_, jwk) => {
    expect(algorithmsFor(jwk)).toEqual(RSA_ALGORITHMS);
  });

  it.each(['P-256', 'P-384', 'P-521'])(
    'may be EC on %s, also when a coordinate is written with a zero too many',
    (namedCurve) => {
      const jwk = generateKeyPairSync('ec', { namedCurve }).publicKey.export({ format: 'jwk' });
      const padded = (text = ''): string =>
        Buffer.concat([Buffer.alloc(1), Buffer.from(text, 'base64url')]).toString('base64');
      const [plain, long] = [jwk, { ...jwk, x: padded(jwk.x), y: padded(jwk.y) }].map((one) => importJwk(one, false));
      expect((long as VerificationKey).key.equals((plain as VerificationKey).key)).toBe(true);
      expect((plain as VerificationKey).key.export({ format: 'jwk' })).toEqual(jwk);
    },
  );

  it('is no use when it is RSA bound to PSS parameters (RFC 4055): no alg says these', () => {
    const { publicKey } = generateKeyPairSync('rsa-pss', {
      modulusLength: 2048,
      hashAlgorithm: 'sha256',
      mgf1HashAlgorithm: 'sha256',
    });
    expect(algorithmsOf(publicKey)).toEqual([]);
  });

  describe('with an Ed25519 point of small order', () => {
    const points = [
      ...['00'.repeat(32), `01${'00'.repeat(31)}`, `ec${'ff'.repeat(30)}7f`],
      '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
      'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
      ...[`ed${'ff'.repeat(30)}7f`, `ee${'ff'.repeat(30)}7f`],
    ].flatMap((hex) => {
      const point = Buffer.from(hex, 'hex');
      const negative = Buffer.from(point);
      negative[31]! |= 0x80;
      return [point, negative];
    });
    const jwkOf = (point: Buffer): object => ({ kty: 'OKP', crv: 'Ed25519', x: point.toString('base64url') });
    /** R is the neutral element, S is 0: made without any key. */
    const forged = Buffer.concat([Buffer.from([1]), Buffer.alloc(63)]);

    it.each(points.map((point) => [point.toString('hex'), point] as const))('is no use: %s', (_, point) => {
      expect(reasonFor(jwkOf(point))).toBe(UNSOUND);
    });

    // Node 24 and later find such a signature wrong by themselves.
    const itUntilNode24 = Number(process.versions.node.split('.', 1)[0]) < 24 ? it : it.skip;
    itUntilNode24('would let everyone sign', () => {
      const verified = points.filter((point) => {
        let key: KeyObject;
        try {
          key = createPublicKey({ format: 'jwk', key: jwkOf(point) as JsonWebKey });
        } catch {
          return false;
        }
        return Array.from({ length: 100 }, (__, at) => verify(null, Buffer.from([at]), key, forged)).includes(true);
      });
      expect(verified.length).toBeGreaterThanOrEqual(8);
    });
  });

  it('may be a secret only where secrets are accepted, and is none when it is too short or no text', () => {
    expect(reasonFor({ kty: 'oct', k: 'c2hvcnQ' }, true)).toBe(UNSOUND);
    expect(reasonFor({ kty: 'oct', k: 7 }, true)).toBe('its k is not a string');
    expect(reasonFor({ kty: 'oct' }, true)).toBe('its k is not a string');
  });

  it('is the secret whose bytes it names in Base64url', () => {
    const bytes = randomBytes(64);
    const { key } = importJwk({ kty: 'oct', k: bytes.toString('base64url') }, true) as VerificationKey;
    expect(key.export()).toEqual(bytes);
  });

  it('is no secret when it is a public key, which everyone may know (C2)', () => {
    const { publicKey } = signingKey('RS256');
    for (const secret of [
      publicKey.export({ format: 'pem', type: 'spki' }),
      publicKey.export({ format: 'der', type: 'spki' }),
    ]) {
      const k = Buffer.from(secret).toString('base64url');
      expect(reasonFor({ kty: 'oct', k }, true)).toBe('its k is a public key or certificate, which everyone may know');
    }
  });

  it('is not read from its certificate or from where that is said to be', () => {
    const key = importJwk({ ...EC, x5c: ['MIIB'], x5u: 'https://evil.test/', jku: 'https://evil.test/' }, false);
    expect(key).toMatchObject({ kid: 'ec', algorithms: ['ES256'] });
  });
});
