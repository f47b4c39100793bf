import { describe, expect, it } from '@jest/globals';
import { parseConfig } from '../../../../schema/parse-config';

const ISSUER = { issuer: 'https://auth.example.com/', audiences: ['orders'] };
const BY_URL = { ...ISSUER, jwks_uri: 'https://auth.example.com/jwks' };
const BY_SECRET = { ...ISSUER, secret: 's'.repeat(32), algorithms: ['HS256'] };
const URL_OF_LIST = 'https://auth.example.com/revoked';
const loading =
  (list: object, issuers: object[] = [BY_URL]) =>
  (): unknown =>
    parseConfig({ issuers, revocation_lists: [list], common_caller_ids: issuers.length > 1 });

describe('a list of revoked tokens', () => {
  it('is accepted with a URL on another machine and the issuer that signs it', () => {
    expect(loading({ url: URL_OF_LIST, signed: true, issuer: ISSUER.issuer })).not.toThrow();
  });

  it.each<[string, object, object[], string]>([
    [
      'is about an issuer that is not configured',
      { url: URL_OF_LIST, issuer: 'https://b/' },
      [BY_URL],
      'issuer: is not',
    ],
    [
      'is signed, and two entries have the name of its issuer',
      { url: URL_OF_LIST, signed: true, issuer: ISSUER.issuer },
      [BY_SECRET, BY_URL],
      'signed: needs an issuer with one entry; 2 entries',
    ],
    [
      'is about a template, which is the issuer of no token',
      { url: URL_OF_LIST, issuer: 'https://{tenant}.auth.example.com/' },
      [{ ...BY_URL, issuer: 'https://{tenant}.auth.example.com/', tenants: ['a'], tenant_claim: 'tenant' }],
      'issuer: must be a whole issuer, not a template: leave it out',
    ],
    ['is fetched without TLS', { url: 'http://lists.example.com/' }, [BY_URL], 'url: must be https:'],
    [
      'is in Redis on another machine without TLS',
      { redis: { host: 'redis.example.com' } },
      [BY_URL],
      'redis.ssl: must',
    ],
    ['has a ttl below min_ttl', { url: URL_OF_LIST, list_fetch: { ttl: 2 } }, [BY_URL], 'list_fetch.ttl: must not'],
  ])('is refused when it %s', (_, list, issuers, message) => {
    expect(loading(list, issuers)).toThrow(`config.revocation_lists[1].${message}`);
  });
});
