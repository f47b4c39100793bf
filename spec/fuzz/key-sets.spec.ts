import { isUtf8 } from 'node:buffer';
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ConfigError } from '../../schema/config-error';
import { parseConfig } from '../../schema/parse-config';
import { MAX_TRIED_KEYS, type VerificationKey } from '../../src/core/verification/key-source';
import { Refusal } from '../../src/core/refusal/refusal';
import { createTokenCache, verifyTokenOnce } from '../../src/core/verification/token-cache';
import { createDocumentFetcher } from '../../src/documents/document-fetcher';
import { FetchError } from '../../src/documents/fetch-error';
import { inlineKeySource } from '../../src/keys/inline-key-source';
import { selectKey } from '../../src/keys/key-selection';
import { readKeySet } from '../../src/keys/key-set-document';
import { closeServer } from '../support/echo-service';
import { keyFetchOf } from '../support/key-issuer';
import { ISSUER, policyOf } from '../support/policy';
import { pem, publicJwk, segment, signingKey, signToken, type SigningKey } from '../support/tokens';

const NOW = 1_800_000_000;
const MAX_KEYS = 100;
/** In whatever of a document could be taken for a secret. */
const MARK = 'hunter2';

type Jwk = Record<string, unknown>;
const jwkOf = ({ publicKey }: { publicKey: KeyObject }): Jwk => publicKey.export({ format: 'jwk' });
const rsa = (modulusLength: number, publicExponent = 0x10001): { publicKey: KeyObject; privateKey: KeyObject } =>
  generateKeyPairSync('rsa', { modulusLength, publicExponent });

/** What a provider signs with, and the same kinds in the hands of somebody else. */
const ALGORITHMS = ['RS256', 'PS256', 'ES256', 'ES384', 'ES512', 'EdDSA'] as const;
const own = ALGORITHMS.map((alg) => signingKey(alg, 'k'));
const foreign = ALGORITHMS.map((alg) => signingKey(alg, 'k'));

/** JWKs of every type, the good ones first; the others are too weak, of another use, or not public. */
const good = own.map((key) => publicJwk(key));
const SECRET: Jwk = { kty: 'oct', k: `${MARK}-${'x'.repeat(64)}`, alg: 'HS256' };
const bad: Jwk[] = [
  jwkOf(rsa(1024)),
  jwkOf(rsa(2048, 3)),
  jwkOf(generateKeyPairSync('ec', { namedCurve: 'secp256k1' })),
  jwkOf(generateKeyPairSync('ed448')),
  jwkOf(generateKeyPairSync('x25519')),
  SECRET,
  ...own.map(({ privateKey, alg }) => ({ ...privateKey.export({ format: 'jwk' }), alg })),
];

const MEMBERS = ['kty', 'crv', 'alg', 'use', 'key_ops', 'kid', 'n', 'e', 'x', 'y', 'k', 'd', 'p', 'oth', 'x5c'];
const value = fc.oneof(
  fc.constantFrom<unknown>(
    ...['RSA', 'EC', 'OKP', 'oct', 'P-256', 'P-521', 'Ed25519', 'secp256k1', 'RS256', 'HS256', 'none', 'sig', 'enc'],
    ...['', 'AQ', 'Ag', 'Aw', 'AQAB', 'AQAA', '_____________w', 'A'.repeat(10_000), '=', '+/', 'ü', '\ud800', MARK],
    ...[null, true, 0, 1e400, [], {}, ['verify'], ['sign'], [null], { length: 1 }],
  ),
  fc.base64String({ maxLength: 200 }),
  fc.jsonValue({ maxDepth: 2 }),
);

type Change = (jwk: Jwk) => Jwk;
function withMember(jwk: Jwk, name: string, changed: unknown): Jwk {
  const copy = { ...jwk };
  // An assignment to __proto__ would not make a member of it.
  Object.defineProperty(copy, name, { value: changed, enumerable: true, writable: true, configurable: true });
  return copy;
}
const memberName = fc.constantFrom(...MEMBERS, '__proto__', 'constructor', 'toString');
/** Some characters of a number are others, or fewer, or more. */
const damage: fc.Arbitrary<Change> = fc
  .tuple(fc.constantFrom('n', 'e', 'x', 'y'), fc.nat(9_999), fc.base64String({ maxLength: 4 }), fc.nat(4))
  .map(([name, at, added, removed]): Change => (jwk) => {
    const text = jwk[name];
    if (typeof text !== 'string') return jwk;
    const start = Math.floor((at / 10_000) * text.length);
    return { ...jwk, [name]: text.slice(0, start) + added + text.slice(start + removed) };
  });
const change: fc.Arbitrary<Change> = fc.oneof(
  damage,
  fc.tuple(memberName, value).map(
    ([name, changed]): Change =>
      (jwk) =>
        withMember(jwk, name, changed),
  ),
  fc.constantFrom(...MEMBERS).map((name): Change => {
    return (jwk) => Object.fromEntries(Object.entries(jwk).filter(([member]) => member !== name));
  }),
  // Members of another key of any type; everything that is no member of the type at hand is to be ignored.
  fc.constantFrom(...good, ...bad).map((other): Change => (jwk) => ({ ...other, ...jwk })),
  fc.constantFrom<Change>(
    (jwk) => withMember({}, '__proto__', jwk),
    (jwk) => ({ keys: [jwk] }),
  ),
);
const mutatedJwk = fc
  .tuple(fc.constantFrom(...good, ...good, ...bad), fc.array(change, { maxLength: 3 }))
  .map(([jwk, changes]) => changes.reduce((all, next) => next(all), jwk));
const keyDocument = fc
  .tuple(
    fc.array(fc.oneof({ weight: 9, arbitrary: mutatedJwk }, { weight: 1, arbitrary: value }), { maxLength: 5 }),
    fc.nat(40),
  )
  .map(([members, times]) => ({ keys: times > 30 ? Array<unknown[]>(times).fill(members).flat() : members }))
  // As it comes from the network.
  .map((body) => JSON.parse(JSON.stringify(body)) as { keys: unknown[] });

/** What a key may verify by its type or curve (RFC 7518 §3.1, RFC 8037 §3.1, RFC 9864), written down a second time. */
const FITTING: Readonly<Record<string, readonly string[]>> = {
  RSA: ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  'P-256': ['ES256'],
  'P-384': ['ES384'],
  'P-521': ['ES512'],
  Ed25519: ['EdDSA', 'Ed25519'],
};
const numberOf = (text: string | undefined): bigint =>
  BigInt(`0x0${Buffer.from(text ?? '', 'base64url').toString('hex')}`);

function expectSound({ kid, algorithms, key }: VerificationKey, members: readonly unknown[]): void {
  expect(key.type).toBe('public');
  const { kty, crv, n, e, ...rest } = key.export({ format: 'jwk' });
  expect(Object.keys(rest).filter((name) => !['x', 'y'].includes(name))).toEqual([]);
  const fitting = FITTING[crv ?? kty ?? ''];
  expect(fitting).toEqual(expect.arrayContaining([...algorithms]));
  expect(algorithms).not.toEqual([]);
  if (kty === 'RSA') {
    const bits = numberOf(n).toString(2).length;
    expect(bits >= 2048 && bits <= 8192).toBe(true);
    expect(numberOf(e) >= 3n && numberOf(e) <= 2n ** 32n).toBe(true);
  }
  // It comes from a member that says so: its own kid, its own algorithm, public, for signatures.
  const sources = members.filter((member): member is Jwk => {
    if (typeof member !== 'object' || member === null) return false;
    // Null, and an empty text or list, is how some providers write that there is none. An empty kid is a name.
    const present = Object.entries(member).filter(
      ([name, own]) => own !== null && (name === 'kid' || !['""', '[]'].includes(JSON.stringify(own))),
    );
    const { kid: ownKid = null, alg, use = 'sig', d, k = '' } = Object.fromEntries<unknown>(present);
    const isForThem = alg === undefined ? algorithms.length === fitting?.length : algorithms.join() === alg;
    return (
      ownKid === kid &&
      isForThem &&
      (use === 'sig' || use === 'jwt-svid') &&
      d === undefined &&
      (kty !== 'oct' || k === '')
    );
  });
  expect(sources).not.toEqual([]);
}

/** What came of a document. Anything but keys or a {@link FetchError} fails the spec. */
function outcome(body: unknown): readonly VerificationKey[] | FetchError {
  try {
    const { keys, skipped } = readKeySet(body, MAX_KEYS);
    for (const reason of skipped) expect(reason).toMatch(/^key \d+: [a-z_ ,]+$/);
    return keys;
  } catch (error) {
    expect(error).toBeInstanceOf(FetchError);
    expect((error as FetchError).message).toMatch(/^the (document|JWK set) [a-zA-Z0-9 ]+(\([a-z0-9_ ,;:]+\))?$/);
    return error as FetchError;
  }
}

describe('whatever a provider publishes as its keys', () => {
  it('becomes public keys of an accepted kind and strength, each tied to its algorithm, or a FetchError', () => {
    const seen = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(keyDocument, (body) => {
        const keys = outcome(body);
        if (keys instanceof FetchError) {
          seen.refused += 1;
          return;
        }
        seen.accepted += 1;
        expect(body.keys.length).toBeLessThanOrEqual(MAX_KEYS);
        for (const key of keys) {
          expectSound(key, body.keys);
          const kid = key.kid ?? undefined;
          for (const alg of key.algorithms) {
            const rivals = keys.filter((one) => one.algorithms.includes(alg) && (kid === undefined || one.kid === kid));
            const different = rivals.filter(
              (one, index) => rivals.findIndex(({ key: k }) => k.equals(one.key)) === index,
            );
            const most = kid === undefined ? MAX_TRIED_KEYS : 1;
            expect(selectKey(keys, { alg, kid }).status).toBe(different.length <= most ? 'found' : 'not_found');
          }
        }
      }),
      { numRuns: 1000 },
    );
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(50);
  });

  it('ends in a FetchError when it is no key set', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom('keys', '__proto__', 'length'), value)),
        (body) => {
          expect(outcome(JSON.parse(JSON.stringify(body)))).toBeInstanceOf(FetchError);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('never lets a token through that its own key did not sign', async () => {
    const claims = { iss: ISSUER.issuer, sub: 'u1', aud: 'orders', exp: NOW + 60 };
    const genuine = await Promise.all(own.map((key) => signToken(key, claims)));
    const forged = await Promise.all(own.map((key, i) => forgeries(key, foreign[i]!, claims)));
    const seen = { verified: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(
        fc.nat(own.length - 1),
        fc.array(fc.oneof(damage, change), { maxLength: 2 }),
        async (which, changes) => {
          const jwk = changes.reduce((all, next) => next(all), good[which]!);
          const keys = outcome(JSON.parse(JSON.stringify({ keys: [jwk] })));
          if (keys instanceof FetchError) return;
          const { trust } = policyOf(
            {},
            { find: (asked) => selectKey(keys, asked), holds: (key) => keys.includes(key) },
          );
          const verified = async (token: string): Promise<boolean> =>
            !((await verifyTokenOnce(token, trust, createTokenCache(), () => NOW)) instanceof Refusal);
          seen[(await verified(genuine[which]!)) ? 'verified' : 'refused'] += 1;
          for (const token of forged[which]!) expect(await verified(token)).toBe(false);
        },
      ),
      { numRuns: 300 },
    );
    expect(seen.verified).toBeGreaterThan(10);
    expect(seen.refused).toBeGreaterThan(0);
  });

  describe('over the network', () => {
    let bytes: Uint8Array = new Uint8Array();
    const provider = createServer((_request, response) => response.end(bytes));
    beforeAll(() => new Promise<void>((resolve) => provider.listen(0, '127.0.0.1', resolve)));
    afterAll(() => closeServer(provider));

    it('ends in a FetchError, or in what JSON.parse reads, whatever bytes it is made of', async () => {
      const fetchDocument = createDocumentFetcher(keyFetchOf({ max_bytes: 4096 }));
      const url = `http://127.0.0.1:${(provider.address() as AddressInfo).port}/jwks`;
      const text = fc.oneof(fc.json(), fc.string({ unit: 'binary' }), fc.constantFrom('['.repeat(4096), '"\ud800"'));
      const body = fc.oneof(
        fc.uint8Array({ maxLength: 100 }),
        fc.uint8Array({ minLength: 4090, maxLength: 4100 }),
        fc
          .uint8Array({ maxLength: 2 })
          .map((rest) => Buffer.concat([Buffer.from('{"keys":"'), rest, Buffer.from('"}')])),
        text.map((one) => Buffer.from(one)),
        fc.tuple(text, fc.uint8Array({ maxLength: 3 })).map(([one, rest]) => Buffer.concat([Buffer.from(one), rest])),
      );
      await fc.assert(
        fc.asyncProperty(body, async (sent) => {
          bytes = sent;
          const fetched = await fetchDocument(url, AbortSignal.timeout(60_000)).catch((error: unknown) => error);
          if (fetched instanceof FetchError) return;
          expect(isUtf8(sent)).toBe(true);
          expect(fetched).toMatchObject({
            status: 'ok',
            body: JSON.parse(Buffer.from(sent).toString('utf8')) as unknown,
          });
          outcome((fetched as { body: unknown }).body);
        }),
        { numRuns: 200 },
      );
    });
  });
});

/** Tokens that name the key and were not signed with it. */
async function forgeries(key: SigningKey, other: SigningKey, claims: object): Promise<string[]> {
  const genuine = await signToken(key, { ...claims });
  const [header = '', , signature = ''] = genuine.split('.');
  const input = `${header}.${segment({ ...claims, sub: 'u2' })}`;
  const hmacHeader = segment({ alg: 'HS256', kid: 'k' });
  const { n, x } = publicJwk(key);
  // Everybody has these, so nobody may sign with them.
  const secrets = [pem(key), pem(key).trim(), JSON.stringify(publicJwk(key)), String(n ?? x), ''];
  const hmacs = [...secrets, Buffer.from(String(n ?? x), 'base64url')].map((secret) => {
    const signed = `${hmacHeader}.${segment(claims)}`;
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
  });
  const zeros = Buffer.alloc(Buffer.from(signature, 'base64url').length).toString('base64url');
  return [
    await signToken(other, { ...claims }),
    `${input}.${signature}`,
    `${header}.${segment(claims)}.`,
    `${header}.${segment(claims)}.${zeros}`,
    `${segment({ alg: 'none', kid: 'k' })}.${segment(claims)}.`,
    ...hmacs,
  ];
}

describe('whatever stands in `jwks` of a configuration', () => {
  it('becomes keys of one kind, or a ConfigError that quotes nothing of it', () => {
    const text = fc.oneof(
      { weight: 6, arbitrary: keyDocument.map((body) => JSON.stringify(body)) },
      { weight: 2, arbitrary: fc.subarray([...good, SECRET]).map((keys) => JSON.stringify({ keys })) },
      { weight: 2, arbitrary: mutatedJwk.map((jwk) => JSON.stringify({ keys: [jwk] })) },
      { weight: 1, arbitrary: fc.json().map((json) => `${json}${MARK}`) },
      { weight: 1, arbitrary: fc.string({ unit: 'binary', minLength: 1 }) },
    );
    const seen = { accepted: 0, refused: 0 };
    fc.assert(
      fc.property(text, fc.constantFrom([], ['RS256', 'ES256'], ['HS256']), (jwks, algorithms) => {
        try {
          const { issuers } = parseConfig({ issuers: [{ issuer: 'https://a/', audiences: ['a'], jwks, algorithms }] });
          const source = inlineKeySource(issuers[0]!);
          seen.accepted += 1;
          const { keys } = JSON.parse(jwks) as { keys: unknown[] };
          const found = [...ALGORITHMS, 'HS256' as const].flatMap((alg) => {
            const lookup = source.find({ alg, kid: undefined });
            return 'key' in lookup ? [lookup.key] : [];
          });
          const secrets = found.filter(({ key }) => key.type === 'secret');
          expect(secrets).toHaveLength(secrets.length > 0 ? found.length : 0);
          if (algorithms.length === 0) for (const key of found) if (key.key.type === 'public') expectSound(key, keys);
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error;
          seen.refused += 1;
          expect(error.field).toMatch(/^config\.issuers(\[1\])?(\.jwks)?$/);
          expect(error.message).not.toContain(MARK);
        }
      }),
      { numRuns: 800 },
    );
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(20);
  });
});
