/**
 * What a signed identity costs, in microseconds of processor time (all threads of this process): a decision of the core
 * with and without `identity_token`, and what the guard of a service spends on a request. No Kong, no sockets.
 *
 *     npm run bench:identity -- [decisions a row, default 3000]
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseConfig } from '../schema/parse-config';
import { decide } from '../src/core/pipeline';
import { compilePolicy, type Policy } from '../src/core/policy';
import type { SigningAlgorithm } from '../src/core/identity/signing-key';
import { createTokenCache } from '../src/core/verification/token-cache';
import { gatewayAddresses } from '../src/guard/gateway-address';
import { gatewayIdentityToken } from '../src/guard/identity-token';
import type { GatewayProof } from '../src/guard/gateway-proof';
import { inlineKeySource } from '../src/keys/inline-key-source';
import { announceSigningKey, publicKeySet, readSigningKeys } from '../src/keys/signing-keys';
import { publicJwk, signingKey, signToken } from '../spec/support/tokens';

const DECISIONS = Number(process.argv[2] ?? 3000);
const GATEWAY = { issuer: 'https://gateway.example.com', audience: 'orders' };
const ISSUER = 'https://auth.example.com/';
const clock = (): number => Date.now() / 1000;
const caller = signingKey('ES256', 'k');

/** Runs something again and again and returns the microseconds of processor time that once took. */
async function measure(once: () => unknown): Promise<string> {
  // The compiler gets its time first.
  for (let i = 0; i < DECISIONS; i += 1) await once();
  const before = process.cpuUsage();
  for (let i = 0; i < DECISIONS; i += 1) await once();
  const { user, system } = process.cpuUsage(before);
  return ((user + system) / DECISIONS).toFixed(1);
}

async function gateway(alg: SigningAlgorithm, identityToken: object | null): Promise<() => Promise<unknown>> {
  const [key] = readSigningKeys(announceSigningKey(alg));
  const issuers = [{ issuer: ISSUER, audiences: ['shop'], jwks: JSON.stringify({ keys: [publicJwk(caller)] }) }];
  const config = parseConfig({ issuers, identity_token: identityToken });
  const policy: Policy = compilePolicy(config, inlineKeySource, () => key);
  const claims = { iss: ISSUER, aud: 'shop', sub: 'user-42', roles: ['user', 'support'], exp: clock() + 3600 };
  const headers = { host: 'api.test', accept: '*/*', authorization: `Bearer ${await signToken(caller, claims)}` };
  const cache = createTokenCache();
  return () => decide({ headers, method: 'GET', path: '/orders' }, policy, cache, clock);
}

function service(proof: GatewayProof, tokens: readonly string[]): () => unknown {
  const socket = { remoteAddress: '10.1.0.10' };
  let next = 0;
  return () => {
    const token = tokens[next++ % tokens.length] ?? '';
    const headers = (name: string): string[] => (name === 'X-Identity-Token' ? [token] : []);
    return proof({ method: 'GET', path: '/orders', socket, headers });
  };
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-'));
  const jwksFile = join(folder, 'jwks.json');
  const keys = readSigningKeys(announceSigningKey('EdDSA'));
  writeFileSync(jwksFile, JSON.stringify(publicKeySet(keys)));
  const now = Math.floor(clock());
  const [{ key, kid, alg }] = keys;
  const claims = { iss: GATEWAY.issuer, aud: GATEWAY.audience, iat: now, exp: now + 300, identity_headers: {} };
  const mint = (jti: number): Promise<string> =>
    signToken({ alg, kid, privateKey: key, publicKey: key }, { ...claims, jti }, { typ: 'gateway-identity+jwt' });
  const tokens = await Promise.all(Array.from({ length: DECISIONS * 2 }, (_, index) => mint(index)));
  const proof = gatewayIdentityToken({ ...GATEWAY, jwksFile });
  const bound = { ...GATEWAY, bind_request: true };
  const off = await gateway('EdDSA', null);
  await measure(off);
  const rows = [
    ['gateway, off', await measure(off)],
    ['gateway, on', await measure(await gateway('EdDSA', GATEWAY))],
    ['gateway, bound to the request, EdDSA', await measure(await gateway('EdDSA', bound))],
    ['gateway, bound to the request, ES256', await measure(await gateway('ES256', bound))],
    ['guard, by address', await measure(service(gatewayAddresses(['10.1.0.0/16']), tokens))],
    ['guard, by a token that it knows', await measure(service(proof, tokens.slice(0, 1)))],
    ['guard, by a new token, EdDSA', await measure(service(proof, tokens.slice(1)))],
  ] as const;
  rmSync(folder, { recursive: true });
  console.table(Object.fromEntries(rows.map(([title, micros]) => [title, { 'CPU µs': Number(micros) }])));
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
