import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { ConfigError } from '../../../schema/config-error';
import type { KeySource } from '../../../src/core/verification/key-source';
import { createKeySources } from '../../../src/keys/key-sources';
import { renewalChannel } from '../../../src/telemetry/channels';
import { FAULTS, IdentityProvider } from '../../support/identity-provider';
import { issuerOf, keySetOf, LogRecorder } from '../../support/key-issuer';
import { pem, signingKey } from '../../support/tokens';
import { CERTIFICATE } from '../../support/pem-certificate';

describe('the key sources of a process', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'key-sources-'));
    writeFileSync(join(folder, 'ca.pem'), CERTIFICATE);
    writeFileSync(join(folder, 'no-ca.pem'), 'not a certificate');
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });
  const create = (): ReturnType<typeof createKeySources> => createKeySources({ now: Date.now, log: () => undefined });

  it('are one for the same place and settings, whoever the issuer is', () => {
    const open = create();
    const source = open(issuerOf());
    expect(open(issuerOf())).toBe(source);
    expect(open(issuerOf({ issuer: 'https://other.test/', audiences: ['others'] }))).toBe(source);
  });

  it.each([
    ['another place', { jwks_uri: 'https://auth.test/jwks2' }],
    ['discovery', { discovery: true }],
    ['another limit', { key_fetch: { max_keys: 5 } }],
    ['other trust', { key_fetch: { allow_http: true } }],
    ['another proxy', { key_fetch: { proxy_url: 'http://proxy.test/' } }],
  ])('are others for %s', (_, changes) => {
    const open = create();
    expect(open(issuerOf(changes))).not.toBe(open(issuerOf()));
  });

  it('are not mixed up when an issuer and a jwks_uri are the same text', () => {
    const open = create();
    const text = 'https://auth.test/';
    expect(open(issuerOf({ issuer: text, discovery: true }))).not.toBe(open(issuerOf({ jwks_uri: text })));
  });

  it('are not more than a process can hold, and go on working for who has them', () => {
    const open = create();
    const first = open(issuerOf());
    for (let at = 0; at < 256; at++) open(issuerOf({ jwks_uri: `https://auth.test/${at}` }));
    expect(open(issuerOf())).not.toBe(first);
    expect(first.holds({ kid: null, algorithms: ['ES256'], key: signingKey('ES256').publicKey })).toBe(false);
  });

  it('ask for a JWK set by its media type', async () => {
    const provider = await IdentityProvider.start();
    await create()(issuerOf({ jwks_uri: provider.jwksUri })).find({ alg: 'ES256', kid: 'k' });
    await provider.stop();
    expect(provider.requests.map(({ headers }) => headers.accept)).toEqual([
      'application/jwk-set+json, application/json',
    ]);
  });

  it('are read from the configuration when they stand there', () => {
    const source = create()(issuerOf({ public_key: pem(signingKey('ES256')) }));
    expect(source.find({ alg: 'ES256', kid: undefined })).toMatchObject({ status: 'found' });
  });

  it('warn of keys of an inline set that are not used, and quote nothing of them', () => {
    const recorder = new LogRecorder();
    const leaked = { ...signingKey('ES256').privateKey.export({ format: 'jwk' }), kid: 'leaked' };
    const open = createKeySources({ now: Date.now, log: recorder.log });
    open(issuerOf({ jwks: JSON.stringify(keySetOf(signingKey('ES256'), leaked)) }));
    expect(recorder.records).toEqual([
      {
        level: 'warn',
        message: 'some keys of jwks in the configuration are not used',
        fields: { issuer: 'https://auth.test/', skipped: 1, reasons: 'key 2: it is a private key' },
      },
    ]);
  });

  it('tell of such keys whoever asked to be told, and the log nothing', () => {
    const [told, recorder] = [[] as string[][], new LogRecorder()];
    const onUnusedKeys = (...about: string[]): void => void told.push(about);
    const open = createKeySources({ now: Date.now, log: recorder.log, onUnusedKeys });
    open(issuerOf({ jwks: JSON.stringify(keySetOf(signingKey('ES256'), { kty: 'XYZ' })) }));
    expect(told).toEqual([['https://auth.test/', 'key 2: its kty is not supported']]);
    expect(recorder.records).toEqual([]);
  });

  it('are opened with a ca_file that holds a certificate', () => {
    expect(create()(issuerOf({ key_fetch: { ca_file: join(folder, 'ca.pem') } }))).toBeDefined();
  });

  it.each([
    ['missing.pem', 'the file cannot be read (ENOENT)'],
    ['no-ca.pem', 'the file does not hold a PEM certificate'],
  ])('are refused with the field and the reason when ca_file is %s', (name, reason) => {
    const open = (): unknown => create()(issuerOf({ key_fetch: { ca_file: join(folder, name) } }));
    expect(open).toThrow(ConfigError);
    expect(open).toThrow(`config.issuers.key_fetch.ca_file: ${reason} (issuer https://auth.test/)`);
  });

  it('are refused with the field and the reason when bearer_token_file holds no token', () => {
    const bearer_token_file = join(folder, 'no-ca.pem');
    const open = (): unknown => create()(issuerOf({ key_fetch: { bearer_token_file } }));
    expect(open).toThrow(ConfigError);
    expect(open).toThrow('config.issuers.key_fetch.bearer_token_file: the file does not hold a bearer token');
  });
});

describe('keys on the network', () => {
  const [one, two] = [signingKey('ES256', '1'), signingKey('ES256', '2')];
  const ONE = { alg: 'ES256', kid: '1' } as const;
  const TWO = { alg: 'ES256', kid: '2' } as const;
  const METADATA = '/.well-known/openid-configuration';
  let provider: IdentityProvider;
  let nowMs: number;
  let recorder: LogRecorder;
  beforeEach(async () => {
    provider = await IdentityProvider.start();
    provider.keys = [one];
    nowMs = 1_800_000_000_000;
    recorder = new LogRecorder();
  });
  afterEach(() => provider.stop());

  const now = (): number => nowMs;
  const start = (): ReturnType<typeof createKeySources> =>
    createKeySources({ now, monotonic: now, random: () => 0.5, log: recorder.log });
  const asked = (): string[] => provider.requests.splice(0).map(({ path }) => path);
  const discovered = (key_fetch: object = {}): KeySource =>
    start()(issuerOf({ issuer: provider.issuer, discovery: true, key_fetch }));

  it('that are discovered are looked for again after max_ttl only', async () => {
    const source = discovered({ max_ttl: 1000 });
    expect(await source.find(ONE)).toMatchObject({ status: 'found' });
    expect(asked()).toEqual([METADATA, '/jwks']);
    nowMs += 600_000;
    await source.find(ONE);
    expect(asked()).toEqual(['/jwks']);
    nowMs += 600_000;
    await source.find(ONE);
    expect(asked()).toEqual([METADATA, '/jwks']);
  });

  it('that are discovered are looked for again when they could not be had', async () => {
    const source = discovered();
    await source.find(ONE);
    provider.metadata = { jwks_uri: `${provider.issuer}moved` };
    provider.fault = FAULTS.error;
    nowMs += 600_000;
    await source.find(TWO);
    provider.fault = undefined;
    asked();
    nowMs += 100_000;
    await source.find(TWO);
    expect(asked()).toEqual([METADATA, '/moved']);
  });

  it.each(['discovered', 'at jwks_uri'])(
    'that are %s are fetched past all caches when they are renewed',
    async (how) => {
      const source =
        how === 'discovered'
          ? discovered()
          : start()(issuerOf({ issuer: provider.issuer, jwks_uri: provider.jwksUri }));
      await source.find(ONE);
      const controls = (): unknown[] => provider.requests.map(({ headers }) => headers['cache-control']);
      expect(controls().filter((control) => control !== undefined)).toEqual([]);
      asked();
      provider.keys = [two];
      renewalChannel.publish({});
      while ((await source.find(TWO)).status !== 'found') await new Promise(setImmediate);
      expect(controls()).toEqual(provider.requests.map(() => 'no-cache'));
      expect(asked()).toEqual(how === 'discovered' ? [METADATA, '/jwks'] : ['/jwks']);
    },
  );

  it('are taken from cache_directory in an outage, but not those that were got by other rules of trust', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'key-sources-'));
    writeFileSync(join(folder, 'ca.pem'), CERTIFICATE);
    try {
      const cache_directory = join(folder, 'keys');
      const { issuer, jwksUri: jwks_uri } = provider;
      const fields = { issuer, jwks_uri, key_fetch: { cache_directory } };
      const statusOf = async (changes: object, keyFetch: object = {}): Promise<string> => {
        const key_fetch = { cache_directory, timeout_ms: 5000, ...keyFetch };
        return (await start()(issuerOf({ ...fields, ...changes, key_fetch })).find(ONE)).status;
      };
      await start()(issuerOf(fields)).find(ONE);
      const isKept = (): boolean =>
        existsSync(cache_directory) && readdirSync(cache_directory).some((name) => name.endsWith('.json'));
      while (!isKept()) await new Promise(setImmediate);
      await provider.stop();
      expect(await statusOf({})).toBe('found');
      for (const [changes, keyFetch] of [
        [{}, { allow_http: true }],
        [{}, { ca_file: join(folder, 'ca.pem') }],
        [{ jwks_uri: `${jwks_uri}2` }, {}],
        [{ issuer: jwks_uri, jwks_uri: undefined, discovery: true }, {}],
      ] as const) {
        expect(await statusOf(changes, keyFetch)).toBe('unavailable');
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
