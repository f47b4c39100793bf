import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ConfigError } from '../../../schema/config-error';
import { localKeySet } from '../../../src/keys/local-key-set';
import { signingKeyFile } from '../../../src/keys/signing-key-file';
import { announceSigningKey, promoteSigningKey, publicKeySet, readSigningKeys } from '../../../src/keys/signing-keys';
import { renewalChannel } from '../../../src/telemetry/channels';
import { createLogger } from '../../../src/telemetry/log';
import { publicJwk, signingKey } from '../../support/tokens';

const privateJwk = (alg: 'EdDSA' | 'ES256' | 'ES384' | 'RS256', members: object = {}): object => {
  const key = signingKey(alg, 'k');
  return { ...key.privateKey.export({ format: 'jwk' }), kid: 'k', ...members };
};
const okpJwk = (type: 'x25519' | 'ed448'): object => ({
  ...generateKeyPairSync(type as 'ed448').privateKey.export({ format: 'jwk' }),
  kid: 'k',
});
const setOf = (...keys: readonly unknown[]): string => JSON.stringify({ keys });

describe('signing keys', () => {
  it.each(['EdDSA', 'ES256'] as const)('are read from a JWK set: %s', (alg) => {
    expect(readSigningKeys(setOf(privateJwk(alg)))).toMatchObject([{ kid: 'k', alg, key: { type: 'private' } }]);
  });

  it.each<[string, string, string]>([
    ['no JSON', 'SECRET', 'not JSON'],
    ['no set', '{"key":"SECRET"}', 'not a JWK set: an object with a "keys" list (RFC 7517 §5)'],
    ['an empty set', setOf(), 'there is no signing key'],
    ['no object', setOf('SECRET'), 'signing key 1: it is not an object'],
    ['no kid', setOf(privateJwk('EdDSA', { kid: undefined })), 'signing key 1: it has no kid'],
    ['an empty kid', setOf(privateJwk('EdDSA', { kid: '' })), 'signing key 1: it has no kid'],
    ['an RSA key', setOf(privateJwk('RS256')), 'signing key 1: it is for neither Ed25519 nor P-256'],
    ['an X25519 key', setOf(okpJwk('x25519')), 'signing key 1: it is for neither Ed25519 nor P-256'],
    ['an Ed448 key', setOf(okpJwk('ed448')), 'signing key 1: it is for neither Ed25519 nor P-256'],
    ['another curve', setOf(privateJwk('ES384')), 'signing key 1: it is for neither Ed25519 nor P-256'],
    ['another alg', setOf(privateJwk('ES256', { alg: 'ES384' })), 'signing key 1: its alg is not ES256'],
    ['a public key', setOf(publicJwk(signingKey('EdDSA', 'k'))), 'signing key 1: it is no private key'],
    ['a broken key', setOf(privateJwk('EdDSA', { d: 'SECRET' })), 'signing key 1: it is no private key'],
    ['a kid twice', setOf(privateJwk('EdDSA'), privateJwk('ES256')), 'signing key 2: its kid stands twice'],
  ])('cannot be %s, and nothing of it is quoted', (_, text, message) => {
    expect(() => readSigningKeys(text)).toThrow(message);
    expect(() => readSigningKeys(text)).not.toThrow('SECRET');
  });

  it('are published without what is private', () => {
    const text = setOf(privateJwk('EdDSA', { kid: 'a' }), privateJwk('ES256', { kid: 'b' }));
    const published = publicKeySet(readSigningKeys(text));
    expect(published.keys).toEqual([
      { kty: 'OKP', crv: 'Ed25519', x: expect.any(String), kid: 'a', alg: 'EdDSA', use: 'sig' },
      { kty: 'EC', crv: 'P-256', x: expect.any(String), y: expect.any(String), kid: 'b', alg: 'ES256', use: 'sig' },
    ]);
  });

  it('rotate in two steps: the new one is published, then it signs; the one before stays until the next', () => {
    const first = announceSigningKey('EdDSA');
    const announced = announceSigningKey('ES256', first);
    const promoted = promoteSigningKey(announced);
    const next = announceSigningKey('EdDSA', promoted);
    const kids = [first, announced, promoted, next].map((text) => readSigningKeys(text).map(({ kid }) => kid));
    const [a, b, c] = [kids[1]?.[0], kids[1]?.[1], kids[3]?.[1]];
    expect(kids).toEqual([[a], [a, b], [b, a], [b, c]]);
    expect(new Set([a, b, c]).size).toBe(3);
    expect(JSON.parse(first)).toMatchObject({ keys: [{ alg: 'EdDSA', use: 'sig' }] });
    const three = setOf(...['a', 'b', 'c'].map((kid) => privateJwk('EdDSA', { kid })));
    expect(readSigningKeys(promoteSigningKey(three)).map(({ kid }) => kid)).toEqual(['c', 'a', 'b']);
    for (const rotate of [promoteSigningKey, (text: string) => announceSigningKey('EdDSA', text)]) {
      expect(() => rotate('{}')).toThrow('not a JWK set');
    }
  });
});

describe('a file of keys', () => {
  let folder: string;
  let path: string;
  let now: number;
  let logs: string[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'keys-'));
    path = join(folder, 'keys.json');
    now = 0;
    logs = [];
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const dependencies = () => ({ now: () => now, log: createLogger('debug', (line) => logs.push(line)).log });

  it('is read again when it was replaced', () => {
    writeFileSync(path, setOf(privateJwk('EdDSA', { kid: 'a' })), { mode: 0o600 });
    const source = signingKeyFile(path, dependencies());
    expect(source().kid).toBe('a');
    writeFileSync(`${path}.new`, setOf(privateJwk('EdDSA', { kid: 'b' })), { mode: 0o600 });
    renameSync(`${path}.new`, path);
    now = 4_999;
    expect(source().kid).toBe('a');
    now = 5_000;
    expect(source().kid).toBe('b');
  });

  it('is read again at once when all keys are to be, also when it looks the same', () => {
    const write = (kid: string): void => {
      writeFileSync(path, setOf(privateJwk('EdDSA', { kid })), { mode: 0o600 });
      utimesSync(path, 1, 1);
    };
    write('a');
    const source = signingKeyFile(path, dependencies());
    expect(source().kid).toBe('a');
    write('b');
    now = 5_000;
    expect(source().kid).toBe('a');
    renewalChannel.publish({});
    expect(source().kid).toBe('b');
    expect(source().kid).toBe('b');
    expect(logs).toHaveLength(1);
  });

  it('stays in use as it was when it can no longer be used, and quotes nothing of it in the log', () => {
    writeFileSync(path, setOf(privateJwk('EdDSA', { kid: 'a' })), { mode: 0o600 });
    const source = signingKeyFile(path, dependencies());
    source();
    writeFileSync(path, 'SECRET', { mode: 0o600 });
    now += 5_000;
    expect(source().kid).toBe('a');
    rmSync(path);
    now += 5_000;
    expect(source().kid).toBe('a');
    expect(logs).toHaveLength(2);
    expect(logs.join()).not.toContain('SECRET');
  });

  it.each([0o644, 0o666])('is not used when others may read it or write to it (mode %o)', (mode) => {
    writeFileSync(path, setOf(privateJwk('EdDSA')));
    chmodSync(path, mode);
    const source = signingKeyFile(path, dependencies());
    expect(source).toThrow(/^config\.identity_token: signing keys: others may (read|write to) .*: chmod /);
  });

  it('stays in use as it was when others may read it from some time on', () => {
    writeFileSync(path, setOf(privateJwk('EdDSA', { kid: 'a' })), { mode: 0o600 });
    const source = signingKeyFile(path, dependencies());
    source();
    writeFileSync(path, setOf(privateJwk('EdDSA', { kid: 'b' })));
    chmodSync(path, 0o644);
    now += 5_000;
    expect(source().kid).toBe('a');
    expect(logs.join()).toContain('others may read');
  });

  it.each([
    ['that has no name', () => '', 'needs signing keys: serve --signing-keys or JWT_IDENTITY_SIGNING_KEYS'],
    ['that is not named', () => undefined, 'needs signing keys: serve --signing-keys or JWT_IDENTITY_SIGNING_KEYS'],
    ['that is not there', () => path, 'signing keys: ENOENT'],
  ])('%s is an error of the configuration', (_, pathOf, message) => {
    const source = signingKeyFile(pathOf(), dependencies());
    expect(source).toThrow(ConfigError);
    expect(source).toThrow(`config.identity_token: ${message}`);
  });

  it('of public keys loses a key that was removed', async () => {
    const [a, b] = [signingKey('EdDSA', 'a'), signingKey('ES256', 'b')];
    writeFileSync(path, setOf(publicJwk(a), publicJwk(b)), { mode: 0o600 });
    const source = localKeySet(path, dependencies());
    const found = await source.find({ alg: 'EdDSA', kid: 'a' });
    expect(found).toMatchObject({ status: 'found', key: { kid: 'a' } });
    const { key } = found as Extract<typeof found, { status: 'found' }>;
    expect(source.holds(key)).toBe(true);
    writeFileSync(path, setOf(publicJwk(b)), { mode: 0o600 });
    now = 5_000;
    expect(source.holds(key)).toBe(false);
    expect(await source.find({ alg: 'EdDSA', kid: 'a' })).toMatchObject({ status: 'not_found' });
  });

  it('of public keys keeps those that are still in it, with the tokens that they verified', async () => {
    const [a, b] = [signingKey('EdDSA', 'a'), signingKey('ES256', 'b')];
    writeFileSync(path, setOf(publicJwk(a)), { mode: 0o600 });
    const source = localKeySet(path, dependencies());
    const found = await source.find({ alg: 'EdDSA', kid: 'a' });
    const { key } = found as Extract<typeof found, { status: 'found' }>;
    writeFileSync(path, setOf(publicJwk(b), publicJwk(a)), { mode: 0o600 });
    now = 5_000;
    expect(source.holds(key)).toBe(true);
    expect(await source.find({ alg: 'ES256', kid: 'b' })).toMatchObject({ status: 'found' });
    expect(logs).toHaveLength(1);
  });

  it.each<readonly [string, () => readonly unknown[], string]>([
    ['more than 64 keys', () => Array<object>(65).fill(publicJwk(signingKey('EdDSA', 'a'))), 'more than 64 keys'],
    ['private keys', () => [privateJwk('EdDSA')], 'no usable key (key 1: it is a private key)'],
    ['secrets', () => [{ kty: 'oct', k: 'A'.repeat(86) }], 'no usable key (key 1: it is a secret)'],
  ])('of public keys is refused when it has %s', (_, keys, reason) => {
    writeFileSync(path, setOf(...keys()), { mode: 0o600 });
    expect(() => localKeySet(path, dependencies())).toThrow(reason);
  });

  it('of public keys may have 64 keys', () => {
    const keys = Array.from({ length: 64 }, (_, at) => ({ ...publicJwk(signingKey('EdDSA')), kid: `${at}` }));
    writeFileSync(path, setOf(...keys), { mode: 0o600 });
    const last = localKeySet(path, dependencies()).find({ alg: 'EdDSA', kid: '63' });
    expect(last).toMatchObject({ status: 'found' });
  });

  it('of public keys is not quoted when it is no JSON, since it may be the wrong file', () => {
    writeFileSync(path, '"d": "SECRET"', { mode: 0o600 });
    expect(() => localKeySet(path, dependencies())).toThrow(/^not JSON$/);
  });
});
