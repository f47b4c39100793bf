import type { JsonWebKey } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { keepIdentity, readKeySet, writeKeySet } from '../../../src/keys/key-set-document';
import { keySetOf } from '../../support/key-issuer';
import { publicJwk, signingKey } from '../../support/tokens';

const [one, two] = [signingKey('ES256', '1'), signingKey('RS256', '2')];
const kids = (body: unknown): unknown[] => readKeySet(body, 100).keys.map(({ kid }) => kid);

describe('a fetched key set', () => {
  it('is read with its usable keys, in their order', () => {
    expect(kids(keySetOf(two, one))).toEqual(['2', '1']);
    expect(kids({ ...keySetOf(one), other: 'members', are: ['ignored'] })).toEqual(['1']);
  });

  it('leaves out what is of no use, and says why, without the key', () => {
    const privateJwk = { ...one.privateKey.export({ format: 'jwk' }), kid: 'leak' };
    const body = keySetOf({ kty: 'XYZ' }, one, { ...publicJwk(two), use: 'enc' }, privateJwk, {
      kty: 'oct',
      k: 'AAAA',
    });
    const { keys, skipped } = readKeySet(body, 100);
    expect(keys.map(({ kid }) => kid)).toEqual(['1']);
    expect(skipped).toEqual([
      'key 1: its kty is not supported',
      'key 3: its use is not sig',
      'key 4: it is a private key',
      'key 5: it is a secret',
    ]);
    expect(skipped.join()).not.toContain(privateJwk.d);
  });

  it('holds a key once that stands in it twice', () => {
    expect(kids(keySetOf(one, { ...publicJwk(one), x5t: 'thumbprint' }, two))).toEqual(['1', '2']);
  });

  it('keeps two keys that share a kid apart', () => {
    expect(kids(keySetOf(one, signingKey('ES256', '1')))).toEqual(['1', '1']);
  });

  it.each([
    ...[null, undefined, 1, '', 'keys', [], [publicJwk(one)], {}, { keys: null }, { keys: {} }, { Keys: [] }],
    Object.create({ keys: [publicJwk(one)] }),
  ])('is none when it is %j', (body) => {
    expect(() => readKeySet(body, 100)).toThrow('the document is not a JWK set');
  });

  it('is refused when it has no usable key, because the keys from before are better', () => {
    expect(() => readKeySet(keySetOf(), 100)).toThrow('the JWK set has no usable key');
    const useless = [{ kty: 'XYZ' }, { kty: 'oct', k: 'AAAA' }, ...Array<JsonWebKey>(22).fill({ kty: 'EC' })];
    expect(() => readKeySet(keySetOf(...useless.slice(0, 2)), 100)).toThrow(
      /no usable key \(key 1: its kty is not supported; key 2: it is a secret\)$/,
    );
    expect(() => readKeySet(keySetOf(...useless), 100)).toThrow(/; key 20: its x is not a string; and 4 more\)$/);
  });

  it('tells every reason to whoever asks for details', () => {
    const fault = (): unknown => readKeySet(keySetOf(...Array<JsonWebKey>(30).fill({ kty: 'XYZ' })), 100);
    expect(fault).toThrow(
      expect.objectContaining({
        details: Array.from({ length: 30 }, (_, at) => `key ${at + 1}: its kty is not supported`),
      }),
    );
  });

  it('names the right address when it is Google’s map of certificates', () => {
    const map = { '7d3': '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n' };
    expect(() => readKeySet(map, 100)).toThrow(
      /^the document is a map of certificates, .*https:\/\/www\.googleapis\.com\/oauth2\/v3\/certs .*service_accounts\/v1\/jwk\//,
    );
    expect(() => readKeySet({ ...map, note: 'x' }, 100)).toThrow('the document is not a JWK set');
  });

  it('is refused when it has too many keys, usable or not', () => {
    const body = keySetOf(one, {}, {});
    expect(kids(body)).toEqual(['1']);
    expect(() => readKeySet(body, 2)).toThrow('the JWK set has more than 2 keys');
  });
});

describe('keys that were there before', () => {
  const read = (body: unknown): ReturnType<typeof keepIdentity> => [...readKeySet(body, 100).keys];

  it('stay the very objects that they were', () => {
    const known = read(keySetOf(one, two));
    const kept = keepIdentity(read(keySetOf(two, signingKey('ES256', '3'), one)), known);
    expect(kept[0]).toBe(known[1]);
    expect(kept[2]).toBe(known[0]);
    expect(kept.map(({ kid }) => kid)).toEqual(['2', '3', '1']);
  });

  it('are new ones when anything about them changed: kid, alg, issuer or the key itself', () => {
    const known = read(keySetOf(one, two));
    const changed = [
      { ...publicJwk(one), kid: 'other' },
      { ...publicJwk(one), issuer: 'https://other.test/' },
      { ...publicJwk(two), alg: 'PS256' },
      signingKey('ES256', '1'),
    ];
    for (const key of keepIdentity(read(keySetOf(...changed)), known)) expect(known).not.toContain(key);
  });
});

describe('a key set that is written', () => {
  it('still says for whose tokens each key counts', () => {
    const { keys } = readKeySet(keySetOf({ ...publicJwk(one), issuer: 'https://one.test/' }, two), 100);
    const again = readKeySet(JSON.parse(JSON.stringify(writeKeySet(keys))), 100);
    expect(again.keys.map(({ issuer }) => issuer)).toEqual(['https://one.test/', undefined]);
  });

  it('is read again as the same keys, and holds nothing else of them', () => {
    const rsa = publicJwk(two);
    delete rsa['alg'];
    const { keys } = readKeySet(
      keySetOf(
        { ...publicJwk(one), x5c: ['MIIB'], note: 'x' },
        rsa,
        signingKey('EdDSA'),
        publicJwk(signingKey('ES384', '')),
      ),
      100,
    );
    const written = writeKeySet(keys);
    expect(JSON.stringify(written)).not.toMatch(/x5c|note|"d"/);
    const again = readKeySet(JSON.parse(JSON.stringify(written)), 100);
    expect(again.skipped).toEqual([]);
    expect(keepIdentity(again.keys, keys)).toEqual(keys);
    keepIdentity(again.keys, keys).forEach((key, index) => {
      expect(key).toBe(keys[index]);
    });
  });
});
