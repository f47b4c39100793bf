import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { inspectOnline } from '../../../src/cli/check/online';
import { findingLine, inspect } from '../../../src/cli/diagnosis';
import { keySetOf } from '../../support/key-issuer';
import { pem, publicJwk, signingKey, signToken } from '../../support/tokens';

const es = signingKey('ES256', 'es');
const rs = signingKey('RS256', 'rs');

/** What the issuer answers, by path. A function decides itself. */
let pages: Record<string, unknown>;
let asked: { method: string; path: string; headers: IncomingMessage['headers'] }[];
let server: Server;
let origin: string;

beforeEach(async () => {
  asked = [];
  server = createServer((request, response) => {
    const path = request.url ?? '';
    asked.push({ method: request.method ?? '', path, headers: request.headers });
    const page = pages[path];
    if (typeof page === 'function') (page as (answer: ServerResponse) => void)(response);
    else if (page === undefined) response.writeHead(404).end();
    else response.end(typeof page === 'string' ? page : JSON.stringify(page));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  pages = {
    '/.well-known/openid-configuration': {
      issuer: origin,
      jwks_uri: `${origin}/jwks`,
      id_token_signing_alg_values_supported: ['ES256', 'RS256'],
    },
    '/jwks': keySetOf(es, rs),
  };
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

/** A file with one policy, the fields of whose issuer are given, in JSON, one a line from line 4 on. */
function policies(issuer: object, more: object = {}): string {
  const fields = Object.entries({ audiences: ['shop'], ...issuer }).map(
    ([name, value]) => `        ${name}: ${JSON.stringify(value)}\n`,
  );
  const others = Object.entries(more).map(([name, value]) => `    ${name}: ${JSON.stringify(value)}\n`);
  return `policies:\n  orders:\n    issuers:\n      -\n${fields.join('')}${others.join('')}`;
}

async function look(text: string): Promise<{ lines: string[]; seen: string[] }> {
  const inspection = inspect(text, { environment: {} });
  expect(inspection.findings().filter(({ severity }) => severity === 'error')).toEqual([]);
  const known = inspection.findings().length;
  const seen = (await inspectOnline(inspection)).map(({ target, seen: what }) => `${target}: ${what}`);
  const found = inspection.findings();
  expect(found.length).toBeGreaterThanOrEqual(known);
  const lines = found.map((finding) => findingLine('p.yml', finding).replaceAll(origin, 'ORIGIN'));
  return { lines, seen: seen.map((line) => line.replaceAll(origin, 'ORIGIN')) };
}

describe('check --online', () => {
  it('finds nothing when discovery, keys and algorithms fit, and says what it saw', async () => {
    const { lines, seen } = await look(policies({ issuer: origin, discovery: true, algorithms: ['ES256', 'RS256'] }));
    expect(lines.filter((line) => !line.includes('is an http: URL'))).toEqual([]);
    expect(seen).toEqual([
      'discovery document of ORIGIN: found',
      'ORIGIN/jwks: 2 usable keys (kid "es", for ES256; kid "rs", for RS256)',
    ]);
  });

  it('sends nothing but GET requests without credentials, one for each document', async () => {
    const text = policies({ issuer: origin, discovery: true }).replace('orders:', 'orders: &same');
    await look(`${text}  again: *same\n`);
    expect(asked.map(({ method, path }) => `${method} ${path}`)).toEqual([
      'GET /.well-known/openid-configuration',
      'GET /jwks',
    ]);
    expect(asked.every(({ headers }) => headers.authorization === undefined && headers.cookie === undefined)).toBe(
      true,
    );
  });

  it.each<[what: string, issuer: () => object, change: () => void, words: RegExp]>([
    [
      'an issuer that differs by its last slash, with discovery',
      () => ({ issuer: `${origin}/`, discovery: true }),
      () => undefined,
      /^p.yml:6:9: error: issuers\[1\].issuer: the discovery document names the issuer "ORIGIN": only the last slash/,
    ],
    [
      'an issuer that differs by its last slash, with jwks_uri',
      () => ({ issuer: `${origin}/`, jwks_uri: `${origin}/jwks` }),
      () => undefined,
      /^p.yml:6:9: error: issuers\[1\].issuer: the discovery document names the issuer "ORIGIN": only the last slash/,
    ],
    [
      'an issuer that calls itself otherwise',
      () => ({ issuer: `${origin}/a`, discovery: true }),
      () => (pages['/a/.well-known/openid-configuration'] = { issuer: 'https://b.test', jwks_uri: `${origin}/jwks` }),
      /^p.yml:6:9: error: issuers\[1\].issuer: the discovery document names the issuer "https:\/\/b.test": tokens must/,
    ],
    [
      'another jwks_uri',
      () => ({ issuer: origin, jwks_uri: `${origin}/old` }),
      () => (pages['/old'] = keySetOf(es)),
      /^p.yml:7:9: warning: issuers\[1\].jwks_uri: the discovery document names another one: "ORIGIN\/jwks"/,
    ],
    [
      'no discovery document',
      () => ({ issuer: origin, discovery: true }),
      () => (pages = {}),
      /^p.yml:7:9: error: issuers\[1\].discovery: keys cannot be found: discovery: the provider answered 404/,
    ],
    [
      'a discovery document without jwks_uri',
      () => ({ issuer: origin, discovery: true }),
      () => (pages['/.well-known/openid-configuration'] = { issuer: origin }),
      /^p.yml:7:9: error: issuers\[1\].discovery: keys cannot be fetched: discovery: the document has no jwks_uri/,
    ],
    [
      'a key set that is no JSON',
      () => ({ issuer: origin, jwks_uri: `${origin}/jwks` }),
      () => (pages['/jwks'] = '<html>'),
      /^p.yml:7:9: error: issuers\[1\].jwks_uri: keys cannot be fetched: the document is not JSON/,
    ],
    [
      'a key set without a usable key',
      () => ({ issuer: origin, jwks_uri: `${origin}/jwks` }),
      () => (pages['/jwks'] = keySetOf({ kty: 'oct', k: 'c2VjcmV0' })),
      /^p.yml:7:9: error: issuers\[1\].jwks_uri: keys cannot be fetched: the JWK set has no usable key \(key 1: it is a secret\)/,
    ],
    [
      'a key set above max_bytes',
      () => ({ issuer: origin, jwks_uri: `${origin}/jwks`, key_fetch: { max_bytes: 1024 } }),
      () => (pages['/jwks'] = `{"keys":[],"x":"${'y'.repeat(2000)}"}`),
      /^p.yml:7:9: error: .*jwks_uri: keys cannot be fetched: the document has more than 1024 bytes/,
    ],
    [
      'an issuer that never answers',
      () => ({ issuer: origin, jwks_uri: `${origin}/jwks`, key_fetch: { timeout_ms: 100 } }),
      () => (pages['/jwks'] = () => undefined),
      /^p.yml:7:9: error: .*jwks_uri: keys cannot be fetched: no complete answer within 100 ms/,
    ],
    [
      'keys at a metadata address',
      () => ({ issuer: origin, jwks_uri: 'https://169.254.169.254/jwks' }),
      () => undefined,
      /^p.yml:7:9: error: .*jwks_uri: keys cannot be fetched: the URL leads to a link-local or metadata address/,
    ],
    [
      'algorithms that no key fits',
      () => ({ issuer: origin, discovery: true, algorithms: ['ES512'] }),
      () => undefined,
      /^p.yml:8:9: error: issuers\[1\].algorithms: no key of the set fits: it has kid "es", for ES256; kid "rs", for RS256/,
    ],
    [
      'an algorithm that is published and not accepted',
      () => ({ issuer: origin, discovery: true, algorithms: ['ES256'] }),
      () => undefined,
      /^p.yml:8:9: warning: issuers\[1\].algorithms: the set has kid "rs", for RS256: tokens that it signs are rejected/,
    ],
    [
      'algorithms that the issuer says it does not use',
      () => ({ issuer: origin, discovery: true, algorithms: ['ES256'] }),
      () =>
        (pages['/.well-known/openid-configuration'] = {
          issuer: origin,
          jwks_uri: `${origin}/jwks`,
          id_token_signing_alg_values_supported: ['PS512'],
        }),
      /^p.yml:8:9: warning: .*the discovery document says that the issuer signs with "PS512" only/,
    ],
    [
      'a private key',
      () => ({ issuer: origin, discovery: true }),
      () => (pages['/jwks'] = keySetOf(es, { ...publicJwk(rs), d: 'c2VjcmV0' })),
      /^p.yml:7:9: warning: issuers\[1\].discovery: a key of the set is not used: key 2: it is a private key/,
    ],
    [
      'two keys of one name',
      () => ({ issuer: origin, discovery: true }),
      () => (pages['/jwks'] = keySetOf(es, signingKey('ES256', 'es'))),
      /^p.yml:7:9: warning: .*another key of the set has the same kid and algorithm as kid "es", for ES256/,
    ],
    [
      'keys without names',
      () => ({ issuer: origin, discovery: true }),
      () => (pages['/jwks'] = keySetOf(signingKey('ES256'), signingKey('ES256'))),
      /^p.yml:7:9: warning: .*2 keys of the set have no kid/,
    ],
    [
      'inline keys that lack a published one',
      () => ({ issuer: origin, jwks: JSON.stringify(keySetOf(es)) }),
      () => undefined,
      /^p.yml:7:9: warning: issuers\[1\].jwks: lacks the key "rs", which the issuer publishes/,
    ],
    [
      'inline keys that are no longer published',
      () => ({ issuer: origin, jwks: JSON.stringify(keySetOf(es, rs, signingKey('ES256', 'old'))) }),
      () => undefined,
      /^p.yml:7:9: warning: issuers\[1\].jwks: holds the key "old", which the issuer no longer publishes/,
    ],
  ])('finds %s, where the file says so', async (_, issuer, change, words) => {
    change();
    const { lines } = await look(policies(issuer()));
    expect(lines.filter((line) => words.test(line))).toHaveLength(1);
  });

  it('leaves keys for encryption alone, and says so', async () => {
    pages['/jwks'] = keySetOf(es, { ...publicJwk(rs), use: 'enc' });
    const { lines, seen } = await look(policies({ issuer: origin, discovery: true }));
    expect(lines.filter((line) => !line.includes('is an http: URL'))).toEqual([]);
    expect(seen[1]).toContain('not used: key 2: its use is not sig');
  });

  it('does not quote control characters of a provider', async () => {
    pages['/.well-known/openid-configuration'] = { issuer: 'https://a\u001b[31m\n.test', jwks_uri: `${origin}/jwks` };
    const { lines } = await look(policies({ issuer: origin, discovery: true }));
    expect(lines.join('')).toContain('names the issuer');
    expect(lines.join('')).not.toMatch(/[\u0000-\u001f]/);
  });

  it('sends the token of bearer_token_file to the origin of jwks_uri only', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'online-'));
    const token = join(folder, 'token');
    writeFileSync(token, 'a.b.c', { mode: 0o600 });
    const jwksUri = `${origin.replace('127.0.0.1', 'localhost')}/jwks`;
    const issuer = { issuer: origin, jwks_uri: jwksUri, key_fetch: { bearer_token_file: token } };
    const { seen } = await look(policies(issuer)).finally(() => {
      rmSync(folder, { recursive: true });
    });
    expect(seen.join()).not.toContain('discovery document');
    expect(asked.map(({ path, headers }) => [path, headers.authorization])).toEqual([['/jwks', 'Bearer a.b.c']]);
  });

  it('does not ask through a proxy that only a vault knows, and says so', async () => {
    const proxy = { proxy_url: '{vault://env/no-proxy}' };
    const { seen } = await look(policies({ issuer: origin, discovery: true, key_fetch: proxy }));
    expect(seen.join()).toMatch(/not asked: proxy_url is in a vault/);
    expect(asked).toEqual([]);
  });

  it('asks for the keys of the first tenant of a template', async () => {
    pages['/realms/blue/jwks'] = keySetOf(es);
    const { seen } = await look(
      policies({
        issuer: `${origin}/realms/{realm}`,
        jwks_uri: `${origin}/realms/{realm}/jwks`,
        tenants: ['blue', 'red'],
        caller_prefix: '{realm}:',
      }),
    );
    expect(seen.join()).toContain('ORIGIN/realms/blue/jwks: 1 usable keys');
  });

  it('reads revocation lists, and names those that cannot be used', async () => {
    const good = JSON.stringify({ iat: 1, revocations: [] });
    pages['/good'] = good;
    pages['/bad'] = '{"iat": 1, "revocations": 5}';
    const lists = ['good', 'bad', 'none'].map((name) => ({ url: `${origin}/${name}` }));
    const { lines, seen } = await look(
      policies({ issuer: origin, discovery: true }, { revocation_lists: [...lists, { file: '/nowhere/list.json' }] }),
    );
    expect(seen).toContain('ORIGIN/good: 0 entries');
    const words = lines.filter((line) => line.includes('revocation_lists'));
    expect(words).toEqual([
      expect.stringMatching(
        /error: revocation_lists\[2\].url: the list cannot be used, so requests are answered with 503/,
      ),
      expect.stringMatching(/error: revocation_lists\[3\].url: .*: the provider answered 404/),
      expect.stringMatching(/error: revocation_lists\[4\].file: .*\/nowhere\/list.json cannot be read \(ENOENT\)/),
    ]);
  });

  it('verifies a signed revocation list with the keys of its issuer', async () => {
    pages['/list'] = await signToken(
      rs,
      { iss: origin, iat: Math.floor(Date.now() / 1000), exp: Math.floor(Date.now() / 1000) + 60, revocations: [] },
      { typ: 'revocation-list+jwt', kid: 'es', alg: 'RS256' },
    );
    const list = { url: `${origin}/list`, signed: true, issuer: origin };
    const { lines } = await look(policies({ issuer: origin, discovery: true }, { revocation_lists: [list] }));
    expect(lines.filter((line) => line.includes('revocation_lists'))).toEqual([
      expect.stringMatching(/no key verifies the document/),
    ]);
  });

  it('does not ask Redis', async () => {
    const list = { redis: { host: '127.0.0.1', port: 1 } };
    const { seen, lines } = await look(policies({ issuer: origin, discovery: true }, { revocation_lists: [list] }));
    expect(seen).toContainEqual(expect.stringMatching(/^Redis: not asked: it takes more than GET requests/));
    expect(lines.join()).not.toContain('error');
  });

  it('asks for so many issuers at most, and says how many were left out', async () => {
    const names = ['a', 'b', 'c', 'd', 'e'];
    const policy = (name: string): string =>
      `  ${name}: { issuers: [{ issuer: '${origin}/${name}', audiences: [a], jwks_uri: '${origin}/jwks' }] }\n`;
    const inspection = inspect(`policies:\n${names.map(policy).join('')}`, { environment: {} });
    const seen = await inspectOnline(inspection, 2);
    expect(seen.at(-1)).toEqual({ target: '3 more', seen: 'not asked: they are too many' });
    expect(asked.filter(({ path }) => path === '/jwks')).toHaveLength(2);
  });

  it('leaves nothing on the disk', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'online-'));
    const kept = { cache_directory: folder };
    const now = Math.floor(Date.now() / 1000);
    const header = { typ: 'revocation-list+jwt' };
    pages['/list'] = await signToken(rs, { iss: origin, iat: now, exp: now + 60, revocations: [] }, header);
    const list = { url: `${origin}/list`, signed: true, issuer: origin, list_fetch: kept };
    const issuer = { issuer: origin, discovery: true, key_fetch: kept };
    const { seen } = await look(policies(issuer, { revocation_lists: [list] }));
    expect(seen).toContain('ORIGIN/list: 0 entries');
    // What is written is written after the answer: time for it to be.
    await new Promise((afterwards) => setTimeout(afterwards, 200));
    expect(readdirSync(folder)).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  it('compares nothing for a public key that only the file has', async () => {
    const { lines } = await look(policies({ issuer: 'anything', public_key: pem(es) }));
    expect(lines).toEqual([]);
    expect(asked).toEqual([]);
  });
});
