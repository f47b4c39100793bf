import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as passed } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { IssuerConfig } from '../../schema/config';
import type { KeyLookup, KeySource } from '../../src/core/verification/key-source';
import { createKeySources } from '../../src/keys/key-sources';
import { renewalChannel } from '../../src/telemetry/channels';
import { ConnectProxy } from '../support/connect-proxy';
import { type Fault, FAULTS, IdentityProvider, makeCertificate, type TlsFiles } from '../support/identity-provider';
import { issuerOf, LogRecorder } from '../support/key-issuer';
import { publicJwk, signingKey } from '../support/tokens';

const FETCHER = resolve(__dirname, '../../dist/src/documents/document-fetcher.js');
const [one, two] = [signingKey('ES256', '1'), signingKey('ES256', '2')];
const ONE = { alg: 'ES256', kid: '1' } as const;
const TWO = { alg: 'ES256', kid: '2' } as const;
const FOUND = { status: 'found' };
const UNAVAILABLE = { status: 'unavailable', retryAfterSeconds: expect.any(Number) };

/** Everything in src/keys, with nothing but the clock and chance in the spec's hand. */
class Gateway {
  nowMs = 1_800_000_000_000;
  readonly recorder = new LogRecorder();
  readonly open: (issuer: IssuerConfig) => KeySource;

  constructor() {
    const now = (): number => this.nowMs;
    this.open = createKeySources({ now, monotonic: now, log: this.recorder.log, random: () => 0.5 });
  }

  pass(seconds: number): void {
    this.nowMs += seconds * 1000;
  }
}

const found = async (lookup: KeyLookup | Promise<KeyLookup>): Promise<boolean> => (await lookup).status === 'found';

describe('keys from a real identity provider', () => {
  let provider: IdentityProvider;
  let gateway: Gateway;
  beforeEach(async () => {
    provider = await IdentityProvider.start();
    provider.keys = [one];
    gateway = new Gateway();
  });
  afterEach(() => provider.stop());

  const fields = (keyFetch = {}): Record<string, unknown> => ({
    issuer: provider.issuer,
    jwks_uri: provider.jwksUri,
    key_fetch: { timeout_ms: 5000, ...keyFetch },
  });
  const open = (keyFetch = {}): KeySource => gateway.open(issuerOf(fields(keyFetch)));

  it('are fetched once for all routes and reloads with the same settings, however many ask at once', async () => {
    const sources = Array.from({ length: 20 }, () => open());
    const lookups = await Promise.all(sources.flatMap((source) => [1, 2, 3].map(async () => source.find(ONE))));
    expect(lookups.every(({ status }) => status === 'found')).toBe(true);
    expect(provider.fetches).toBe(1);
    expect(await found(open({ ttl: 601 }).find(ONE))).toBe(true);
    expect(provider.fetches).toBe(2);
  });

  it('are confirmed by their ETag, and keep their tokens', async () => {
    provider.hasEtag = true;
    const source = open();
    const lookup = await source.find(ONE);
    for (let turn = 1; turn <= 3; turn++) {
      gateway.pass(600);
      expect(await source.find(ONE)).toEqual(lookup);
    }
    expect(provider.requests.map(({ headers }) => headers['if-none-match'] !== undefined)).toEqual([
      false,
      true,
      true,
      true,
    ]);
  });

  it('rotate: a new key works with the first token, a removed one stops with the next fetch', async () => {
    const source = open();
    const first = (await source.find(ONE)) as Extract<KeyLookup, { status: 'found' }>;
    gateway.pass(30);
    provider.keys = [one, two];
    expect(await found(source.find(TWO))).toBe(true);
    expect(source.holds(first.key)).toBe(true);
    gateway.pass(600);
    provider.keys = [two];
    expect(source.holds(first.key)).toBe(false);
    expect(await found(source.find(ONE))).toBe(false);
  });

  it('are fetched anew when all are to be: past caches, for every source, also one that fell out', async () => {
    provider.hasEtag = true;
    const [first, second] = [open(), open({ ttl: 601 })];
    const discovered = gateway.open(issuerOf({ ...fields(), jwks_uri: undefined, discovery: true }));
    for (const source of [first, second, discovered]) expect(await found(source.find(ONE))).toBe(true);
    for (let at = 0; at < 256; at++) open({ ttl: 1000 + at });
    expect(open()).not.toBe(first);
    provider.keys = [two];
    provider.requests.length = 0;
    renewalChannel.publish({});
    for (const source of [first, second, discovered]) while (await found(source.find(ONE))) await passed(1);
    expect(provider.requests.map(({ path }) => path).sort()).toEqual([
      '/.well-known/openid-configuration',
      ...Array.from({ length: 3 }, () => '/jwks'),
    ]);
    for (const { headers } of provider.requests) {
      expect(headers).toMatchObject({ 'cache-control': 'no-cache' });
      expect(headers).not.toHaveProperty('if-none-match');
    }
  });

  it('are fetched once a cooldown while tokens with random kids come, also while the provider fails', async () => {
    const source = open({ cooldown: 10 });
    await source.find(ONE);
    for (let second = 0; second < 100; second++) {
      if (second === 50) provider.fault = FAULTS.error;
      gateway.pass(1);
      const random = Array.from({ length: 20 }, async (_, at) => source.find({ alg: 'ES256', kid: `${second}-${at}` }));
      expect(source.find(ONE)).toMatchObject(FOUND);
      await Promise.all(random);
    }
    expect(provider.fetches).toBeLessThanOrEqual(1 + 100 / 10);
    expect(provider.fetches).toBeGreaterThan(5);
  });

  it('are asked for about once a minute when the provider forbids to keep them', async () => {
    provider.cacheControl = 'no-cache, no-store, max-age=0';
    const source = open();
    for (let second = 0; second < 600; second++) {
      await source.find(ONE);
      gateway.pass(1);
    }
    expect(provider.fetches).toBeLessThanOrEqual(1 + 600 / 42);
  });

  it('skip what is no use, and say so without quoting it', async () => {
    const secret = 'c2VjcmV0LXZhbHVl'.repeat(3);
    const leaked = { ...two.privateKey.export({ format: 'jwk' }), kid: 'leak' };
    provider.keys = [
      { kty: 'oct', k: secret, kid: 's' },
      leaked,
      { kty: 'PQC' },
      { ...publicJwk(two), use: 'enc' },
      one,
    ];
    const source = open();
    expect(await found(source.find(ONE))).toBe(true);
    for (const [alg, kid] of [
      ['HS256', 's'],
      ['ES256', 'leak'],
      ['ES256', '2'],
    ] as const) {
      expect(await found(source.find({ alg, kid }))).toBe(false);
    }
    const said = JSON.stringify(gateway.recorder.records);
    expect(said).toContain('key 2: it is a private key');
    expect(said).not.toContain(secret);
    expect(said).not.toContain(leaked.d);
  });

  it('freeze nobody when one has an exponent of 170 KB: it is left out, and the others work (J1)', async () => {
    const huge = { ...publicJwk(two), kty: 'RSA', n: 'A'.repeat(342), e: '_'.repeat(170_000) };
    provider.keys = [huge, one];
    const source = open();
    const before = process.cpuUsage();
    expect(await found(source.find(ONE))).toBe(true);
    const { user, system } = process.cpuUsage(before);
    // CPU time; about 30 s when Node is asked for the exponent.
    expect((user + system) / 1e6).toBeLessThan(4);
    expect(JSON.stringify(gateway.recorder.records)).toContain('key 1: its e is too long');
  });

  const TIMED_OUT = 'no complete answer within 300 ms';
  const TOO_LARGE = 'the document has more than 524288 bytes';
  describe.each<[keyof typeof FAULTS, string | RegExp]>([
    ['hang', TIMED_OUT],
    ['drip', TIMED_OUT],
    ['dripHeaders', TIMED_OUT],
    ['hangUp', 'the connection failed (UND_ERR_SOCKET)'],
    ['hangUpMidway', /^the connection failed \((UND_ERR_SOCKET|ECONNRESET|UND_ERR_RES_CONTENT_LENGTH_MISMATCH)\)$/],
    ['huge', TOO_LARGE],
    ['endless', TOO_LARGE],
    ['gzipBomb', TOO_LARGE],
    ['brotli', 'the provider compressed its answer in another way than gzip, which was not asked for'],
    ['html', 'the document is not JSON'],
    ['notUtf8', 'the document is not JSON'],
    ['empty', 'the document is not JSON'],
    ['redirect', 'the provider answered 302, a second redirect, which is not followed'],
    ['redirectForGood', 'the provider answered 308, a redirect to another origin, which is not followed'],
    ['error', 'the provider answered 500, not 200'],
    ['unavailable', 'the provider answered 503, not 200'],
    ['noContent', 'the provider answered 204, not 200'],
    ['noHttp', /^the connection failed/],
    ['hugeHeaders', /^the connection failed \(UND_ERR_HEADERS_OVERFLOW\)$/],
    ['emptySet', 'the JWK set has no usable key'],
    ['noSet', 'the document is not a JWK set'],
    ['deepNesting', 'the document is not a JWK set'],
  ])('from a provider with the fault "%s"', (fault, reason) => {
    const timeout_ms = reason === TIMED_OUT ? 300 : 5000;

    it('stay as they were, and nobody waits', async () => {
      const source = open({ timeout_ms });
      await source.find(ONE);
      provider.fault = FAULTS[fault];
      gateway.pass(500);
      expect(source.find(ONE)).toMatchObject(FOUND);
      await gateway.recorder.failed(1);
      expect(gateway.recorder.reasons).toEqual([expect.stringMatching(reason instanceof RegExp ? reason : /./)]);
      if (typeof reason === 'string') expect(gateway.recorder.reasons).toEqual([reason]);
      expect(source.find(ONE)).toMatchObject(FOUND);
      await provider.isQuiet();
      // What the sockets of both sides hold; not what the provider would like to send.
      expect(provider.bytesSent).toBeLessThan(20 * 1024 * 1024);
      expect(JSON.stringify(gateway.recorder.records)).not.toContain('secret-value');
    });

    it('are unavailable at first, and there when it has recovered', async () => {
      const source = open({ timeout_ms });
      provider.fault = FAULTS[fault];
      expect(await source.find(ONE)).toMatchObject(UNAVAILABLE);
      expect(gateway.recorder.records.at(-1)).toMatchObject({ level: 'error' });
      provider.fault = undefined;
      gateway.pass(38);
      expect(await found(source.find(ONE))).toBe(true);
    });
  });

  it('follow one redirect within the provider, and no second one', async () => {
    provider.fault = FAULTS.redirect;
    await open().find(ONE);
    expect(provider.requests.map(({ path }) => path)).toEqual(['/jwks', '/moved']);
  });

  it('are used in an outage, up to max_stale, and again when it is over', async () => {
    const source = open({ max_stale: 600 });
    await source.find(ONE);
    const { port } = provider;
    await provider.stop();
    for (let second = 0; second < 1180; second += 20) {
      expect(await found(source.find(ONE))).toBe(true);
      gateway.pass(20);
    }
    gateway.pass(20);
    expect(await source.find(ONE)).toMatchObject(UNAVAILABLE);
    provider = await IdentityProvider.start({ port });
    provider.keys = [one];
    gateway.pass(180);
    expect(await found(source.find(ONE))).toBe(true);
  });

  it('are found by a gateway that starts in an outage, in the folder of the one before', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'keys-provider-'));
    try {
      const keyFetch = { cache_directory: join(folder, 'keys') };
      await open(keyFetch).find(ONE);
      const issuer = issuerOf(fields(keyFetch));
      const others = { ...fields(keyFetch), key_fetch: { ...keyFetch, allow_http: true } };
      await provider.stop();
      // The write goes on in the background.
      const lookup = async (config: IssuerConfig): Promise<KeyLookup> => new Gateway().open(config).find(ONE);
      while ((await lookup(issuer)).status !== 'found') await new Promise(setImmediate);
      // Keys that were got by other rules of trust are not taken over.
      expect(await lookup(issuerOf(others))).toMatchObject(UNAVAILABLE);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  describe('that are discovered', () => {
    const discover = (keyFetch = {}): KeySource =>
      gateway.open(issuerOf({ issuer: provider.issuer, discovery: true, key_fetch: keyFetch }));

    it('come from where the metadata says, which is asked for again after max_ttl', async () => {
      const source = discover({ max_ttl: 1000 });
      expect(await found(source.find(ONE))).toBe(true);
      gateway.pass(600);
      await source.find(ONE);
      gateway.pass(600);
      await source.find(ONE);
      expect(provider.requests.map(({ path }) => path)).toEqual([
        ...['/.well-known/openid-configuration', '/jwks', '/jwks'],
        ...['/.well-known/openid-configuration', '/jwks'],
      ]);
    });

    it('are looked for anew when they are not where they were', async () => {
      const source = discover();
      await source.find(ONE);
      provider.metadata = { jwks_uri: `${provider.issuer}moved` };
      const notFound: Fault = (_, response) => response.writeHead(404).end();
      provider.fault = notFound;
      gateway.pass(500);
      expect(source.find(ONE)).toMatchObject(FOUND);
      await gateway.recorder.failed(1);
      provider.fault = undefined;
      gateway.pass(100);
      await source.find(TWO);
      expect(provider.requests.map(({ path }) => path).slice(-2)).toEqual([
        '/.well-known/openid-configuration',
        '/moved',
      ]);
    });

    it('do not count when the metadata names another issuer', async () => {
      provider.metadata = { issuer: `${provider.issuer}other` };
      expect(await discover().find(ONE)).toMatchObject(UNAVAILABLE);
      expect(gateway.recorder.reasons).toEqual(['discovery: the document names another issuer']);
      expect(provider.fetches).toBe(0);
    });

    it('are not fetched from a metadata service', async () => {
      provider.metadata = { jwks_uri: 'https://169.254.169.254/jwks' };
      expect(await discover().find(ONE)).toMatchObject(UNAVAILABLE);
      expect(gateway.recorder.reasons).toEqual(['the URL leads to a link-local or metadata address']);
    });

    it('are given up when metadata and keys take too long together', async () => {
      const answerLate: Fault = ({ url }, response) => {
        const body = JSON.stringify({ issuer: provider.issuer, jwks_uri: provider.jwksUri });
        if (url !== '/jwks') setTimeout(() => response.end(body), 200);
      };
      provider.fault = answerLate;
      expect(await discover({ timeout_ms: 400 }).find(ONE)).toMatchObject(UNAVAILABLE);
      expect(gateway.recorder.reasons).toEqual(['no complete answer within 400 ms']);
    });
  });

  describe('through a proxy', () => {
    let proxy: ConnectProxy;
    beforeEach(async () => {
      proxy = await ConnectProxy.start();
    });
    afterEach(() => proxy.stop());

    it('come when proxy_url says so, with its user and password', async () => {
      expect(await found(open({ proxy_url: proxy.url('user:p%40ss@') }).find(ONE))).toBe(true);
      expect(proxy.requests).toMatchObject([
        {
          target: `127.0.0.1:${provider.port}`,
          headers: { 'proxy-authorization': `Basic ${Buffer.from('user:p@ss').toString('base64')}` },
        },
      ]);
      expect(provider.requests[0]?.headers).not.toHaveProperty('proxy-authorization');
    });

    it.each([
      ['refuse', 'the proxy refused the connection'],
      ['hang', 'no complete answer within 300 ms'],
    ] as const)('do not come when it does: %s, and come again when it works', async (fault, reason) => {
      const source = open({ proxy_url: proxy.url('user:secret-value@'), timeout_ms: 300 });
      proxy.fault = fault;
      expect(await source.find(ONE)).toMatchObject(UNAVAILABLE);
      expect(gateway.recorder.reasons).toEqual([reason]);
      expect(JSON.stringify(gateway.recorder.records)).not.toContain('secret-value');
      proxy.fault = undefined;
      gateway.pass(38);
      expect(await found(source.find(ONE))).toBe(true);
    });

    it('do not come from a metadata service either', async () => {
      const issuer = issuerOf({ jwks_uri: 'https://169.254.169.254/', key_fetch: { proxy_url: proxy.url() } });
      expect(await gateway.open(issuer).find(ONE)).toMatchObject(UNAVAILABLE);
      expect(proxy.requests).toEqual([]);
    });
  });
});

describe('keys from a provider with TLS', () => {
  let tls: TlsFiles;
  let other: TlsFiles;
  let provider: IdentityProvider;
  beforeAll(async () => {
    tls = makeCertificate();
    other = makeCertificate('DNS:auth.test');
    provider = await IdentityProvider.start({ tls });
    provider.keys = [one];
  });
  afterAll(async () => {
    await provider.stop();
    tls.remove();
    other.remove();
  });

  const ask = async (
    keyFetch: object,
    jwksUri = provider.jwksUri,
  ): Promise<{ lookup: KeyLookup; reasons: unknown[] }> => {
    const gateway = new Gateway();
    const lookup = await gateway.open(issuerOf({ jwks_uri: jwksUri, key_fetch: keyFetch })).find(ONE);
    return { lookup, reasons: gateway.recorder.reasons };
  };
  const untrusted = { lookup: UNAVAILABLE, reasons: ['the connection failed (DEPTH_ZERO_SELF_SIGNED_CERT)'] };

  it('are believed when ca_file vouches for its certificate', async () => {
    expect(await ask({ ca_file: tls.caFile })).toMatchObject({ lookup: FOUND });
  });

  it('are not believed when nobody vouches for it, or only somebody else', async () => {
    expect(await ask({})).toMatchObject(untrusted);
    expect(await ask({ ca_file: other.caFile })).toMatchObject(untrusted);
  });

  it('are fetched and believed as the configuration says, whatever the environment holds', async () => {
    const proxy = await ConnectProxy.start();
    try {
      const names = ['HTTP_PROXY', 'http_proxy', 'HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'];
      const proxies = Object.fromEntries(names.map((name) => [name, proxy.url()]));
      const env = { ...proxies, NODE_USE_ENV_PROXY: '1', NODE_TLS_REJECT_UNAUTHORIZED: '0' };
      // Node reads some of these itself, so it takes a process of its own.
      const said = async (caFile: string | null): Promise<string> => {
        const script = `require(process.argv[1])
          .createDocumentFetcher(JSON.parse(process.argv[2]))(process.argv[3], AbortSignal.timeout(5000))
          .then(({ status }) => console.log(status), ({ message }) => console.log(message))`;
        const keyFetch = JSON.stringify({ ...issuerOf().keyFetch, caFile });
        const args = ['-e', script, FETCHER, keyFetch, provider.jwksUri];
        return (await promisify(execFile)(process.execPath, args, { env: { ...process.env, ...env } })).stdout.trim();
      };
      expect(await said(tls.caFile)).toBe('ok');
      expect(await said(null)).toBe('the connection failed (DEPTH_ZERO_SELF_SIGNED_CERT)');
      expect(proxy.requests).toEqual([]);
    } finally {
      await proxy.stop();
    }
  });

  it("are not believed when the certificate is another host's", async () => {
    const impostor = await IdentityProvider.start({ tls: other });
    try {
      const { lookup, reasons } = await ask({ ca_file: other.caFile }, impostor.jwksUri);
      expect(lookup).toMatchObject(UNAVAILABLE);
      expect(reasons).toEqual(['the connection failed (ERR_TLS_CERT_ALTNAME_INVALID)']);
    } finally {
      await impostor.stop();
    }
  });

  it('are believed through a proxy by the same rules', async () => {
    const proxy = await ConnectProxy.start();
    try {
      expect(await ask({ proxy_url: proxy.url(), ca_file: tls.caFile })).toMatchObject({ lookup: FOUND });
      expect(await ask({ proxy_url: proxy.url() })).toMatchObject(untrusted);
    } finally {
      await proxy.stop();
    }
  });

  it('are verified against the file as it is at the time of the fetch', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'ca-file-'));
    try {
      const caFile = join(folder, 'ca.pem');
      writeFileSync(caFile, other.cert);
      const gateway = new Gateway();
      const source = gateway.open(issuerOf({ jwks_uri: provider.jwksUri, key_fetch: { ca_file: caFile } }));
      expect(await found(source.find(ONE))).toBe(false);
      rmSync(caFile);
      gateway.pass(38);
      expect(await found(source.find(ONE))).toBe(false);
      expect(gateway.recorder.reasons[1]).toBe('ca_file: the file cannot be read (ENOENT)');
      writeFileSync(caFile, tls.cert);
      gateway.pass(100);
      expect(await found(source.find(ONE))).toBe(true);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
