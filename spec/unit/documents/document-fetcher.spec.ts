import dns from 'node:dns/promises';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { readBearerToken } from '../../../src/documents/bearer-token-file';
import { createDocumentFetcher, type FetchedDocument, type Validators } from '../../../src/documents/document-fetcher';
import { ConnectProxy } from '../../support/connect-proxy';
import { type Fault, FAULTS, IdentityProvider, makeCertificate } from '../../support/identity-provider';
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

  it('comes with all lines of a header that says how long it lasts', async () => {
    provider.fault = (_, response) => {
      response.setHeader('cache-control', ['max-age=60', 'no-store']).end('{"keys":[]}');
    };
    expect(await fetchJwks()).toMatchObject({ freshness: { cacheControl: 'max-age=60, no-store' } });
  });

  it('is asked for past all caches when the request says so, and with its further headers', async () => {
    const asked = { cacheControl: 'no-cache', headers: { 'x-a': '1' } } as const;
    await createDocumentFetcher(keyFetchOf(), asked)(provider.jwksUri, AbortSignal.timeout(5000));
    expect(provider.requests[0]?.headers).toMatchObject({ 'cache-control': 'no-cache', 'x-a': '1' });
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

  it.each<[string, Fault, string]>([
    ['is HTML', FAULTS.html, 'the document is not JSON'],
    ['is empty', FAULTS.empty, 'the document is not JSON'],
    ['is not UTF-8', FAULTS.notUtf8, 'the document is not JSON'],
  ])('is an error when it %s and should be JSON', async (_, fault, reason) => {
    provider.fault = fault;
    await expect(fetchJwks()).rejects.toThrow(expect.objectContaining({ name: 'FetchError', message: reason }));
  });

  it('comes as text or as bytes when it is asked for so, and text must be UTF-8', async () => {
    const bytes = Buffer.from('one,é');
    const bodyAs = async (format: 'text' | 'chunks', body: Buffer): Promise<unknown> => {
      provider.fault = (_, response) => response.writeHead(200).end(body);
      const fetchDocument = createDocumentFetcher(keyFetchOf(), { format });
      const document = await fetchDocument(provider.jwksUri, AbortSignal.timeout(5000));
      return (document as { readonly body: unknown }).body;
    };
    expect(await bodyAs('text', bytes)).toBe('one,é');
    expect(Buffer.concat((await bodyAs('chunks', bytes)) as Uint8Array[])).toEqual(bytes);
    await expect(bodyAs('text', Buffer.from('é', 'latin1'))).rejects.toThrow('the document is not UTF-8');
  });

  const answering = (headers: Record<string, string>, body: string | Buffer): void => {
    provider.fault = (_, response) => response.writeHead(200, headers).end(body);
  };
  const PADDED = `{"keys":[]}${' '.repeat(3000)}`;

  it.each(['gzip', 'x-gzip', 'GZIP'])('is unpacked when the provider compressed it as %s', async (coding) => {
    answering({ 'content-encoding': coding }, gzipSync(PADDED));
    expect(await fetchJwks(undefined, { max_bytes: 3011 })).toMatchObject({ body: { keys: [] } });
    const tooSmall = fetchJwks(undefined, { max_bytes: 3010 });
    await expect(tooSmall).rejects.toThrow('the document has more than 3010 bytes');
  });

  it.each<[string, string, Buffer]>([
    ['is no gzip', 'gzip', Buffer.from('{"keys":[]}')],
    ['is cut', 'gzip', gzipSync(PADDED).subarray(0, 20)],
  ])('is an error when what the provider calls gzip %s', async (_, coding, body) => {
    answering({ 'content-encoding': coding }, body);
    await expect(fetchJwks()).rejects.toThrow('the compressed document cannot be unpacked');
  });

  it('is unpacked no further than it may be: what follows is never looked at', async () => {
    const bomb = gzipSync(Buffer.alloc(5_000_000, ' '));
    answering({ 'content-encoding': 'gzip' }, bomb.subarray(0, -100));
    await expect(fetchJwks(undefined, { max_bytes: 100_000 })).rejects.toThrow('has more than 100000 bytes');
    await expect(fetchJwks(undefined, { max_bytes: 5_000_000 })).rejects.toThrow('cannot be unpacked');
  });

  it.each(['br', 'deflate', 'zstd', 'gzip, gzip'])('is an error when it is compressed as %s', async (coding) => {
    answering({ 'content-encoding': coding }, gzipSync(PADDED));
    await expect(fetchJwks()).rejects.toThrow('compressed its answer in another way than gzip');
  });

  const redirecting = (location: string | undefined, status = 302): void => {
    provider.fault = (request, response) => {
      if (request.url !== '/jwks') response.writeHead(200).end('{"moved":true}');
      else response.writeHead(status, location === undefined ? {} : { location }).end('x'.repeat(100));
    };
  };

  it.each([301, 302, 303, 307, 308])('is taken from where a redirect (%d) within the origin leads', async (status) => {
    for (const location of ['/moved', 'moved?a=1', `${provider.issuer}moved#fragment`]) {
      redirecting(location, status);
      expect(await fetchJwks()).toMatchObject({ body: { moved: true }, validators: { url: provider.jwksUri } });
    }
    expect(provider.requests.map(({ path }) => path).slice(0, 4)).toEqual(['/jwks', '/moved', '/jwks', '/moved?a=1']);
  });

  it.each([
    ['another host', () => 'http://127.0.0.2/jwks'],
    ['another name of the host', () => provider.jwksUri.replace('127.0.0.1', 'localhost')],
    ['another port', () => 'http://127.0.0.1:1/jwks'],
    ['another scheme', () => provider.jwksUri.replace('http:', 'https:')],
    ['a host without a scheme', () => '//evil.test/jwks'],
    ['a place with a user', () => provider.jwksUri.replace('//', '//user@')],
    ['a place with a password', () => provider.jwksUri.replace('//', '//:secret@')],
    ['no place', () => undefined],
    ['what is no URL', () => 'http://[/'],
  ])('is not taken from %s', async (_, location) => {
    redirecting(location());
    await expect(fetchJwks()).rejects.toThrow(
      'the provider answered 302, a redirect to another origin, which is not followed',
    );
    expect(provider.requests).toHaveLength(1);
  });

  it('is taken from there also when the redirect has a long body', async () => {
    provider.fault = (request, response) => {
      if (request.url === '/jwks') response.writeHead(302, { location: '/moved' }).end('x'.repeat(500_000));
      else response.writeHead(200).end('{"moved":true}');
    };
    expect(await fetchJwks()).toMatchObject({ body: { moved: true } });
  });

  it('is not taken from where a second redirect leads', async () => {
    provider.fault = (_, response) => response.writeHead(302, { location: '/moved' }).end();
    await expect(fetchJwks()).rejects.toThrow('the provider answered 302, a second redirect, which is not followed');
    expect(provider.requests.map(({ path }) => path)).toEqual(['/jwks', '/moved']);
  });

  it('is read no further than it may be long, however much the provider sends', async () => {
    const before = provider.bytesSent;
    provider.fault = FAULTS.endless;
    await expect(fetchJwks(undefined, { max_bytes: 1_048_576 })).rejects.toThrow('has more than 1048576 bytes');
    await provider.isQuiet();
    expect(provider.bytesSent - before).toBeLessThan(20 * 1024 * 1024);
  });

  it('is not asked for when ca_file cannot be read', async () => {
    await expect(fetchJwks(undefined, { ca_file: '/nonexistent/ca.pem' })).rejects.toThrow(
      expect.objectContaining({ name: 'FetchError', message: 'ca_file: the file cannot be read (ENOENT)' }),
    );
    expect(provider.requests).toEqual([]);
  });

  it('does not come when the proxy refuses to make the connection', async () => {
    const proxy = await ConnectProxy.start();
    proxy.fault = 'refuse';
    try {
      await expect(fetchJwks(undefined, { proxy_url: proxy.url() })).rejects.toThrow(
        'the proxy refused the connection',
      );
      expect([proxy.requests.length, provider.requests.length]).toEqual([1, 0]);
    } finally {
      await proxy.stop();
    }
  });

  describe('with a token', () => {
    const folder = mkdtempSync(join(tmpdir(), 'bearer-'));
    const path = join(folder, 'token');
    const write = (text: string, mode = 0o644): void => {
      rmSync(path, { force: true });
      writeFileSync(path, text, { mode });
      chmodSync(path, mode);
    };
    const sent = (): unknown[] => provider.requests.map(({ headers }) => headers.authorization);
    const fetchWithToken = (): Promise<FetchedDocument> => fetchJwks(undefined, { bearer_token_file: path });
    afterAll(() => {
      rmSync(folder, { recursive: true });
    });

    it('is asked for with what the file holds at that moment, also behind a redirect', async () => {
      write('first.token\n');
      await fetchWithToken();
      write('second.token');
      redirecting('/moved');
      await fetchWithToken();
      expect(sent()).toEqual(['Bearer first.token', 'Bearer second.token', 'Bearer second.token']);
    });

    it('is asked for with a token of up to 16384 characters', () => {
      write(`${'a'.repeat(16_384)}\n`);
      expect(readBearerToken(path)).toBe('a'.repeat(16_384));
    });

    it('never sends it to another origin', async () => {
      write('first.token');
      const other = await IdentityProvider.start();
      try {
        redirecting(other.jwksUri);
        await expect(fetchWithToken()).rejects.toThrow('a redirect to another origin');
        expect(other.requests).toEqual([]);
      } finally {
        await other.stop();
      }
    });

    it.each<[string, () => void, RegExp]>([
      [
        'is empty',
        () => {
          write('\n');
        },
        /^bearer_token_file: the file does not hold a bearer token$/,
      ],
      [
        'holds two lines',
        () => {
          write('a\nb');
        },
        /^bearer_token_file: the file does not hold a bearer token$/,
      ],
      [
        'is too long',
        () => {
          write('a'.repeat(16_385));
        },
        /^bearer_token_file: the file does not hold a bearer token$/,
      ],
      [
        'is gone',
        () => {
          rmSync(path);
        },
        /^bearer_token_file: the file cannot be read \(ENOENT\)$/,
      ],
      [
        'may be written by everybody',
        () => {
          write('secret', 0o666);
        },
        /^bearer_token_file: others may write to/,
      ],
    ])('is not asked for when the file %s, and nothing of it is said', async (_, change, reason) => {
      write('first.token');
      change();
      await expect(fetchWithToken()).rejects.toThrow(expect.objectContaining({ name: 'FetchError' }));
      await expect(fetchWithToken()).rejects.toThrow(reason);
      expect(provider.requests).toEqual([]);
    });
  });

  describe('and read while it comes', () => {
    let controller: AbortController;
    beforeEach(() => {
      controller = new AbortController();
    });
    const streamOf = async (keyFetch = {}): Promise<AsyncIterable<Uint8Array>> => {
      const fetchDocument = createDocumentFetcher(keyFetchOf(keyFetch), { format: 'stream' });
      const document = await fetchDocument(provider.jwksUri, controller.signal);
      return (document as { readonly body: AsyncIterable<Uint8Array> }).body;
    };
    const textOf = async (body: AsyncIterable<Uint8Array>): Promise<string> => {
      const pieces: Uint8Array[] = [];
      for await (const piece of body) pieces.push(piece);
      return Buffer.concat(pieces).toString();
    };
    const isLetGo = async (): Promise<void> => {
      await provider.isQuiet();
      expect(provider.connections).toBe(0);
    };
    /** A body that came whole leaves its connection idle until the attempt ends. */
    const isLetGoAfterwards = async (): Promise<void> => {
      controller.abort();
      await isLetGo();
    };

    it.each<[string, Record<string, string>, Buffer]>([
      ['as it is', {}, Buffer.from(PADDED)],
      ['compressed', { 'content-encoding': 'gzip' }, gzipSync(PADDED)],
    ])('has the same bytes and the same bound when it comes %s', async (_, headers, body) => {
      answering(headers, body);
      expect(await textOf(await streamOf({ max_bytes: 3011 }))).toBe(PADDED);
      const tooSmall = await streamOf({ max_bytes: 3010 });
      await expect(textOf(tooSmall)).rejects.toThrow('the document has more than 3010 bytes');
      await isLetGoAfterwards();
    });

    it('hands on no piece beyond its bound', async () => {
      answering({ 'content-encoding': 'gzip' }, gzipSync(Buffer.alloc(5_000_000, ' ')));
      let bytes = 0;
      const reading = async (): Promise<void> => {
        for await (const piece of await streamOf({ max_bytes: 100_000 })) bytes += piece.length;
      };
      await expect(reading()).rejects.toThrow('has more than 100000 bytes');
      expect(bytes).toBeLessThanOrEqual(100_000);
      await isLetGoAfterwards();
    });

    it.each<[string, Fault, RegExp]>([
      ['breaks off', FAULTS.hangUpMidway, /^the connection failed \(UND_ERR_SOCKET\)$/],
      ['is larger than it may be', FAULTS.endless, /^the document has more than 1048576 bytes$/],
      [
        'breaks off while it is unpacked',
        (_, response) => {
          response.writeHead(200, { 'content-encoding': 'gzip' }).write(gzipSync(PADDED).subarray(0, 20));
          setImmediate(() => response.socket?.destroy());
        },
        /^the connection failed \(UND_ERR_SOCKET\)$/,
      ],
      [
        'is no gzip',
        (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end('{"keys":[]}'),
        /^the compressed document cannot be unpacked$/,
      ],
      [
        'is cut gzip',
        (_, response) => response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(PADDED).subarray(0, 20)),
        /^the compressed document cannot be unpacked$/,
      ],
    ])('fails for its reader when it %s', async (_, fault, reason) => {
      provider.fault = fault;
      const reading = textOf(await streamOf({ max_bytes: 1_048_576 }));
      await expect(reading).rejects.toThrow(expect.objectContaining({ name: 'FetchError' }));
      await expect(reading).rejects.toThrow(reason);
      await isLetGoAfterwards();
    });

    it('has nothing to read when it is the same as before', async () => {
      provider.fault = FAULTS.notModified;
      const fetchDocument = createDocumentFetcher(keyFetchOf(), { format: 'stream' });
      const document = await fetchDocument(provider.jwksUri, controller.signal);
      expect(document).toEqual({ status: 'not_modified', freshness: { date: expect.any(String) } });
      await isLetGo();
    });

    it('fails when the time is up', async () => {
      provider.fault = FAULTS.drip;
      const reading = textOf(await streamOf({ timeout_ms: 100 }));
      controller.abort();
      await expect(reading).rejects.toThrow('no complete answer within 100 ms');
      await isLetGo();
    });

    it('is let go of when its reader stops, or when nobody reads it until the end of the attempt', async () => {
      provider.fault = FAULTS.drip;
      for await (const piece of await streamOf()) {
        expect(piece.length).toBeGreaterThan(0);
        break;
      }
      await isLetGo();
      await streamOf();
      controller.abort();
      await isLetGo();
    });

    it.each<[string, Fault, string]>([
      ['with a status of failure', FAULTS.error, 'the provider answered 500'],
      ['compressed as br', FAULTS.brotli, 'compressed its answer in another way than gzip'],
    ])('is refused before it is read when it comes %s', async (_, fault, reason) => {
      provider.fault = fault;
      await expect(streamOf()).rejects.toThrow(reason);
      await isLetGo();
    });
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

// How Node and the environment are kept from deciding about certificates: spec/integration/keys-provider.spec.ts.
describe('a document that is fetched by TLS', () => {
  it.each<[string, boolean]>([
    ['directly', false],
    ['through a proxy', true],
  ])('comes %s only when ca_file vouches for the certificate', async (_, isProxied) => {
    const [tls, other] = [makeCertificate(), makeCertificate()];
    const provider = await IdentityProvider.start({ tls });
    const proxy = await ConnectProxy.start();
    const statusWith = async (caFile: object): Promise<string> => {
      const limits = keyFetchOf({ ...caFile, ...(isProxied && { proxy_url: proxy.url() }) });
      return (await createDocumentFetcher(limits)(provider.jwksUri, AbortSignal.timeout(5000))).status;
    };
    try {
      const untrusted = 'the connection failed (DEPTH_ZERO_SELF_SIGNED_CERT)';
      expect(await statusWith({ ca_file: tls.caFile })).toBe('ok');
      await expect(statusWith({})).rejects.toThrow(untrusted);
      await expect(statusWith({ ca_file: other.caFile })).rejects.toThrow(untrusted);
      expect(provider.requests).toHaveLength(1);
      expect(proxy.requests).toHaveLength(isProxied ? 3 : 0);
    } finally {
      await Promise.all([provider.stop(), proxy.stop()]);
      for (const certificate of [tls, other]) certificate.remove();
    }
  });
});
