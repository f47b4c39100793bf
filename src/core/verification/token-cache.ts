import { LRUCache } from 'lru-cache';
import { tokenCacheChannel } from '../../telemetry/channels';
import type { Observer } from '../observer';
import type { Refusal } from '../refusal/refusal';
import type { Trust } from './trust';
import { isStillValid, verifyToken, type Clock, type VerifiedToken } from './verified-token';

/** Verified tokens of one process, by trust settings and token. */
export type TokenCache = LRUCache<string, VerifiedToken>;

/**
 * Returns an empty cache. Its size is bounded by count and by the tokens' length, the least recently used go first.
 * Only verified tokens get in, so random tokens cannot push them out.
 *
 * @param maxTokens - how many tokens at the most
 * @param maxBytes - how many bytes of tokens at the most; a cached token costs a few times its length in memory
 */
export function createTokenCache(maxTokens = 20_000, maxBytes = 32 * 1024 * 1024): TokenCache {
  return new LRUCache({ max: maxTokens, maxSize: maxBytes, sizeCalculation: (_, key) => key.length });
}

/**
 * Verifies a token, or recalls that it was verified under the very same trust settings. The cache key is the whole
 * token and the whole trust (fast-jwt CVE-2026-35039 cut it short); key set and time are asked on every hit; nothing
 * about the route is in the cache, so a hit never skips a route's rules (Oathkeeper CVE-2021-32701). Refusals are not
 * cached. A hit is answered synchronously.
 */
export function verifyTokenOnce(
  token: string,
  trust: Trust,
  cache: TokenCache,
  clock: Clock,
  observe?: Observer,
): VerifiedToken | Promise<VerifiedToken | Refusal> {
  const cacheKey = trust.id + token;
  const cached = cache.get(cacheKey);
  const hit = cached !== undefined && isStillValid(cached, clock);
  if (tokenCacheChannel.hasSubscribers) tokenCacheChannel.publish({ hit });
  if (hit) return cached;
  // Dropped also when the verification below never ends.
  if (cached !== undefined) cache.delete(cacheKey);
  return verifyToken(token, trust.issuers, clock, observe).then((result) => {
    if ('claims' in result) cache.set(cacheKey, result);
    return result;
  });
}
