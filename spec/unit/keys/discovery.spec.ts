import { describe, expect, it } from '@jest/globals';
import { discoverJwksUri } from '../../../src/keys/discovery';
import type { FetchDocument } from '../../../src/documents/document-fetcher';
import { FetchError } from '../../../src/documents/fetch-error';
import { keyFetchOf } from '../../support/key-issuer';

const FRESHNESS = { cacheControl: undefined, age: undefined, expires: undefined, date: undefined };
const ISSUER = 'https://auth.test/';
const JWKS_URI = 'https://keys.test/jwks?v=1';

/** Answers with the document or status at each URL, otherwise with 404. */
function serve(documents: Readonly<Record<string, unknown>>): { fetchDocument: FetchDocument; asked: string[] } {
  const asked: string[] = [];
  const fetchDocument: FetchDocument = (url) => {
    asked.push(url);
    const answer = url in documents ? documents[url] : 404;
    if (typeof answer === 'number') {
      return Promise.reject(new FetchError(`the provider answered ${answer}, not 200`, answer));
    }
    const validators = { url, etag: undefined, lastModified: undefined };
    return Promise.resolve({ status: 'ok', body: answer, freshness: FRESHNESS, validators });
  };
  return { fetchDocument, asked };
}

const discover = (issuer: string, fetchDocument: FetchDocument, keyFetch: object = {}): Promise<string> =>
  discoverJwksUri({ issuer, keyFetch: keyFetchOf({ ...keyFetch }) }, fetchDocument, new AbortController().signal);

describe('discovery', () => {
  it('gives no other origin than the issuer the token for the fetch', async () => {
    const url = 'https://auth.test/.well-known/openid-configuration';
    const withToken = { bearer_token_file: '/run/token' };
    const elsewhere = serve({ [url]: { issuer: ISSUER, jwks_uri: 'https://auth.test:6443/jwks' } });
    await expect(discover(ISSUER, elsewhere.fetchDocument, withToken)).rejects.toThrow(
      /^discovery: the jwks_uri is at another origin than the issuer, .*: configure jwks_uri instead$/,
    );
    expect(await discover(ISSUER, elsewhere.fetchDocument)).toBe('https://auth.test:6443/jwks');
    const there = serve({ [url]: { issuer: ISSUER, jwks_uri: 'https://auth.test/openid/v1/jwks' } });
    expect(await discover(ISSUER, there.fetchDocument, withToken)).toBe('https://auth.test/openid/v1/jwks');
  });

  it.each([
    ['https://auth.test', 'https://auth.test/.well-known/openid-configuration'],
    ['https://auth.test/', 'https://auth.test/.well-known/openid-configuration'],
    ['https://auth.test:8443/realms/shop', 'https://auth.test:8443/realms/shop/.well-known/openid-configuration'],
    ['https://auth.test/realms/shop/', 'https://auth.test/realms/shop/.well-known/openid-configuration'],
    // What comes after the host is a path, even when it looks like a host.
    ['https://auth.test//evil.test', 'https://auth.test//evil.test/.well-known/openid-configuration'],
  ])('finds the OpenID Connect document of %s', async (issuer, url) => {
    const { fetchDocument, asked } = serve({ [url]: { issuer, jwks_uri: JWKS_URI } });
    expect(await discover(issuer, fetchDocument)).toBe(JWKS_URI);
    expect(asked).toEqual([url]);
  });

  it.each([
    ['https://auth.test/', 'https://auth.test/.well-known/oauth-authorization-server'],
    ['https://auth.test/a/b/', 'https://auth.test/.well-known/oauth-authorization-server/a/b'],
    ['https://auth.test//evil.test', 'https://auth.test/.well-known/oauth-authorization-server//evil.test'],
  ])('finds the RFC 8414 document of %s where there is no other', async (issuer, url) => {
    for (const status of [400, 401, 403, 404, 405, 410]) {
      const openid = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
      const { fetchDocument } = serve({ [openid]: status, [url]: { issuer, jwks_uri: JWKS_URI } });
      expect(await discover(issuer, fetchDocument)).toBe(JWKS_URI);
    }
  });

  it.each([500, 503, 302])(
    'does not look elsewhere when the document is broken rather than missing (%d)',
    async (status) => {
      const { fetchDocument, asked } = serve({ 'https://auth.test/.well-known/openid-configuration': status });
      await expect(discover(ISSUER, fetchDocument)).rejects.toThrow(
        `discovery: the provider answered ${status}, not 200`,
      );
      expect(asked).toHaveLength(1);
    },
  );

  it('does not look elsewhere when the document is there and wrong', async () => {
    const { fetchDocument, asked } = serve({
      'https://auth.test/.well-known/openid-configuration': { issuer: 'https://other.test/', jwks_uri: JWKS_URI },
      'https://auth.test/.well-known/oauth-authorization-server': { issuer: ISSUER, jwks_uri: JWKS_URI },
    });
    await expect(discover(ISSUER, fetchDocument)).rejects.toThrow('names another issuer');
    expect(asked).toHaveLength(1);
  });

  it('fails when there is no document at all', async () => {
    await expect(discover(ISSUER, serve({}).fetchDocument)).rejects.toThrow('discovery: the provider answered 404');
  });

  it('lets a bug through as what it is', async () => {
    await expect(discover(ISSUER, () => Promise.reject(new TypeError('bug')))).rejects.toThrow(TypeError);
  });

  const discoverFrom = (body: unknown, issuer = ISSUER, keyFetch = {}): Promise<string> => {
    const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
    return discover(issuer, serve({ [url]: body }).fetchDocument, keyFetch);
  };

  it.each([
    'https://auth.test',
    'https://AUTH.test/',
    'https://auth.test//',
    'https://auth.test/a',
    '',
    null,
    undefined,
    [ISSUER],
  ])('refuses a document whose issuer is %j', async (issuer) => {
    await expect(discoverFrom({ issuer, jwks_uri: JWKS_URI })).rejects.toThrow(
      'discovery: the document names another issuer',
    );
  });

  it.each([null, [], 'text', true, Object.create({ issuer: ISSUER, jwks_uri: JWKS_URI })])(
    'refuses a document that is %j',
    async (body) => {
      await expect(discoverFrom(body)).rejects.toThrow('names another issuer');
    },
  );

  it.each([undefined, null, 7, [JWKS_URI]])('refuses a document whose jwks_uri is %j', async (jwks_uri) => {
    await expect(discoverFrom({ issuer: ISSUER, jwks_uri })).rejects.toThrow('discovery: the document has no jwks_uri');
  });

  it.each([
    ['http://keys.test/jwks', /must be https:/],
    ['file:///etc/passwd', /must be an absolute https/],
    ['/jwks', /must be an absolute https/],
    ['https://user:pass@keys.test/', /must not hold a user name/],
    [`https://keys.test/${'k'.repeat(2048)}`, /must not have more than 2048 characters/],
    // Kong's Admin API, from a provider that is not on this machine.
    ['http://127.0.0.1:8001/', /must be https: as the issuer is/],
    ['http://localhost:8001/', /must be https: as the issuer is/],
  ])('refuses %s for a jwks_uri', async (jwks_uri, message) => {
    await expect(discoverFrom({ issuer: ISSUER, jwks_uri })).rejects.toThrow(message);
  });

  it('accepts plain http where it was allowed, or the provider is on this machine', async () => {
    const [local, remote] = ['http://127.0.0.1:8010/jwks', 'http://keys.test/jwks'];
    expect(await discoverFrom({ issuer: 'http://localhost:8010', jwks_uri: local }, 'http://localhost:8010')).toBe(
      local,
    );
    expect(await discoverFrom({ issuer: ISSUER, jwks_uri: remote }, ISSUER, { allow_http: true })).toBe(remote);
  });
});
