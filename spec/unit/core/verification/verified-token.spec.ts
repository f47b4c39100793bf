import { createHmac } from 'node:crypto';
import { beforeAll, describe, expect, it } from '@jest/globals';
import type { JWTPayload } from 'jose';
import { ALGORITHMS } from '../../../../schema/algorithms';
import { audienceRule, requiredClaims } from '../../../../src/core/verification/claim-rules';
import { issuerDirectory } from '../../../../src/core/verification/issuer-directory';
import type { TrustedIssuer } from '../../../../src/core/verification/trusted-issuer';
import { Refusal } from '../../../../src/core/refusal/refusal';
import { isStillValid, verifyToken, type VerifiedToken } from '../../../../src/core/verification/verified-token';
import { KeyList } from '../../../support/key-list';
import { trustedIssuer } from '../../../support/verified';
import { pem, publicJwk, segment, signingKey, signToken, type SigningKey } from '../../../support/tokens';

const NOW = 1_800_000_000;
const ISSUER = 'https://auth.example.com/';

let rsa: SigningKey;
let ec: SigningKey;
beforeAll(() => {
  rsa = signingKey('RS256', 'rsa');
  ec = signingKey('ES256', 'ec');
});

const claims = (changes: JWTPayload = {}): JWTPayload => ({
  iss: ISSUER,
  sub: 'u1',
  aud: 'orders',
  exp: NOW + 60,
  ...changes,
});

function issuer(keys: KeyList, algorithms: readonly string[] = ALGORITHMS, name = ISSUER): TrustedIssuer {
  return trustedIssuer(name, keys, {
    algorithms: new Set(algorithms),
    claimRules: { audience: audienceRule('aud', ['orders']), requiredClaims: requiredClaims(['exp', 'sub']) },
  });
}

async function verify(token: string, ...issuers: readonly TrustedIssuer[]): Promise<unknown> {
  const result = await verifyToken(token, issuerDirectory(issuers), () => NOW);
  return result instanceof Refusal ? { code: result.code, reason: result.reason } : result.claims;
}

describe('a genuine token', () => {
  it.each(ALGORITHMS)('is verified when signed with %s', async (alg) => {
    const key = signingKey(alg, 'k');
    expect(await verify(await signToken(key, claims()), issuer(new KeyList(key)))).toEqual(claims());
  });

  it('is told apart by issuer, each with its own keys', async () => {
    const other = issuer(new KeyList(ec), ALGORITHMS, 'https://other.example.com/');
    const own = issuer(new KeyList(rsa));
    expect(await verify(await signToken(rsa, claims()), own, other)).toMatchObject({ sub: 'u1' });
    const foreign = await signToken(ec, claims({ iss: other.issuer }));
    expect(await verify(foreign, own, other)).toMatchObject({ sub: 'u1' });
  });
});

describe('a token that is not genuine', () => {
  it('is refused when the right key signed for the wrong issuer', async () => {
    const other = issuer(new KeyList(ec), ALGORITHMS, 'https://other.example.com/');
    expect(await verify(await signToken(rsa, claims({ iss: other.issuer })), issuer(new KeyList(rsa)), other)).toEqual({
      code: 'token_untrusted',
      reason: 'no_matching_key',
    });
  });

  it.each([
    ['without the trailing slash', 'https://auth.example.com'],
    ['with a longer path', 'https://auth.example.com/realms'],
    ['with the issuer as a prefix', 'https://auth.example.com/.evil.example'],
    ['in another case', 'https://AUTH.example.com/'],
    ['with a port', 'https://auth.example.com:443/'],
    ['that is a list', [ISSUER]],
    ['that is an object', { toString: ISSUER }],
    ['named after something inherited', '__proto__'],
    ['that is absent', undefined],
  ])('is refused with an issuer %s', async (_, iss) => {
    expect(await verify(await signToken(rsa, claims({ iss: iss as string })), issuer(new KeyList(rsa)))).toEqual({
      code: 'token_untrusted',
      reason: 'iss is none of the issuers',
    });
  });

  it('is refused with the slash at the end that its issuer does not have', async () => {
    const bare = issuer(new KeyList(rsa), ALGORITHMS, 'https://auth.example.com');
    expect(await verify(await signToken(rsa, claims({ iss: `${bare.issuer}/` })), bare)).toMatchObject({
      reason: 'iss is none of the issuers',
    });
  });

  it('is refused when its claims were changed after signing', async () => {
    const [header, , signature] = (await signToken(rsa, claims())).split('.');
    const forged = `${header!}.${segment(claims({ sub: 'admin' }))}.${signature!}`;
    expect(await verify(forged, issuer(new KeyList(rsa)))).toMatchObject({ reason: 'signature does not fit' });
  });

  it('is refused when another key of the same kid signed it', async () => {
    const token = await signToken(signingKey('RS256', 'rsa'), claims());
    expect(await verify(token, issuer(new KeyList(rsa)))).toMatchObject({ reason: 'signature does not fit' });
  });

  it.each([['none'], ['None'], ['NONE'], ['nOnE'], [undefined]])('is refused unsigned, with alg %s', async (alg) => {
    for (const signature of ['', 'AAAA']) {
      const token = `${segment({ alg, kid: 'rsa' })}.${segment(claims())}.${signature}`;
      expect(await verify(token, issuer(new KeyList(rsa)))).toHaveProperty('code');
    }
  });

  it('is refused when the public key was used as an HMAC secret, in every form that key has', async () => {
    const forms = [
      pem(rsa),
      pem(rsa).trim(),
      rsa.publicKey.export({ type: 'spki', format: 'der' }),
      rsa.publicKey.export({ type: 'pkcs1', format: 'pem' }),
      JSON.stringify(publicJwk(rsa)),
    ];
    for (const secret of forms) {
      const input = `${segment({ alg: 'HS256', kid: 'rsa' })}.${segment(claims())}`;
      const token = `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
      // Both when HMAC is not allowed and when a configuration allows everything.
      expect(await verify(token, issuer(new KeyList(rsa), ['RS256']))).toMatchObject({ code: 'token_untrusted' });
      expect(await verify(token, issuer(new KeyList(rsa)))).toMatchObject({ code: 'token_untrusted' });
    }
  });

  it('is refused with an algorithm that its key could do but the issuer may not use', async () => {
    const ps = { ...rsa, alg: 'PS256' as const };
    const keys = new KeyList(ps);
    const token = await signToken(ps, claims());
    expect(await verify(token, issuer(keys))).toMatchObject({ sub: 'u1' });
    expect(await verify(token, issuer(keys, ['RS256']))).toMatchObject({
      reason: 'alg is not one of the accepted algorithms',
    });
  });

  it.each([
    ['all zeros', Buffer.alloc(64)],
    ['too short', Buffer.alloc(63, 1)],
    ['too long', Buffer.alloc(65, 1)],
    ['DER instead of raw', Buffer.from('3006020101020101', 'hex')],
    ['all ones', Buffer.alloc(64, 0xff)],
  ])('is refused, not a failure, when its ECDSA signature is %s', async (_, signature) => {
    const token = `${segment({ alg: 'ES256', kid: 'ec' })}.${segment(claims())}.${signature.toString('base64url')}`;
    expect(await verify(token, issuer(new KeyList(ec)))).toEqual({
      code: 'token_untrusted',
      reason: 'signature does not fit',
    });
  });

  it('is refused when it brings its own key', async () => {
    const own = signingKey('ES256', 'ec');
    const token = await signToken(own, claims(), { jwk: publicJwk(own) });
    expect(await verify(token, issuer(new KeyList(ec)))).toMatchObject({ reason: 'signature does not fit' });
  });

  it('is judged by its claims only after its signature', async () => {
    const expired = await signToken(signingKey('RS256', 'rsa'), claims({ exp: 1 }));
    expect(await verify(expired, issuer(new KeyList(rsa)))).toMatchObject({ code: 'token_untrusted' });
    expect(await verify(await signToken(rsa, claims({ exp: 1 })), issuer(new KeyList(rsa)))).toMatchObject({
      code: 'token_expired',
    });
  });

  it('is refused without a kid when none of the keys that fit signed it, and tries no other key', async () => {
    const [first, second, stranger] = [signingKey('RS256'), signingKey('RS256'), signingKey('RS256')];
    const [candidate, other] = new KeyList(first, second).keys;
    const keys = new KeyList();
    keys.answer = { status: 'found', key: candidate!, others: [other!] };
    for (const key of [first, second]) {
      expect(await verify(await signToken(key, claims()), issuer(keys))).toMatchObject({ sub: 'u1' });
    }
    expect(await verify(await signToken(stranger, claims()), issuer(keys))).toMatchObject({
      reason: 'signature does not fit',
    });
    keys.answer = { status: 'found', key: candidate! };
    expect(await verify(await signToken(second, claims()), issuer(keys))).toMatchObject({ code: 'token_untrusted' });
  });

  it('is refused when it names no caller where the entry says how to read one', async () => {
    const named = issuer(new KeyList(rsa));
    const readCaller = (read: object, iss: string): ReturnType<TrustedIssuer['readCaller']> => ({
      ...{ id: undefined, roles: [], scopes: [], issuer: iss, tenant: undefined, claims: { ...read } },
    });
    const token = await signToken(rsa, claims());
    const own = { id: true, roles: false, scopes: false };
    expect(await verify(token, { ...named, readCaller, own })).toEqual({
      code: 'claim_missing',
      reason: 'none of caller_claims',
    });
    expect(await verify(token, { ...named, readCaller, own: { ...own, id: false } })).toMatchObject({ sub: 'u1' });
  });

  it('is refused when it is malformed or of another type', async () => {
    expect(await verify('a.b.c', issuer(new KeyList(rsa)))).toMatchObject({ code: 'token_malformed' });
    const logout = await signToken(rsa, claims(), { typ: 'logout+jwt' });
    expect(await verify(logout, issuer(new KeyList(rsa)))).toMatchObject({ code: 'token_type_not_accepted' });
  });
});

describe('keys that are not to be had', () => {
  it('are no fault of the token: the answer says when to come back', async () => {
    const keys = new KeyList(rsa);
    keys.answer = { status: 'unavailable', retryAfterSeconds: 7 };
    const result = await verifyToken(await signToken(rsa, claims()), issuerDirectory([issuer(keys)]), () => NOW);
    expect(result).toMatchObject({ code: 'keys_unavailable', hints: { retryAfterSeconds: 7 } });
  });

  it('make the token wait, and its time is judged when the keys are there', async () => {
    const keys = new KeyList(rsa);
    let now = NOW;
    const slow = {
      holds: () => true,
      find: (request: { alg: string; kid: string | undefined }) => {
        now += 120;
        return Promise.resolve(keys.find(request));
      },
    };
    const trusted = { ...issuer(keys), keysOf: () => slow };
    expect(await verifyToken(await signToken(rsa, claims()), issuerDirectory([trusted]), () => now)).toMatchObject({
      code: 'token_expired',
    });
  });

  it('are described to an observer, and to nobody else', async () => {
    const keys = Object.assign(new KeyList(), { findings: () => ['the set has none'] });
    const told: string[] = [];
    const trusted = issuerDirectory([issuer(keys)]);
    await verifyToken(
      await signToken(rsa, claims()),
      trusted,
      () => NOW,
      (stage, finding) => {
        if (stage === 'key') told.push(finding);
      },
    );
    expect(told).toEqual(['the set has none']);
  });

  it('that are no verification keys are our fault, not a verdict on the token', async () => {
    const keys = new KeyList({ ...rsa, publicKey: rsa.privateKey });
    await expect(verify(await signToken(rsa, claims()), issuer(keys))).rejects.toThrow(TypeError);
  });
});

describe('a token that was verified before', () => {
  it('is good until it expires or its key is gone', async () => {
    const keys = new KeyList(rsa);
    const token = await signToken(rsa, claims());
    const result = (await verifyToken(token, issuerDirectory([issuer(keys)]), () => NOW)) as VerifiedToken;
    expect(isStillValid(result, () => NOW + 59)).toBe(true);
    expect(isStillValid(result, () => NOW + 60)).toBe(false);
    keys.keys.length = 0;
    expect(isStillValid(result, () => NOW)).toBe(false);
  });
});
