import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { startIdentityProvider } from '../../examples/demo/identity-provider/identity-provider';
import { readKongYml, SHIPPED_KONG_YML } from '../../examples/demo/kong-file';
import { announceSigningKey, publicKeySet, readSigningKeys } from '../../src/keys/signing-keys';
import { CHROMIUM, launchBrowser } from '../support/browser';
import { closeServer, startEchoService } from '../support/echo-service';
import { startEmbeddedKong } from '../support/kong-embedded';

const EXAMPLE = join(__dirname, '../../examples/nextjs-bff');
const absence =
  CHROMIUM === undefined
    ? 'it needs Chromium (Debian: apt-get install chromium; or CHROMIUM_PATH)'
    : existsSync(join(EXAMPLE, '.next/BUILD_ID'))
      ? undefined
      : 'it is not built (npm run build, then in examples/nextjs-bff: npm ci && npm run build)';
if (absence !== undefined) process.stderr.write(`\nSKIPPED: the specs of examples/nextjs-bff: ${absence}\n\n`);

(absence === undefined ? describe : describe.skip)('the Next.js BFF', () => {
  const stops: (() => Promise<unknown>)[] = [];
  let folder: string;
  let origin: string;
  let stock: string;
  let orders: Awaited<ReturnType<typeof startEchoService>>;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;

  /** Runs a script of the example in a process of its own, until it prints a match. */
  async function run(args: readonly string[], ready: RegExp, env: Record<string, string> = {}): Promise<string> {
    const child: ChildProcess = spawn(process.execPath, args, {
      cwd: EXAMPLE,
      env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    stops.push(async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    });
    let output = '';
    child.stderr!.on('data', (chunk: Buffer) => (output += chunk.toString()));
    return new Promise((resolve, reject) => {
      child.stdout!.on('data', (chunk: Buffer) => {
        output += chunk.toString();
        const match = ready.exec(output);
        if (match !== null) resolve(match[1] ?? '');
      });
      child.once('exit', () => {
        reject(new Error(`it ended:\n${output}`));
      });
    });
  }

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'bff-'));
    const provider = await startIdentityProvider(0, Date.now);
    orders = await startEchoService();
    stops.push(
      () => provider.stop(),
      () => orders.stop(),
    );
    const ports = { identityProvider: provider.port, orders: orders.port, admin: orders.port };
    const kong = await startEmbeddedKong({ declarativeConfig: readKongYml(SHIPPED_KONG_YML, ports) });
    stops.push(() => kong.stop());

    const file = (name: string, text: string): string => {
      const path = join(folder, name);
      writeFileSync(path, text, { mode: 0o600 });
      return path;
    };
    const keys = announceSigningKey('EdDSA');
    const jwks = file('jwks.json', JSON.stringify(publicKeySet(readSigningKeys(keys))));
    const port = await run(['stock-service.mjs', '0', jwks], /stock listens on (\d+)/);
    stock = `http://127.0.0.1:${port}`;
    const bffPort = await freePort();
    origin = `http://127.0.0.1:${bffPort}`;
    const kongYml = readFileSync(join(EXAMPLE, 'kong.yml'), 'utf8').replaceAll(':8010/', `:${provider.port}/`);
    const next = [join(EXAMPLE, 'node_modules/next/dist/bin/next'), 'start', '-H', '127.0.0.1', '-p', String(bffPort)];
    await run(next, /(Ready)/, {
      ORIGIN: origin,
      KONG_URL: kong.proxyUrl,
      STOCK_URL: stock,
      KONG_YML: file('kong.yml', kongYml),
      SIGNING_KEYS: file('signing-keys.json', keys),
    });
    browser = await launchBrowser();
    stops.push(() => browser.close());
  }, 240_000);
  afterAll(async () => {
    for (const stop of stops.reverse()) await stop();
    rmSync(folder, { recursive: true });
  }, 60_000);
  beforeEach(async () => {
    context = await browser.newContext();
    page = await context.newPage();
    page.setDefaultTimeout(30_000);
    await page.goto(origin);
  });
  afterEach(async () => {
    await context.close();
  });

  async function signIn(user: string, password: string): Promise<void> {
    await page.getByLabel('User').fill(user);
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign in' }).click();
  }
  /** Presses a button of the page and returns the status and the body that came back. */
  async function press(name: string): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
    await page.getByRole('button', { name }).click();
    const output = page.locator('pre', { hasText: /^\d{3} / });
    const [, status, body = ''] = /^(\d+) (.*)$/s.exec((await output.textContent()) ?? '') ?? [];
    return { status: Number(status), body: JSON.parse(body) as Record<string, unknown> };
  }
  const signedInAs = async (name: string): Promise<void> => {
    await page.getByRole('heading', { name: `Hello, ${name}` }).waitFor();
  };

  it('knows nobody before the login, and refuses as Kong does, whichever way', async () => {
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    for (const button of ['Orders, through Kong', 'Stock, directly', 'Fill the stock']) {
      expect(await press(button)).toMatchObject({ status: 401, body: { code: 'token_missing', status: 401 } });
    }
    await signIn('alice', 'wrong');
    await page.getByRole('alert').filter({ hasText: 'wrong password' }).waitFor();
    expect(await context.cookies()).toEqual([]);
  });

  it('keeps the token where no script and no service gets at it', async () => {
    await signIn('alice', 'wonderland');
    await signedInAs('Alice Liddell');
    const [cookie] = await context.cookies();
    expect(cookie).toMatchObject({ name: '__Host-session', httpOnly: true, secure: true, sameSite: 'Lax', path: '/' });
    expect(await page.evaluate('document.cookie')).toBe('');
    expect(await page.content()).not.toContain(cookie!.value);

    expect(await press('Orders, through Kong')).toMatchObject({ status: 200 });
    const { headers } = orders.received.at(-1)!;
    expect(headers).toMatchObject({ 'x-user-id': ['alice'], 'x-user-roles': ['user'] });
    expect(JSON.stringify(headers)).not.toContain(cookie!.value);
  });

  it('calls a service directly with what Kong would send, and nothing of the browser’s', async () => {
    await signIn('alice', 'wonderland');
    await signedInAs('Alice Liddell');
    const { status, body } = await press('Stock, directly');
    expect(status).toBe(200);
    expect(body).toMatchObject({ caller: { id: 'alice', roles: ['user'], name: 'Alice Liddell' } });
    expect((body['told'] as string[]).sort()).toEqual(['x-identity-token', 'x-user-id', 'x-user-name', 'x-user-roles']);

    const forged = await page.evaluate(
      `fetch('/api/stock', { headers: { 'X-User-ID': 'evil', 'X-User-Roles': 'admin' } }).then((r) => r.json())`,
    );
    expect(forged).toMatchObject({ caller: { id: 'alice', roles: ['user'] } });
  });

  it('authorizes as kong.yml says', async () => {
    await signIn('alice', 'wonderland');
    await signedInAs('Alice Liddell');
    expect(await press('Fill the stock')).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    expect(await context.cookies()).toEqual([]);
    await signIn('carol', 'christmas');
    await signedInAs('Carol Reed');
    expect(await press('Fill the stock')).toMatchObject({ status: 200, body: { caller: { id: 'carol' } } });
  });

  it('does nothing for a page of another origin, though the browser sends the cookie', async () => {
    await signIn('carol', 'christmas');
    await signedInAs('Carol Reed');
    const before = (await press('Stock, directly')).body['teapots'];
    // Another port is another origin, but the same site: SameSite alone would let this pass.
    const form = (action: string): string =>
      `<form method="post" action="${origin}${action}"></form><script>document.forms[0].submit()</script>`;
    const evil = createServer((request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/html' }).end(form(request.url ?? ''));
    }).listen(0, '127.0.0.1');
    await once(evil, 'listening');
    stops.push(() => closeServer(evil));
    const address = `http://127.0.0.1:${(evil.address() as AddressInfo).port}`;
    for (const path of ['/api/stock', '/login', '/logout']) {
      const posted = page.waitForResponse((response) => response.request().method() === 'POST');
      await page.goto(`${address}${path}`);
      const response = await posted;
      expect(response.url()).toBe(`${origin}${path}`);
      expect(response.status()).toBe(403);
      expect((await response.request().allHeaders())['cookie']).toContain('__Host-session=');
    }
    await page.goto(origin);
    await signedInAs('Carol Reed');
    expect((await press('Stock, directly')).body['teapots']).toBe(before);
  });

  it('cannot be gone around: the service that it calls directly believes a signature only', async () => {
    const response = await fetch(`${stock}/stock`, { headers: { 'X-User-ID': 'carol', 'X-User-Roles': 'admin' } });
    expect(response.status).toBe(403);
    expect(await response.json()).toMatchObject({ code: 'not_from_gateway' });
  });
});

/** A port that was free a moment ago: the BFF must know its own origin before it listens. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
