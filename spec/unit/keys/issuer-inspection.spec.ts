import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { inspectIssuer, type IssuerInspection } from '../../../src/keys/issuer-inspection';
import { FetchError } from '../../../src/documents/fetch-error';
import { FAULTS, IdentityProvider } from '../../support/identity-provider';
import { issuerOf, keySetOf } from '../../support/key-issuer';
import { signingKey } from '../../support/tokens';

const key = signingKey('ES256', 'k');
let provider: IdentityProvider;
beforeEach(async () => {
  provider = await IdentityProvider.start();
  provider.keys = [key];
});
afterEach(() => provider.stop());

const inspect = (changes: object): Promise<IssuerInspection> =>
  inspectIssuer(issuerOf({ issuer: provider.issuer, ...changes }));
const inline = (): object => ({ jwks: JSON.stringify(keySetOf(signingKey('ES256', 'inline'))) });
const asked = (from = provider): string[] => from.requests.map(({ path }) => path);
const METADATA = '/.well-known/openid-configuration';

describe('the inspection of an issuer', () => {
  it.each<readonly [string, () => object]>([
    ['discovery', () => ({ discovery: true })],
    ['jwks_uri', () => ({ jwks_uri: provider.jwksUri })],
    ['inline keys', inline],
  ])('finds its metadata and the keys that it publishes, with %s', async (_, fields) => {
    provider.metadata = { id_token_signing_alg_values_supported: ['ES256', 7, ['a'], 'a'.repeat(65)] };
    const { metadata, keySet } = await inspect(fields());
    expect(metadata).toEqual({ issuer: provider.issuer, jwksUri: provider.jwksUri, algorithms: ['ES256'] });
    expect(keySet).toMatchObject({ uri: provider.jwksUri, keys: [{ kid: 'k' }], skipped: [] });
    expect(provider.requests.map(({ path, headers }) => [path, headers['cache-control']])).toEqual([
      [METADATA, 'no-cache'],
      ['/jwks', 'no-cache'],
    ]);
  });

  it('bounds what the metadata says', async () => {
    provider.metadata = {
      issuer: 'i'.repeat(2049),
      jwks_uri: [provider.jwksUri],
      id_token_signing_alg_values_supported: Array<string>(65).fill('ES256'),
    };
    const { metadata, keySet } = await inspect(inline());
    expect(metadata).toEqual({ issuer: undefined, jwksUri: undefined, algorithms: Array(64).fill('ES256') });
    expect(keySet).toBeUndefined();
    provider.metadata = { issuer: 'i'.repeat(2048), id_token_signing_alg_values_supported: 'ES256' };
    expect((await inspect(inline())).metadata).toMatchObject({ issuer: 'i'.repeat(2048), algorithms: [] });
  });

  it('finds the keys at jwks_uri although there is no metadata, and says why there is none', async () => {
    provider.fault = (request, response) => {
      if (request.url === '/jwks') response.end(JSON.stringify(keySetOf(key)));
      else response.writeHead(404).end();
    };
    const { metadata, keySet } = await inspect({ jwks_uri: provider.jwksUri });
    expect(metadata).toEqual(new FetchError('discovery: the provider answered 404, not 200', 404));
    expect(keySet).toMatchObject({ keys: [{ kid: 'k' }] });
  });

  it('looks for no keys when discovery finds no metadata, or that of another issuer', async () => {
    provider.metadata = { issuer: 'https://other.test/' };
    const named = await inspect({ discovery: true });
    expect(named.keySet).toEqual(new FetchError('discovery: the document names another issuer'));
    provider.fault = FAULTS.error;
    const failed = await inspect({ discovery: true });
    expect([failed.metadata, failed.keySet]).toEqual([expect.any(FetchError), undefined]);
    expect(provider.fetches).toBe(0);
  });

  it('says why the keys cannot be had', async () => {
    provider.keys = [];
    const { keySet } = await inspect({ jwks_uri: provider.jwksUri });
    expect(keySet).toEqual(new FetchError('the JWK set has no usable key'));
  });

  it.each(['http://keys.example.test/jwks', 'file:///etc/passwd', '/jwks'])(
    'does not ask for keys at %s, which only the metadata names',
    async (jwks_uri) => {
      provider.metadata = { jwks_uri };
      expect((await inspect(inline())).keySet).toBeUndefined();
    },
  );

  it.each(['accounts', 'http://idp.example.test/'])('asks nobody when the issuer is %s', async (issuer) => {
    expect(await inspectIssuer(issuerOf({ issuer, ...inline() }))).toEqual({ metadata: undefined, keySet: undefined });
  });
});

describe('the token of bearer_token_file', () => {
  let folder: string;
  let other: IdentityProvider;
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'inspection-'));
    writeFileSync(join(folder, 'token'), 'TOKEN');
    other = await IdentityProvider.start();
    other.keys = [key];
  });
  afterEach(async () => {
    await other.stop();
    rmSync(folder, { recursive: true });
  });
  const withToken = (): object => ({ key_fetch: { bearer_token_file: join(folder, 'token') } });
  const tokensSeen = (from: IdentityProvider): unknown[] => from.requests.map(({ headers }) => headers.authorization);

  it('is sent to the origin of jwks_uri only, so an issuer elsewhere is not asked for metadata', async () => {
    const { metadata, keySet } = await inspect({ jwks_uri: other.jwksUri, ...withToken() });
    expect([metadata, keySet]).toEqual([undefined, expect.objectContaining({ uri: other.jwksUri })]);
    expect([asked(), tokensSeen(other)]).toEqual([[], ['Bearer TOKEN']]);
  });

  it.each<readonly [string, () => object]>([
    ['jwks_uri is there', () => ({ jwks_uri: provider.jwksUri })],
    ['keys are discovered', () => ({ discovery: true })],
  ])('is sent to the origin of the issuer when %s', async (_, fields) => {
    await inspect({ ...fields(), ...withToken() });
    expect(tokensSeen(provider)).toEqual(['Bearer TOKEN', 'Bearer TOKEN']);
  });

  it('is not sent to another origin that the metadata names', async () => {
    provider.metadata = { jwks_uri: other.jwksUri };
    const { keySet } = await inspect({ discovery: true, ...withToken() });
    expect(keySet).toEqual(expect.objectContaining({ message: expect.stringContaining('is at another origin') }));
    expect(asked(other)).toEqual([]);
  });

  it('is sent to nobody when the keys are in the configuration', async () => {
    provider.metadata = { jwks_uri: other.jwksUri };
    expect(await inspect({ ...inline(), ...withToken() })).toEqual({ metadata: undefined, keySet: undefined });
    expect([asked(), asked(other)]).toEqual([[], []]);
  });
});
