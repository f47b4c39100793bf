import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConfigError } from '../../../schema/config-error';
import { createKeySources } from '../../../src/keys/key-sources';
import { IdentityProvider } from '../../support/identity-provider';
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
        message: 'keys of jwks in the configuration are not used',
        fields: { issuer: 'https://auth.test/', skipped: 1, reasons: 'key 2: it is a private key' },
      },
    ]);
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
});
