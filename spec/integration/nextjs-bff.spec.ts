import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { CHROMIUM, launchBrowser } from '../support/browser';
import { closeServer } from '../support/echo-service';
import { EXAMPLE_ABSENCE, startShopExample, type ShopExample } from '../support/shop-example';

const absence =
  CHROMIUM === undefined ? 'it needs Chromium (Debian: apt-get install chromium; or CHROMIUM_PATH)' : EXAMPLE_ABSENCE;
if (absence !== undefined) process.stderr.write(`\nSKIPPED: a browser at examples/nextjs-bff: ${absence}\n\n`);

// A browser beside many other specs takes its time.
jest.setTimeout(180_000);

/** What a service of the example answers. */
interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

(absence === undefined ? describe : describe.skip)('a browser at the Next.js BFF', () => {
  let shop: ShopExample;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;

  beforeAll(async () => {
    shop = await startShopExample();
    browser = await launchBrowser();
  }, 240_000);
  afterAll(async () => {
    await browser.close();
    await shop.stop();
  }, 60_000);
  beforeEach(async () => {
    context = await browser.newContext();
    page = await context.newPage();
    page.setDefaultTimeout(60_000);
  });
  afterEach(async () => {
    await context.close();
  });

  /** Signs in at the provider, wherever the browser was sent from. */
  async function signInAtProvider(user: string): Promise<void> {
    await page.getByPlaceholder('Enter any login').fill(user);
    await page.getByPlaceholder('and password').fill('any');
    await page.getByRole('button', { name: 'Sign-in' }).click();
    await page.getByRole('button', { name: 'Continue' }).click();
  }
  async function signIn(user: string): Promise<void> {
    await page.goto(shop.origin);
    await page.getByRole('link', { name: 'Sign in' }).click();
    await signInAtProvider(user);
    await page.getByRole('heading', { name: `Hello, ${user}` }).waitFor();
  }
  /** Calls a path from the page. */
  async function call(path: string, init = '{}'): Promise<Answer> {
    const script = `fetch('${path}', ${init}).then(async (r) => ({ status: r.status, body: await r.json() }))`;
    return page.evaluate<Answer>(script);
  }
  const sessionCookies = async (): Promise<string> =>
    (await context.cookies(shop.origin)).map(({ name, value }) => `${name}=${value}`).join('; ');
  const withCookie = (cookie: string, path = '/api/orders'): Promise<Response> =>
    fetch(`${shop.origin}${path}`, { headers: { cookie } });

  it('signs in at the provider, calls both services, is refused where it should be, and signs out at both ends', async () => {
    await page.goto(shop.origin);
    expect(await call('/api/orders')).toMatchObject({ status: 401, body: { code: 'token_missing' } });
    await signIn('alice');
    const cookies = await context.cookies(shop.origin);
    expect(cookies.length).toBeGreaterThan(0);
    for (const cookie of cookies) {
      expect(cookie).toMatchObject({ httpOnly: true, secure: true, sameSite: 'Lax', path: '/' });
      expect(cookie.name).toMatch(/^__Host-session\.\d$/);
      expect(Buffer.from(cookie.value, 'base64url').toString('latin1')).not.toContain('alice');
    }
    expect(await page.evaluate('document.cookie')).toBe('');

    for (const service of ['orders', 'stock']) {
      const { status, body } = await call(`/api/${service}`);
      expect([status, body['service'], body['caller']]).toEqual([200, service, { id: 'alice', roles: ['user'] }]);
      expect((body['told'] as string[]).filter((name) => /cookie|authorization/.test(name))).toEqual([]);
    }
    const post = `{ method: 'POST' }`;
    expect(await call('/api/stock', post)).toMatchObject({ status: 403, body: { code: 'forbidden' } });
    const forged = `{ headers: { 'X-User-ID': 'evil', 'X-User-Roles': 'admin', 'X-Identity-Token': 'x' } }`;
    expect(await call('/api/stock', forged)).toMatchObject({ status: 200, body: { caller: { id: 'alice' } } });

    const stolen = await sessionCookies();
    expect((await withCookie(stolen)).status).toBe(200);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Yes, sign me out' }).click();
    await page.getByRole('heading', { name: 'Welcome' }).waitFor();
    expect(await sessionCookies()).toBe('');
    expect((await withCookie(stolen)).status).toBe(401);
    // The provider has forgotten the browser, too.
    await page.getByRole('link', { name: 'Sign in' }).click();
    await page.getByPlaceholder('Enter any login').waitFor();
  });

  it('is worth nothing after a logout, also when the BFF was killed and knows nothing of it', async () => {
    await signIn('alice');
    const stolen = await sessionCookies();
    await shop.restart();
    expect((await withCookie(stolen)).status).toBe(200);
    await page.reload();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Yes, sign me out' }).click();
    await page.getByRole('heading', { name: 'Welcome' }).waitFor();
    await shop.restart();
    // The provider told the BFF that the session ended, and the list of revoked tokens says so.
    const answer = await withCookie(stolen);
    expect([answer.status, await answer.json()]).toMatchObject([401, { code: 'token_revoked' }]);
  });

  it('opens a page of a service only after the login, and comes back to it with its query', async () => {
    await page.goto(`${shop.origin}/api/stock?a=1&b=%2F`);
    await signInAtProvider('carol');
    await page.waitForURL(`${shop.origin}/api/stock?a=1&b=%2F`);
    expect(await page.content()).toContain('"id":"carol"');
  });

  it('is not led elsewhere by the login', async () => {
    await page.goto(`${shop.origin}/login?return_to=${encodeURIComponent('//evil.test/')}`);
    await signInAtProvider('alice');
    await page.getByRole('heading', { name: 'Hello, alice' }).waitFor();
    expect(page.url()).toBe(`${shop.origin}/`);
  });

  it('is not signed in by an answer of the provider that another browser asked for', async () => {
    const begun = await fetch(`${shop.origin}/login`, { redirect: 'manual' });
    const state = new URL(begun.headers.get('location')!).searchParams.get('state')!;
    await page.goto(`${shop.origin}/callback?code=stolen&state=${state}&iss=${encodeURIComponent(shop.issuer)}`);
    await page.getByRole('heading', { name: 'Welcome' }).waitFor();
    expect(page.url()).toBe(`${shop.origin}/?login=unknown`);
    expect(await sessionCookies()).toBe('');
  });

  it('gets events as they come, and the service learns when it stops listening', async () => {
    await signIn('alice');
    await page.getByRole('button', { name: 'Listen' }).click();
    await page.getByText('event 3').waitFor();
    // The service takes 600 ms from the first to the third. What collects events gives them out together.
    const times = await page.evaluate<number[]>(`new Promise((resolve) => {
      const source = new EventSource('/api/orders/events');
      const times = [];
      source.onmessage = () => { if (times.push(performance.now()) === 3) { source.close(); resolve(times); } };
    })`);
    expect(times[2]! - times[0]!).toBeGreaterThan(200);
    await page.evaluate(`new Promise((resolve) => {
      const source = new EventSource('/api/orders/events');
      source.onmessage = () => { source.close(); resolve(); };
    })`);
    while (!shop.output('orders').includes('the listener went away')) await new Promise((r) => setTimeout(r, 50));
  });

  it('uploads a file of several megabytes, and not one that is too large', async () => {
    await signIn('alice');
    const upload = (bytes: number): Promise<Answer> =>
      call('/api/orders/upload', `{ method: 'POST', body: new Uint8Array(${bytes}) }`);
    expect(await upload(5_000_000)).toMatchObject({ status: 200, body: { bytes: 5_000_000 } });
    expect(await upload(11_000_000)).toMatchObject({ status: 413, body: { code: 'body_too_large' } });
  });

  it('changes nothing for a page of another origin, though the browser sends the cookie', async () => {
    await signIn('carol');
    const before = (await call('/api/stock')).body['filled'];
    // Another port is another origin, but the same site: SameSite alone would let this pass.
    const form = (action: string): string =>
      `<form method="post" action="${shop.origin}${action}"></form><script>document.forms[0].submit()</script>`;
    const evil = createServer((request, response) => {
      response.writeHead(200, { 'Content-Type': 'text/html' }).end(form(request.url ?? ''));
    }).listen(0, '127.0.0.1');
    await once(evil, 'listening');
    try {
      for (const path of ['/api/stock', '/logout']) {
        const posted = page.waitForResponse((response) => response.request().method() === 'POST');
        await page.goto(`http://127.0.0.1:${(evil.address() as AddressInfo).port}${path}`);
        const response = await posted;
        expect([response.url(), response.status()]).toEqual([`${shop.origin}${path}`, 403]);
        expect((await response.request().allHeaders())['cookie']).toContain('__Host-session.0=');
      }
    } finally {
      await closeServer(evil);
    }
    await page.goto(shop.origin);
    await page.getByRole('heading', { name: 'Hello, carol' }).waitFor();
    expect((await call('/api/stock')).body['filled']).toBe(before);
  });

  it('cannot go around the door: the services believe a signature only', async () => {
    for (const url of Object.values(shop.services)) {
      const response = await fetch(url, { headers: { 'X-User-ID': 'carol', 'X-User-Roles': 'admin' } });
      expect([response.status, await response.json()]).toMatchObject([403, { code: 'not_from_gateway' }]);
    }
  });
});

(absence === undefined ? describe : describe.skip)('a browser at the Next.js BFF, with tokens that expire soon', () => {
  let shop: ShopExample;
  let browser: Browser;
  beforeAll(async () => {
    // Less than the minute before the end from which on tokens are renewed: each cookie is renewed when it is used.
    shop = await startShopExample(50);
    browser = await launchBrowser();
  }, 240_000);
  afterAll(async () => {
    await browser.close();
    await shop.stop();
  }, 60_000);

  it('renews its tokens once for three requests at once, again and again, and stays signed in', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    await page.goto(`${shop.origin}/login`);
    await page.getByPlaceholder('Enter any login').fill('alice');
    await page.getByPlaceholder('and password').fill('any');
    await page.getByRole('button', { name: 'Sign-in' }).click();
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('heading', { name: 'Hello, alice' }).waitFor();
    /** How often tokens were asked for until now: what the provider printed before it printed an answer to this. */
    const asked = async (): Promise<number> => {
      const count = (line: string): number => shop.output('provider').split(line).length - 1;
      const before = count('GET /token');
      await fetch(`${shop.issuer}/token`);
      while (count('GET /token') === before) await new Promise((resolve) => setTimeout(resolve, 20));
      return count('POST /token');
    };
    const cookies = async (): Promise<string> => JSON.stringify(await context.cookies(shop.origin));
    for (let round = 0; round < 3; round += 1) {
      const [count, before] = [await asked(), await cookies()];
      const script = `Promise.all(['/api/orders', '/api/stock', '/api/orders'].map((path) => fetch(path).then((r) => r.status)))`;
      expect(await page.evaluate(script)).toEqual([200, 200, 200]);
      expect(await asked()).toBe(count + 1);
      expect(await cookies()).not.toBe(before);
    }
    await context.close();
  });
});
