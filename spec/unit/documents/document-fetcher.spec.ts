import dns from 'node:dns/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { createDocumentFetcher, type FetchedDocument, type Validators } from '../../../src/documents/document-fetcher';
import { IdentityProvider } from '../../support/identity-provider';
import { keyFetchOf } from '../../support/key-issuer';

describe('a document that is fetched', () => {
  let provider: IdentityProvider;
  beforeAll(async () => {
    provider = await IdentityProvider.start();
  });
  afterEach(() => {
    provider.fault = undefined;
    provider.requests.length = 0;
  });
  afterAll(() => provider.stop());

  const fetchJwks = (validators?: Validators, keyFetch = {}): Promise<FetchedDocument> =>
    createDocumentFetcher(keyFetchOf(keyFetch))(provider.jwksUri, AbortSignal.timeout(5000), validators);

  it('is asked for plainly, without credentials and uncompressed', async () => {
    await fetchJwks();
    expect(provider.requests).toEqual([
      {
        path: '/jwks',
        headers: {
          host: `127.0.0.1:${provider.port}`,
          connection: 'keep-alive',
          accept: 'application/json',
          'accept-encoding': 'identity',
          'user-agent': 'kong-plugin-jwt-identity',
        },
      },
    ]);
  });

  it('comes with what says how long it lasts and which version it is', async () => {
    const said = { 'cache-control': 'max-age=60', age: '3', expires: '0', etag: 'W/"1"', 'last-modified': 'yesterday' };
    provider.fault = (_, response) => response.writeHead(200, said).end('\ufeff{"keys":[]}');
    expect(await fetchJwks()).toEqual({
      status: 'ok',
      body: { keys: [] },
      freshness: { cacheControl: 'max-age=60', age: '3', expires: '0', date: expect.any(String) },
      validators: { url: provider.jwksUri, etag: 'W/"1"', lastModified: 'yesterday' },
    });
  });

  it('is asked for with the version that is there, at the URL that it came from only', async () => {
    const version = { etag: '"1"', lastModified: 'yesterday' };
    await fetchJwks({ url: provider.jwksUri, ...version });
    await fetchJwks({ url: 'https://elsewhere.test/jwks', ...version });
    const conditions = provider.requests.map(({ headers }) => [headers['if-none-match'], headers['if-modified-since']]);
    expect(conditions).toEqual([
      ['"1"', 'yesterday'],
      [undefined, undefined],
    ]);
  });

  it('may be the same as before', async () => {
    provider.fault = (_, response) => response.writeHead(304, { 'cache-control': 'max-age=60' }).end();
    const document = await fetchJwks({ url: provider.jwksUri, etag: '"1"', lastModified: undefined });
    expect(document).toMatchObject({ status: 'not_modified', freshness: { cacheControl: 'max-age=60' } });
  });

  it.each([
    ['very long', `"${'x'.repeat(2000)}"`],
    ['no ASCII', '"\u20ac"'],
    ['a control character', '"\u0001"'],
  ])('keeps no version that could not be sent back, because it is %s', async (_, etag) => {
    provider.fault = (__, response) => {
      response.socket?.end(`HTTP/1.1 200 OK\r\nETag: ${etag}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}`);
    };
    const document = await fetchJwks().catch((error: unknown) => error as Error);
    // A control character makes the answer no HTTP at all.
    if (document instanceof Error) expect(document.message).toBe('the connection failed (HTTPParserError)');
    else expect(document).toMatchObject({ status: 'ok', validators: { etag: undefined } });
  });

  it('leaves no connection open', async () => {
    await fetchJwks();
    await provider.isQuiet();
    expect(provider.connections).toBe(0);
  });

  it('opens no connection when the time is up already', async () => {
    const before = provider.accepted;
    const fetchDocument = createDocumentFetcher(keyFetchOf({ timeout_ms: 100 }));
    const late = fetchDocument(provider.jwksUri, AbortSignal.abort());
    await expect(late).rejects.toThrow('no complete answer within 100 ms');
    await fetchJwks();
    expect(provider.accepted).toBe(before + 1);
  });

  it.each(['http://169.254.169.254/latest/meta-data', 'http://[fe80::1]/', 'http://100.100.100.200/'])(
    'is not asked for at %s',
    async (url) => {
      const fetchDocument = createDocumentFetcher(keyFetchOf());
      await expect(fetchDocument(url, AbortSignal.timeout(5000))).rejects.toThrow(
        'the URL leads to a link-local or metadata address',
      );
    },
  );

  it('is not asked for at a name that leads there at that moment', async () => {
    const answer = (): Promise<unknown> => Promise.resolve([{ address: '169.254.169.254', family: 4 }]);
    const lookup = jest.spyOn(dns, 'lookup').mockImplementation(answer as typeof dns.lookup);
    try {
      const fetched = createDocumentFetcher(keyFetchOf())('http://rebound.test/', AbortSignal.timeout(5000));
      await expect(fetched).rejects.toThrow('the name leads to a link-local or metadata address');
    } finally {
      lookup.mockRestore();
    }
  });

  it('is asked for there when that was allowed', async () => {
    const fetchDocument = createDocumentFetcher(keyFetchOf({ allow_link_local: true, timeout_ms: 100 }));
    await expect(fetchDocument('http://169.254.0.1/', AbortSignal.abort())).rejects.toThrow(
      expect.objectContaining({ name: 'FetchError', message: expect.not.stringContaining('link-local') }),
    );
  });

  it('fails with the code of what happened, and nothing that was sent', async () => {
    const closed = await IdentityProvider.start();
    await closed.stop();
    const { jwksUri } = provider;
    const url = jwksUri.replace(String(provider.port), '1');
    const fetchDocument = createDocumentFetcher(keyFetchOf());
    await expect(fetchDocument(url, AbortSignal.timeout(5000))).rejects.toThrow('the connection failed (ECONNREFUSED)');
    await expect(fetchDocument('http://name.invalid/', AbortSignal.timeout(5000))).rejects.toThrow(
      /^the connection failed \((ENOTFOUND|EAI_AGAIN)\)$/,
    );
  });
});
