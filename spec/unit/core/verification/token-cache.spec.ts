import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { requiredClaims } from '../../../../src/core/verification/claim-rules';
import { createTokenCache, verifyTokenOnce } from '../../../../src/core/verification/token-cache';
import { issuerDirectory } from '../../../../src/core/verification/issuer-directory';
import type { Trust } from '../../../../src/core/verification/trust';
import { trustedIssuer } from '../../../support/verified';
import { tokenCacheChannel, type TokenCacheMessage } from '../../../../src/telemetry/channels';
import { KeyList } from '../../../support/key-list';
import { signingKey, signToken, type SigningKey } from '../../../support/tokens';

const NOW = 1_800_000_000;
let key: SigningKey;
let token: string;
beforeAll(async () => {
  key = signingKey('ES256', 'k');
  token = await signToken(key, { iss: 'joe', sub: 'u1', exp: NOW + 60 });
});

function trust(id: string, keys: KeyList): Trust {
  const claimRules = { requiredClaims: requiredClaims(['exp']) };
  const issuer = trustedIssuer('joe', keys, { algorithms: new Set(['ES256']), claimRules });
  return { id, issuers: issuerDirectory([issuer]) };
}

describe('the cache of verified tokens', () => {
  const seen: TokenCacheMessage[] = [];
  const listen = (message: TokenCacheMessage): void => void seen.push(message);
  afterEach(() => {
    tokenCacheChannel.unsubscribe(listen);
    seen.length = 0;
  });

  it('recalls a token instead of verifying it again, and says so to whoever listens', async () => {
    tokenCacheChannel.subscribe(listen);
    const keys = new KeyList(key);
    const cache = createTokenCache();
    const first = await verifyTokenOnce(token, trust('a', keys), cache, () => NOW);
    const second = await verifyTokenOnce(token, trust('a', keys), cache, () => NOW + 1);
    expect(first).toHaveProperty('claims.sub', 'u1');
    expect(second).toBe(first);
    expect(keys.lookups).toBe(1);
    expect(seen).toEqual([{ hit: false }, { hit: true }]);
  });

  it('forgets a token that has expired', async () => {
    const cache = createTokenCache();
    await verifyTokenOnce(token, trust('a', new KeyList(key)), cache, () => NOW);
    const later = await verifyTokenOnce(token, trust('a', new KeyList(key)), cache, () => NOW + 60);
    expect(later).toMatchObject({ code: 'token_expired' });
    expect(cache.size).toBe(0);
  });

  it('forgets a token whose key has left the set', async () => {
    const keys = new KeyList(key);
    const cache = createTokenCache();
    await verifyTokenOnce(token, trust('a', keys), cache, () => NOW);
    keys.keys.length = 0;
    expect(await verifyTokenOnce(token, trust('a', keys), cache, () => NOW)).toMatchObject({ code: 'token_untrusted' });
    expect(cache.size).toBe(0);
  });

  it('never lets other trust settings use a verified token', async () => {
    const cache = createTokenCache();
    await verifyTokenOnce(token, trust('a', new KeyList(key)), cache, () => NOW);
    const other = trust('b', new KeyList(signingKey('ES256', 'k')));
    expect(await verifyTokenOnce(token, other, cache, () => NOW)).toMatchObject({ code: 'token_untrusted' });
  });

  it('never takes one token for another that begins or ends alike', async () => {
    const cache = createTokenCache();
    await verifyTokenOnce(token, trust('a', new KeyList(key)), cache, () => NOW);
    for (const other of [token.slice(0, -1), `${token}A`, token.slice(1), ` ${token}`]) {
      expect(await verifyTokenOnce(other, trust('a', new KeyList(key)), cache, () => NOW)).toHaveProperty('code');
    }
  });

  it('keeps no refusal, so random tokens take no room', async () => {
    const cache = createTokenCache();
    const settings = trust('a', new KeyList(key));
    for (let i = 0; i < 100; i += 1)
      await verifyTokenOnce(`${token.slice(0, -4)}${1000 + i}`, settings, cache, () => NOW);
    expect(cache.size).toBe(0);
  });

  it('is bounded by count and by bytes', async () => {
    const keys = new KeyList(key);
    const few = createTokenCache(2);
    const small = createTokenCache(100, 3 * token.length);
    for (const id of ['a', 'b', 'c', 'd']) {
      await verifyTokenOnce(token, trust(id, keys), few, () => NOW);
      await verifyTokenOnce(token, trust(id, keys), small, () => NOW);
    }
    expect(few.size).toBe(2);
    expect(small.size).toBe(2);
  });
});
