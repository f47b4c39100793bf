import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { createDoor, type Door } from '../../src/bff/door/door';
import { announceSigningKey } from '../../src/keys/signing-keys';
import { closeServer, startEchoService, type EchoService, type Received } from '../support/echo-service';
import { startKong, type Kong } from '../support/kong';
import { describeKong } from '../support/kong-target';
import { publicJwk, signingKey, signToken } from '../support/tokens';

const EXAMPLE_FILE = join(__dirname, '../../examples/nextjs-bff/kong.yml');

/** What a caller sees of an answer, and what the service saw of the caller. */
interface Outcome {
  readonly status: number;
  readonly code: unknown;
  readonly service: unknown;
}

describeKong('the kong.yml of the Next.js example', () => {
  const stops: (() => unknown)[] = [];
  let services: Record<'orders' | 'stock', EchoService>;
  let door: Door;
  /** A door before Kong. */
  let front: Door;
  let session: string | undefined;
  let kong: Kong;
  let tokens: Readonly<Record<'alice' | 'carol' | 'expired', string>>;

  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'door-and-kong-'));
    stops.push(() => {
      rmSync(folder, { recursive: true });
    });
    const key = signingKey('ES256', 'k');
    const provider = createServer((_, response) => response.end(JSON.stringify({ keys: [publicJwk(key)] })));
    provider.listen(0, '127.0.0.1');
    await once(provider, 'listening');
    stops.push(() => closeServer(provider));
    const issuer = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
    const token = (sub: string, roles: string[], exp = 4_000_000_000): Promise<string> =>
      signToken(key, { iss: issuer, aud: 'https://shop.example.com/api', sub, roles, exp, sid: 's' });
    tokens = {
      alice: await token('alice', ['user']),
      carol: await token('carol', ['admin']),
      expired: await token('alice', ['user'], 1_700_000_000),
    };
    services = { orders: await startEchoService(), stock: await startEchoService() };
    stops.push(...Object.values(services).map((service) => () => service.stop()));
    const loggedOut = join(folder, 'logged-out.json');
    writeFileSync(loggedOut, '{ "iat": 1700000000, "revocations": [] }', { mode: 0o600 });
    const signingKeys = join(folder, 'signing-keys.json');
    writeFileSync(signingKeys, announceSigningKey('EdDSA'), { mode: 0o600 });
    // Only addresses differ from place to place.
    const text = readFileSync(EXAMPLE_FILE, 'utf8')
      .replaceAll('http://localhost:8033', issuer)
      .replaceAll('discovery: true', `jwks_uri: ${issuer}/jwks`)
      .replaceAll('http://127.0.0.1:8031', services.orders.url)
      .replaceAll('http://127.0.0.1:8032', services.stock.url)
      .replaceAll('/tmp/nextjs-bff/logged-out.json', loggedOut);
    door = createDoor({ kongYml: text, session: { origin: 'http://shop.test' }, signingKeys });
    stops.push(() => door.close());
    kong = await startKong({ declarativeConfig: text, serveFlags: ['--signing-keys', signingKeys] });
    stops.push(() => kong.stop());
    front = createDoor({
      kongYml: text,
      session: { origin: 'http://shop.test', open: () => Promise.resolve({ token: session, setCookies: [] }) },
      gateway: kong.proxyUrl,
      signingKeys,
    });
    stops.push(() => front.close());
  }, 180_000);
  afterAll(async () => {
    for (const stop of stops.reverse()) await stop();
  }, 60_000);

  async function outcomeOf(response: Response): Promise<Outcome> {
    const body = (await response.json()) as Partial<Received> & { readonly code?: unknown };
    if (body.headers === undefined) return { status: response.status, code: body.code, service: undefined };
    const { method, url, headers } = body;
    const { host, 'x-user-id': id, 'x-user-roles': roles, 'x-identity-token': signed, authorization } = headers;
    const seen = { method, url, host, id, roles, isSigned: signed?.length === 1, authorization };
    return { status: response.status, code: undefined, service: seen };
  }

  it.each<[string, string, string, string | undefined]>([
    ['a caller who may', 'GET', '/api/orders/7?a=1', 'alice'],
    ['a caller without a token', 'GET', '/api/orders', undefined],
    ['an expired token', 'GET', '/api/orders', 'expired'],
    ['a role that is needed and there', 'POST', '/api/stock', 'carol'],
    ['a role that is needed and not there', 'POST', '/api/stock', 'alice'],
    ['a method that no rule covers', 'DELETE', '/api/stock', 'carol'],
    ['the path of the route itself', 'GET', '/api/stock', 'alice'],
    ['a path that continues the route’s own', 'GET', '/api/stock-list', 'alice'],
  ])('gives %s the same answer at the door, behind Kong, and at a door before Kong', async (_, method, path, who) => {
    const token = tokens[(who ?? '') as keyof typeof tokens];
    const headers = { 'X-User-ID': 'evil', ...(who !== undefined && { Authorization: `Bearer ${token}` }) };
    const atDoor = await outcomeOf(await door(new Request(`http://shop.test${path}`, { method, headers })));
    const behindKong = await outcomeOf(await fetch(`${kong.proxyUrl}${path}`, { method, headers }));
    expect(atDoor).toEqual(behindKong);
    session = token;
    const own = { 'X-User-ID': 'evil', 'Sec-Fetch-Site': 'same-origin' };
    const atFront = await outcomeOf(await front(new Request(`http://shop.test${path}`, { method, headers: own })));
    expect(atFront).toEqual(behindKong);
    expect(JSON.stringify(atDoor)).not.toContain('evil');
  });

  it('knows no other path at the door, nor behind Kong', async () => {
    const atDoor = await door(new Request('http://shop.test/other'));
    const behindKong = await fetch(`${kong.proxyUrl}/other`);
    expect([atDoor.status, behindKong.status]).toEqual([404, 404]);
  });
});

/** The blocks of the page in a language, without the indent of a list. */
function pageBlocks(language: string): string[] {
  const page = readFileSync(join(__dirname, '../../docs/BFF.md'), 'utf8');
  return [...page.matchAll(new RegExp(`^( *)\`\`\`${language}\n([^]*?)^ *\`\`\`$`, 'gm'))].map(
    ([, indent = '', text = '']) => text.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
  );
}

describeKong('the kong.yml of docs/BFF.md, and its policy in a policies.yml', () => {
  const stops: (() => unknown)[] = [];
  let doors: readonly Door[];
  let kong: Kong;
  let token: (roles: readonly string[]) => Promise<string>;
  const [kongYml = ''] = pageBlocks('yaml').filter((text) => text.includes('plugins:'));
  const [plugin] = (parse(kongYml) as { readonly plugins: readonly { readonly config: unknown }[] }).plugins;
  const policies = stringify({ policies: { stock: plugin?.config } });

  beforeAll(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nextjs-first-'));
    stops.push(() => {
      rmSync(folder, { recursive: true });
    });
    const key = signingKey('ES256', 'k');
    const provider = createServer((_, response) => response.end(JSON.stringify({ keys: [publicJwk(key)] })));
    provider.listen(0, '127.0.0.1');
    await once(provider, 'listening');
    stops.push(() => closeServer(provider));
    const issuer = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
    token = (roles) => {
      const claims = { iss: issuer, aud: 'https://shop.example.com/api', sub: 'ada', roles, exp: 4_000_000_000 };
      return signToken(key, claims);
    };
    const stock = await startEchoService();
    stops.push(() => stock.stop());
    const signingKeys = join(folder, 'signing-keys.json');
    writeFileSync(signingKeys, announceSigningKey('EdDSA'), { mode: 0o600 });
    const here = (text: string): string =>
      text
        .replaceAll('https://auth.example.com/', issuer)
        .replaceAll('discovery: true', `jwks_uri: ${issuer}/jwks`)
        .replaceAll('http://10.0.0.7:8080', stock.url);
    const session = { origin: 'http://shop.test' };
    const routes = [{ policy: 'stock', paths: ['/api/stock'], service: stock.url }];
    doors = [
      createDoor({ policies: here(policies), routes, session, signingKeys }),
      createDoor({ kongYml: here(kongYml), session, signingKeys }),
    ];
    stops.push(...doors.map((door) => () => door.close()));
    kong = await startKong({ declarativeConfig: here(kongYml), serveFlags: ['--signing-keys', signingKeys] });
    stops.push(() => kong.stop());
  }, 180_000);
  afterAll(async () => {
    for (const stop of stops.reverse()) await stop();
  }, 60_000);

  it.each<[string, string, string, readonly string[] | undefined]>([
    ['a caller who may read', 'GET', '/api/stock/7?a=1', ['user']],
    ['a caller without a token', 'GET', '/api/stock', undefined],
    ['a role that is needed and there', 'POST', '/api/stock', ['admin']],
    ['a role that is needed and not there', 'POST', '/api/stock', ['user']],
    ['a method that no rule covers', 'DELETE', '/api/stock', ['admin']],
    ['a path of no route', 'GET', '/api/other', ['admin']],
  ])('give %s the same answer, at the doors and behind Kong', async (_, method, path, roles) => {
    const authorization = roles === undefined ? {} : { Authorization: `Bearer ${await token(roles)}` };
    const headers = { 'X-User-ID': 'evil', ...authorization };
    const seen = await Promise.all([
      ...doors.map((door) => door(new Request(`http://shop.test${path}`, { method, headers }))),
      fetch(kong.proxyUrl + path, { method, headers }),
    ]);
    const outcomes = await Promise.all(
      seen.map(async (response) => {
        const body = (await response.json()) as Partial<Received> & { readonly code?: unknown };
        const { 'x-user-id': id, 'x-user-roles': held, 'x-identity-token': signed } = body.headers ?? {};
        return { status: response.status, url: body.url, id, held, isSigned: signed?.length === 1 };
      }),
    );
    expect(outcomes[0]).toEqual(outcomes[1]);
    expect(outcomes[0]).toEqual(outcomes[2]);
  });
});
