import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { decodeProtectedHeader, type JSONWebKeySet } from 'jose';
import { createGuard } from '../../src/guard/guard';
import { gatewayIdentityToken } from '../../src/guard/identity-token';
import { announceSigningKey, promoteSigningKey } from '../../src/keys/signing-keys';
import { KongSide } from '../support/kong-side';
import { runCommand, type RunningCommand } from '../support/server-process';
import { publicJwk, signingKey, signToken } from '../support/tokens';

const caller = signingKey('ES256', 'k');
const GATEWAY = { issuer: 'https://gateway.test', audience: 'orders' };
const CONFIG = {
  issuers: [{ issuer: 'https://auth.test/', audiences: ['shop'], jwks: JSON.stringify({ keys: [publicJwk(caller)] }) }],
  identity_token: GATEWAY,
};

let folder: string;
let keyFile: string;
let keys: string;
let server: RunningCommand;
let jwksUri: string;
let authorization: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'signed-'));
  keyFile = join(folder, 'signing-keys.json');
  keys = announceSigningKey('EdDSA');
  writeFileSync(keyFile, keys, { mode: 0o600 });
  const socket = join(folder, 'plugin.sock');
  const flags = ['--workers', '1', '--signing-keys', keyFile, '--jwks', '0'];
  server = runCommand(['serve', '--socket', socket, ...flags]);
  const [, port = ''] = await server.logged(/publishing keys address=127\.0\.0\.1 port=(\d+)/);
  jwksUri = `http://127.0.0.1:${port}/.well-known/jwks.json`;
  await server.logged(/notice: serving/);
  const claims = { iss: 'https://auth.test/', aud: 'shop', sub: 'ada', roles: ['admin'], exp: 4_000_000_000 };
  authorization = `Bearer ${await signToken(caller, claims)}`;
}, 60_000);
afterAll(async () => {
  server.process.kill('SIGTERM');
  await server.ended;
  rmSync(folder, { recursive: true });
});

/** The identity headers that a service would receive. */
async function serviceHeaders(config: object): Promise<Record<string, string>> {
  const kong = await KongSide.connect(join(folder, 'plugin.sock'));
  const id = await kong.start(config, 'jwt-identity');
  const { outcome, calls } = await kong.event(id!, {
    'kong.request.get_headers': { authorization, 'x-user-id': 'evil', 'x-identity-token': 'evil' },
    'kong.request.get_method': 'GET',
    'kong.nginx.get_var': ([name]: readonly string[]) => (name === 'upstream_uri' ? '/v1/orders' : ''),
  });
  await kong.close();
  expect(outcome).toBe('proceed');
  const { args } = calls.find(({ method }) => method === 'kong.service.request.set_headers')!;
  const headers = Object.entries(args[0] as Record<string, string | readonly string[]>);
  return Object.fromEntries(headers.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

const published = async (): Promise<JSONWebKeySet> => (await fetch(jwksUri)).json() as Promise<JSONWebKeySet>;

describe('a gateway that signs identities', () => {
  it('publishes its public keys and nothing more', async () => {
    const response = await fetch(jwksUri);
    expect(response.headers.get('content-type')).toBe('application/jwk-set+json');
    expect(Object.keys((await published()).keys[0]!).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x']);
    expect((await fetch(new URL('/', jwksUri))).status).toBe(404);
    expect((await fetch(jwksUri, { method: 'POST' })).status).toBe(405);
    expect(server.stderr()).not.toContain((JSON.parse(keys) as { keys: { d: string }[] }).keys[0]!.d);
  });

  it('is believed by a service that knows only where its keys are', async () => {
    const guard = createGuard({ proofs: [gatewayIdentityToken({ ...GATEWAY, jwksUri })] });
    const route = guard.route((_, identity) => Response.json(identity));
    const headers = await serviceHeaders(CONFIG);
    const genuine = await route(new Request('http://orders.test/', { headers }), undefined);
    expect(await genuine.json()).toMatchObject({ id: 'ada', roles: ['admin'] });
    const forged = { ...headers, 'X-User-Roles': 'root' };
    expect((await route(new Request('http://orders.test/', { headers: forged }), undefined)).status).toBe(403);
    const direct = { 'X-User-ID': 'ada', 'X-User-Roles': 'admin' };
    expect((await route(new Request('http://orders.test/', { headers: direct }), undefined)).status).toBe(403);
  });

  it('binds a token to the request that the service receives', async () => {
    const config = { ...CONFIG, identity_token: { ...GATEWAY, bind_request: true } };
    const proof = gatewayIdentityToken({ ...GATEWAY, jwksUri, requireBinding: true });
    const route = createGuard({ proofs: [proof] }).route(() => new Response());
    const headers = await serviceHeaders(config);
    const status = async (method: string, path: string): Promise<number> =>
      (await route(new Request(`http://orders.test${path}`, { method, headers }), undefined)).status;
    expect(await status('GET', '/v1/orders?page=2')).toBe(200);
    expect(await status('GET', '/v1/invoices')).toBe(403);
    expect(await status('DELETE', '/v1/orders')).toBe(403);
  });

  it('rotates its keys without a restart: a new key is published before it signs', async () => {
    const replace = (text: string): void => {
      writeFileSync(`${keyFile}.new`, text, { mode: 0o600 });
      renameSync(`${keyFile}.new`, keyFile);
    };
    const before = await serviceHeaders(CONFIG);
    const [old] = (await published()).keys;
    const announced = announceSigningKey('ES256', keys);
    replace(announced);
    const [, added] = (await until(published, ({ keys: all }) => all.length === 2)).keys;
    // A lifetime of two seconds: what was signed is used again for one of them.
    const config = { ...CONFIG, identity_token: { ...GATEWAY, lifetime: 2 } };
    expect(kidOf(await serviceHeaders(config))).toBe(old?.kid);

    replace(promoteSigningKey(announced));
    const after = await until(
      () => serviceHeaders(config),
      (headers) => kidOf(headers) === added?.kid,
    );
    const route = createGuard({ proofs: [gatewayIdentityToken({ ...GATEWAY, jwksUri })] }).route(() => new Response());
    for (const headers of [before, after]) {
      expect((await route(new Request('http://orders.test/', { headers }), undefined)).status).toBe(200);
    }
  }, 60_000);
});

function kidOf(headers: Readonly<Record<string, string>>): unknown {
  return decodeProtectedHeader(headers['X-Identity-Token']!).kid;
}

/** Asks until the answer is as wanted; the server looks at its file every few seconds. */
async function until<T>(ask: () => Promise<T>, isWanted: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (isWanted(answer)) return answer;
    await setTimeout(100);
  }
}
