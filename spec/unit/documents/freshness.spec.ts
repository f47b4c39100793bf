import { describe, expect, it } from '@jest/globals';
import { lifetimeSeconds } from '../../../src/documents/freshness';
import { keyFetchOf } from '../../support/key-issuer';

const NOTHING = { cacheControl: undefined, age: undefined, expires: undefined, date: undefined };
const DATE = 'Tue, 01 Sep 2026 10:00:00 GMT';
const config = keyFetchOf({ ttl: 600, min_ttl: 60, max_ttl: 3600 });
const lifetime = (headers: Partial<typeof NOTHING> | Record<string, string>): number =>
  lifetimeSeconds({ ...NOTHING, ...headers }, config);

describe('the lifetime of a fetched key set', () => {
  it('is ttl when the provider says nothing', () => {
    expect(lifetime({})).toBe(600);
    expect(lifetime({ cacheControl: 'public, must-revalidate', age: '100' })).toBe(600);
    expect(lifetime({ cacheControl: '' })).toBe(600);
  });

  it('is what it was before when a provider confirms the set and says nothing', () => {
    expect(lifetimeSeconds(NOTHING, config, { unsaid: 1234 })).toBe(1234);
    expect(lifetimeSeconds({ ...NOTHING, cacheControl: 'max-age=300' }, config, { unsaid: 1234 })).toBe(300);
  });

  it.each([
    ['max-age=300', 300],
    ['public, MAX-AGE=300, immutable', 300],
    ['max-age="300"', 300],
    [' max-age = 300 ', 300],
    ['max-age=300, max-age=900', 300],
    ['s-maxage=100', 600],
    ['max-age=-5', 600],
    ['max-age=1e3', 600],
    ['max-age', 600],
    ['x-max-age=100', 600],
    ['max-age=3"00', 600],
  ])('follows Cache-Control: %s', (cacheControl, seconds) => {
    expect(lifetime({ cacheControl })).toBe(seconds);
  });

  it.each([
    'no-cache',
    'no-store',
    'No-Cache, max-age=900',
    'max-age=900, no-store',
    'no-cache="set-cookie"',
    'max-age=0',
  ])('is min_ttl for %s, so that it is no fetch a request', (cacheControl) => {
    expect(lifetime({ cacheControl })).toBe(60);
  });

  it.each(['max-age=999999', `max-age=${'9'.repeat(400)}`])('is max_ttl at the most, as for %s', (cacheControl) => {
    expect(lifetime({ cacheControl })).toBe(3600);
  });

  it.each([
    ['100', 200],
    ['299', 60],
    ['301', 60],
    ['9'.repeat(400), 60],
    ['-100', 300],
    ['soon', 300],
    ['100, 100', 300],
  ])('is shorter by the Age that the answer has, here %s', (age, seconds) => {
    expect(lifetime({ cacheControl: 'max-age=300', age })).toBe(seconds);
  });

  it('is min_ttl when lifetime and Age are both beyond all numbers', () => {
    expect(lifetime({ cacheControl: `max-age=${'9'.repeat(400)}`, age: '9'.repeat(400) })).toBe(60);
  });

  it('follows Expires, and Cache-Control rather than it', () => {
    const expires = 'Tue, 01 Sep 2026 10:10:00 GMT';
    expect(lifetime({ expires, date: DATE })).toBe(600);
    expect(lifetime({ expires: 'Tue, 01 Sep 2026 10:20:00 GMT', date: DATE, age: '300' })).toBe(900);
    expect(lifetime({ expires, date: DATE, cacheControl: 'max-age=300' })).toBe(300);
  });

  it.each(['0', '-1', 'never', ''])('is min_ttl when Expires is %j', (expires) => {
    expect(lifetime({ expires, date: DATE })).toBe(60);
  });

  it('is min_ttl when Expires has passed or has no Date to compare with', () => {
    expect(lifetime({ expires: 'Tue, 01 Sep 2026 09:00:00 GMT', date: DATE })).toBe(60);
    expect(lifetime({ expires: 'Tue, 01 Sep 2099 09:00:00 GMT' })).toBe(60);
  });
});
