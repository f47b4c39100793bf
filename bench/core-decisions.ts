/**
 * What one decision of the core costs, in microseconds of processor time (all threads of this process, so that other work
 * on the machine hardly counts), how that grows, and what happens at the bounds. No Kong, no sockets: `decide` is called
 * as the plugin calls it.
 *
 *     npm run bench:core -- [decisions a row, default 3000]
 */
import { createHmac, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { ALGORITHMS } from '../schema/algorithms';
import { decide } from '../src/core/pipeline';
import { createTokenCache } from '../src/core/verification/token-cache';
import { signingKey, signToken, type SigningKey } from '../spec/support/tokens';
import { atTheBounds } from './core/bounds';
import {
  claims,
  clock,
  DECISIONS,
  measure,
  micros,
  noCache,
  one,
  policyOf,
  print,
  requestWith,
  type Row,
} from './core/decisions';

async function byAlgorithm(): Promise<void> {
  const rows: Row[] = [];
  for (const alg of ALGORITHMS) {
    const key = signingKey(alg, 'k');
    const policy = policyOf([key]);
    const request = requestWith(await signToken(key, claims));
    rows.push({
      algorithm: alg,
      'first time, µs': micros(await measure([request], policy, noCache)),
      'from the cache, µs': micros(await measure([request], policy, one(createTokenCache()))),
    });
  }
  print('By algorithm, 10 headers', rows);
}

async function byHeaders(key: SigningKey, token: string): Promise<void> {
  const rows: Row[] = [];
  for (const headers of [10, 30, 100]) {
    const request = requestWith(token, headers);
    const plain = await measure([request], policyOf([key]), one(createTokenCache()));
    const everything = policyOf([key], 1, {
      authorize: [{ methods: ['GET'], roles: ['support'] }],
      cookie_names: ['session'],
      reserved_headers: ['X-User-*', 'X-Consumer-*', ...Array.from({ length: 20 }, (_, i) => `X-Internal-${i}-*`)],
    });
    rows.push({
      headers,
      µs: micros(plain),
      'with rules, cookies and 22 reserved patterns, µs': micros(
        await measure([request], everything, one(createTokenCache())),
      ),
    });
  }
  print('By headers of the request, token from the cache', rows);
}

async function byIssuers(key: SigningKey, token: string): Promise<void> {
  const rows: Row[] = [];
  for (const issuers of [1, 10, 100, 1000]) {
    const policy = policyOf([key], issuers);
    const request = requestWith(token);
    rows.push({
      issuers,
      'first time, µs': micros(await measure([request], policy, noCache)),
      'from the cache, µs': micros(await measure([request], policy, one(createTokenCache()))),
    });
  }
  print('By issuers of the configuration (the last one is asked), ES256', rows);
}

async function byTenants(key: SigningKey): Promise<void> {
  const rows: Row[] = [];
  for (const count of [1, 100, 10_000]) {
    const tenants = Array.from({ length: count }, (_, index) => `tenant-${index}`);
    const template = { issuer: 'https://login.example.com/{tenant}/v2.0', tenants, tenant_claim: 'tid' };
    const policy = policyOf([key], 1, {}, template);
    const tid = `tenant-${count - 1}`;
    const token = await signToken(key, { ...claims, iss: `https://login.example.com/${tid}/v2.0`, tid });
    const request = requestWith(token);
    rows.push({
      tenants: count,
      'first time, µs': micros(await measure([request], policy, noCache)),
      'from the cache, µs': micros(await measure([request], policy, one(createTokenCache()))),
    });
  }
  print('By tenants of an issuer that is a template (the last one is asked), ES256', rows);
}

async function byKeys(): Promise<void> {
  const rows: Row[] = [];
  for (const count of [1, 10, 100, 1000]) {
    const keys = Array.from({ length: count }, (_, index) => ed25519(`k${index}`));
    const last = keys[count - 1];
    if (last === undefined) throw new Error('no key');
    const policy = policyOf(keys);
    const request = requestWith(await signToken(last, claims));
    rows.push({
      keys: count,
      'first time, µs': micros(await measure([request], policy, noCache)),
      'from the cache, µs': micros(await measure([request], policy, one(createTokenCache()))),
    });
  }
  print('By keys in the set (the last one signed), EdDSA', rows);
}

function ed25519(kid: string): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return { alg: 'EdDSA', kid, privateKey, publicKey };
}

async function byRoles(key: SigningKey): Promise<void> {
  const rows: Row[] = [];
  for (const count of [1, 10, 100, 500]) {
    const roles = Array.from({ length: count }, (_, index) => `role-${index}`);
    const identity_headers = [{ header: 'X-User-Roles', claim: 'roles', max_bytes: 16_384 }];
    const limits = { max_token_bytes: 65_536, identity_headers, authorize: [{ roles: [`role-${count - 1}`] }] };
    const policy = policyOf([key], 1, limits);
    const request = requestWith(await signToken(key, { ...claims, roles }));
    rows.push({
      roles: count,
      'first time, µs': micros(await measure([request], policy, noCache)),
      'from the cache, µs': micros(await measure([request], policy, one(createTokenCache()))),
    });
  }
  print('By roles in the token (the last one is asked for), ES256', rows);
}

/** Distinct tokens in turn; once they are more than the cache holds, every one of them is verified each time. */
async function byTokens(): Promise<void> {
  const key = signingKey('HS256', 'k');
  const policy = policyOf([key]);
  const rows: Row[] = [];
  // Fewer decisions a row are a look: it does without the long rows.
  for (const count of [10, 1_000, 20_000, 100_000, 1_000_000].filter((tokens) => tokens <= 400 * DECISIONS)) {
    const cache = createTokenCache();
    let spent = 0;
    let measured = 0;
    const rounds = count > 100_000 ? 1 : Math.max(2, Math.ceil((2 * DECISIONS) / count));
    for (let round = 0; round < rounds; round += 1) {
      for (let start = 0; start < count; start += 10_000) {
        const length = Math.min(10_000, count - start);
        const requests = Array.from({ length }, (_, index) => requestWith(hs256(key.privateKey, start + index)));
        const before = process.cpuUsage();
        for (const request of requests) await decide(request, policy, cache, clock);
        const { user, system } = process.cpuUsage(before);
        if (round === rounds - 1) [spent, measured] = [spent + user + system, measured + length];
      }
    }
    globalThis.gc?.();
    rows.push({
      tokens: count,
      µs: micros(spent / measured),
      'tokens in the cache': cache.size,
      'resident memory, MB': Math.round(process.memoryUsage().rss / 2 ** 20),
    });
  }
  print('By distinct tokens in turn, HS256, last round', rows);
}

const HS256_HEADER = Buffer.from(JSON.stringify({ alg: 'HS256', kid: 'k' })).toString('base64url');
function hs256(secret: KeyObject, user: number): string {
  const payload = Buffer.from(JSON.stringify({ ...claims, sub: `user-${user}` })).toString('base64url');
  const input = `${HS256_HEADER}.${payload}`;
  return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`;
}

async function main(): Promise<void> {
  const key = signingKey('ES256', 'k');
  const token = await signToken(key, claims);
  process.stdout.write(`Node ${process.version}, ${DECISIONS} decisions a row, processor time of one decision\n`);
  await byAlgorithm();
  await byHeaders(key, token);
  await byIssuers(key, token);
  await byTenants(key);
  await byKeys();
  await byRoles(key);
  await byTokens();
  await atTheBounds(key);
}

void main();
