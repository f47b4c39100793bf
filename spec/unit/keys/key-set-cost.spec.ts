import crypto, { generateKeyPairSync } from 'node:crypto';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { FetchError } from '../../../src/documents/fetch-error';
import { readKeySet } from '../../../src/keys/key-set-document';
import { keyFetchOf } from '../../support/key-issuer';

// `createPublicKey` is an import of the code under test, so it is counted where Node's module keeps it.
jest.mock('node:crypto', () => {
  const actual = jest.requireActual<typeof crypto>('node:crypto');
  return { ...actual, createPublicKey: jest.fn(actual.createPublicKey) };
});

const imports = (): readonly unknown[][] => jest.mocked(crypto.createPublicKey).mock.calls;
const DEFAULTS = keyFetchOf();
/** What the schema allows an operator to set `max_keys` to. */
const MOST_KEYS = 1000;

const text = (bytes: number): string => Buffer.alloc(bytes, 0xff).toString('base64url');
const N = text(256);
/** The kinds of JWK with every member as long as it likes. */
const KINDS: readonly [string, (size: number) => object][] = [
  ['an RSA exponent', (size) => ({ kty: 'RSA', n: N, e: text(size) })],
  ['an RSA modulus', (size) => ({ kty: 'RSA', n: text(size), e: 'AQAB' })],
  ['EC coordinates', (size) => ({ kty: 'EC', crv: 'P-521', x: text(size), y: text(size) })],
  ['an Ed25519 point', (size) => ({ kty: 'OKP', crv: 'Ed25519', x: text(size) })],
  ['an unknown type', (size) => ({ kty: text(size), n: text(size) })],
  ['an unknown curve', (size) => ({ kty: 'EC', crv: text(size), x: text(66), y: text(66) })],
  ['a kid', (size) => ({ kty: 'RSA', n: N, e: 'AQAB', kid: text(size) })],
  ['an alg', (size) => ({ kty: 'RSA', n: N, e: 'AQAB', alg: text(size) })],
  ['key_ops', (size) => ({ kty: 'RSA', n: N, e: 'AQAB', key_ops: Array<string>(Math.ceil(size / 8)).fill('sign') })],
  [
    'a certificate chain',
    (size) => ({ kty: 'RSA', n: N, e: 'AQAB', x5c: Array<string>(Math.ceil(size / 1000)).fill(text(750)) }),
  ],
  [
    'members of another name',
    (size) => Object.fromEntries(Array.from({ length: size / 16 }, (_, at) => [`m${at}`, 1])),
  ],
];

/** CPU milliseconds. A key set that grew in cost with the square of its members took 38,000 to 184,000 (150 to 380 KB). */
function cpuMs(work: () => unknown): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

const read = (body: object, maxKeys: number): unknown => {
  try {
    return readKeySet(body, maxKeys);
  } catch (error) {
    if (error instanceof FetchError) return error;
    throw error;
  }
};

function jwkOf(kind: string): crypto.JsonWebKey {
  const { publicKey } =
    kind === 'ed25519' ? generateKeyPairSync('ed25519') : generateKeyPairSync('ec', { namedCurve: kind });
  return publicKey.export({ format: 'jwk' });
}

describe('the cost of a key set (J1, J2)', () => {
  afterEach(() => {
    jest.clearAllMocks();
  });

  it.each(KINDS)('does not depend on the length of %s: nothing of more than 1400 characters is parsed', (_, make) => {
    for (const size of [16, 4000, 1_000_000]) read({ keys: [make(size)] }, 100);
    for (const [input] of imports()) {
      const { key } = input as { key: Buffer | object };
      const members = Buffer.isBuffer(key) ? [key.toString('hex')] : Object.values(key);
      for (const member of members) expect(String(member ?? '').length).toBeLessThanOrEqual(1400);
    }
  });

  it.each(KINDS)(
    'is bounded for the largest document that the defaults allow, filled with one key with %s',
    (_, make) => {
      const body = JSON.parse(JSON.stringify({ keys: [make(DEFAULTS.maxBytes / 3)] })) as object;
      expect(cpuMs(() => read(body, DEFAULTS.maxKeys))).toBeLessThan(500);
    },
  );

  it.each(['P-256', 'P-384', 'P-521', 'rsa', 'ed25519'])(
    'is at most one import a key, for as many keys as the schema allows, each of them good: %s',
    (kind) => {
      // One pair for all: a process of Node 20 that made thousands here waited for a lock that nobody gave back.
      const made = kind === 'rsa' ? undefined : jwkOf(kind);
      const keys = Array.from({ length: MOST_KEYS }, (_, at) => {
        const kid = String(at);
        if (made !== undefined) return { ...made, kid };
        const n = Buffer.alloc(1024, 0xff);
        n.writeUInt32BE(0x80000000 + at);
        return { kty: 'RSA', n: n.toString('base64url'), e: 'AQAB', kid };
      });
      jest.clearAllMocks();
      const ms = cpuMs(() => {
        expect(readKeySet({ keys }, MOST_KEYS).keys).toHaveLength(MOST_KEYS);
      });
      expect(imports()).toHaveLength(MOST_KEYS);
      if (process.env['MEASURE'] !== undefined)
        process.stderr.write(`${kind}: ${ms.toFixed(0)} ms for ${MOST_KEYS} keys\n`);
      // From a JWK, Node multiplies each point by the order of its group: 1 ms a key for P-521, not 0.15.
      if (kind === 'P-384' || kind === 'P-521')
        expect(imports().every(([input]) => (input as { format: string }).format === 'der')).toBe(true);
    },
  );

  it('is one look at the number of its keys when it has too many', () => {
    const body = { keys: Array<object>(200_000).fill({ kty: 'RSA', n: N, e: 'AQAB' }) };
    expect(read(body, 100)).toBeInstanceOf(FetchError);
    expect(imports()).toHaveLength(0);
  });
});
