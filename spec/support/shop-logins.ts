import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { CHROMIUM, launchBrowser } from './browser';
import { EXAMPLE_ABSENCE, startShopExample, type ShopExample } from './shop-example';
import { startOidcProvider, type ShopUser, type StartShopProvider } from './shop-provider';

/** A provider's own pages. */
export interface LoginPages {
  readonly startProvider: StartShopProvider;
  /** Resolves when the page asks who is there. */
  readonly isAsking: (page: Page) => Promise<void>;
  readonly signIn: (page: Page, user: ShopUser) => Promise<void>;
  /** Agrees to the logout, where the provider asks. */
  readonly confirmSignOut: (page: Page) => Promise<void>;
  /** Whether the provider can be told to make its tokens longer. */
  readonly hasLongTokens: boolean;
}

/** The pages of oidc-provider. */
export const OIDC_PAGES: LoginPages = {
  startProvider: startOidcProvider,
  isAsking: (page) => page.getByPlaceholder('Enter any login').waitFor(),
  signIn: async (page, user) => {
    await page.getByPlaceholder('Enter any login').fill(user);
    await page.getByPlaceholder('and password').fill('any');
    await page.getByRole('button', { name: 'Sign-in' }).click();
    await page.getByRole('button', { name: 'Continue' }).click();
  },
  confirmSignOut: (page) => page.getByRole('button', { name: 'Yes, sign me out' }).click(),
  hasLongTokens: false,
};

/** Why no browser can be sent to the example here; `undefined` when one can. */
export const BROWSER_ABSENCE =
  CHROMIUM === undefined ? 'it needs Chromium (Debian: apt-get install chromium; or CHROMIUM_PATH)' : EXAMPLE_ABSENCE;

/** What a service of the example answers. */
export interface Answer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

/** The example, and a browser in front of it that knows nothing at the begin of each test. */
export interface ShopVisit {
  readonly shop: ShopExample;
  readonly context: BrowserContext;
  readonly page: Page;
  readonly signIn: (user: ShopUser) => Promise<void>;
  /** Calls a path from the page. */
  readonly call: (path: string, init?: string) => Promise<Answer>;
  readonly sessionCookies: () => Promise<string>;
}

/** Starts the example and a browser for the tests of a `describe`, and ends them. */
export function visitShop({ startProvider, signIn }: LoginPages, tokenSeconds = 300): ShopVisit {
  let shop: ShopExample;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  beforeAll(async () => {
    shop = await startShopExample(tokenSeconds, startProvider);
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
  return {
    get shop() {
      return shop;
    },
    get context() {
      return context;
    },
    get page() {
      return page;
    },
    signIn: async (user) => {
      await page.goto(shop.origin);
      await page.getByRole('link', { name: 'Sign in' }).click();
      await signIn(page, user);
      await page.getByRole('heading', { name: `Hello, ${shop.idOf(user)}` }).waitFor();
    },
    call: (path, init = '{}') =>
      page.evaluate<Answer>(
        `fetch('${path}', ${init}).then(async (r) => ({ status: r.status, body: await r.json() }))`,
      ),
    sessionCookies: async () =>
      (await context.cookies(shop.origin)).map(({ name, value }) => `${name}=${value}`).join('; '),
  };
}

/** The tests of a login and what follows from it, the same for each provider. */
export function itSignsIn(pages: LoginPages): void {
  describe('signs in and out', () => {
    const visit = visitShop(pages);
    const withCookie = (cookie: string): Promise<Response> =>
      fetch(`${visit.shop.origin}/api/orders`, { headers: { cookie } });

    it('signs in at the provider, calls both services, is refused where it should be, and signs out at both ends', async () => {
      const { page, shop, call } = visit;
      await page.goto(shop.origin);
      expect(await call('/api/orders')).toMatchObject({ status: 401, body: { code: 'token_missing' } });
      await visit.signIn('alice');
      const cookies = await visit.context.cookies(shop.origin);
      expect(cookies.length).toBeGreaterThan(0);
      for (const cookie of cookies) {
        expect(cookie).toMatchObject({ httpOnly: true, secure: true, sameSite: 'Lax', path: '/' });
        expect(cookie.name).toMatch(/^__Host-session\.\d$/);
        expect(Buffer.from(cookie.value, 'base64url').toString('latin1')).not.toContain('alice');
      }
      expect(await page.evaluate('document.cookie')).toBe('');

      const id = visit.shop.idOf('alice');
      for (const service of ['orders', 'stock']) {
        const { status, body } = await call(`/api/${service}`);
        expect([status, body['service'], body['caller']]).toEqual([200, service, { id, roles: ['user'] }]);
        expect((body['told'] as string[]).filter((name) => /cookie|authorization/.test(name))).toEqual([]);
      }
      const post = `{ method: 'POST' }`;
      expect(await call('/api/stock', post)).toMatchObject({ status: 403, body: { code: 'forbidden' } });
      const forged = `{ headers: { 'X-User-ID': 'evil', 'X-User-Roles': 'admin', 'X-Identity-Token': 'x' } }`;
      expect(await call('/api/stock', forged)).toMatchObject({ status: 200, body: { caller: { id } } });

      const stolen = await visit.sessionCookies();
      expect((await withCookie(stolen)).status).toBe(200);
      await page.getByRole('button', { name: 'Sign out' }).click();
      await pages.confirmSignOut(page);
      await page.getByRole('heading', { name: 'Welcome' }).waitFor();
      expect(await visit.sessionCookies()).toBe('');
      expect((await withCookie(stolen)).status).toBe(401);
      // The provider has forgotten the browser, too.
      await page.getByRole('link', { name: 'Sign in' }).click();
      await pages.isAsking(page);
    });

    it('is worth nothing after a logout, also when the BFF was killed and knows nothing of it', async () => {
      const { page, shop } = visit;
      await visit.signIn('alice');
      const stolen = await visit.sessionCookies();
      await shop.restart();
      expect((await withCookie(stolen)).status).toBe(200);
      await page.reload();
      await page.getByRole('button', { name: 'Sign out' }).click();
      await pages.confirmSignOut(page);
      await page.getByRole('heading', { name: 'Welcome' }).waitFor();
      await shop.restart();
      // The provider told the BFF that the session ended, and the list of revoked tokens says so.
      const answer = await withCookie(stolen);
      expect([answer.status, await answer.json()]).toMatchObject([401, { code: 'token_revoked' }]);
    });

    it('opens a page of a service only after the login, and comes back to it with its query', async () => {
      const { page, shop } = visit;
      await page.goto(`${shop.origin}/api/stock?a=1&b=%2F`);
      await pages.signIn(page, 'carol');
      await page.waitForURL(`${shop.origin}/api/stock?a=1&b=%2F`);
      expect(await page.content()).toContain(`"id":"${visit.shop.idOf('carol')}"`);
    });

    it('is not led elsewhere by the login', async () => {
      const { page, shop } = visit;
      await page.goto(`${shop.origin}/login?return_to=${encodeURIComponent('//evil.test/')}`);
      await pages.signIn(page, 'alice');
      await page.getByRole('heading', { name: `Hello, ${visit.shop.idOf('alice')}` }).waitFor();
      expect(page.url()).toBe(`${shop.origin}/`);
    });

    it('is not signed in by an answer of the provider that another browser asked for', async () => {
      const { page, shop } = visit;
      const begun = await fetch(`${shop.origin}/login`, { redirect: 'manual' });
      const state = new URL(begun.headers.get('location')!).searchParams.get('state')!;
      await page.goto(`${shop.origin}/callback?code=stolen&state=${state}&iss=${encodeURIComponent(shop.issuer)}`);
      await page.getByRole('heading', { name: 'Welcome' }).waitFor();
      await page.getByText('This login was not begun here').waitFor();
      expect(page.url()).toBe(`${shop.origin}/?login=unknown`);
      expect(await visit.sessionCookies()).toBe('');
    });
  });

  describe('with tokens that expire soon', () => {
    // Less than the minute before the end from which on tokens are renewed: each cookie is renewed when it is used.
    const visit = visitShop(pages, 50);

    it('renews its tokens once for three requests at once, again and again, and stays signed in', async () => {
      const { shop } = visit;
      await visit.signIn('alice');
      for (let round = 0; round < 3; round += 1) {
        const [count, before] = [await shop.renewals(), await visit.sessionCookies()];
        const script = `Promise.all(['/api/orders', '/api/stock', '/api/orders'].map((path) => fetch(path).then((r) => r.status)))`;
        expect(await visit.page.evaluate(script)).toEqual([200, 200, 200]);
        expect(await shop.renewals()).toBe(count + 1);
        expect(await visit.sessionCookies()).not.toBe(before);
      }
    });

    if (!pages.hasLongTokens) return;
    it('ends, and the next login says why, when the renewed tokens are too long for cookies', async () => {
      const { page, shop } = visit;
      await visit.signIn('alice');
      await shop.lengthenTokens();
      expect(await visit.call('/api/orders')).toMatchObject({ status: 401, body: { code: 'token_missing' } });
      expect(await visit.sessionCookies()).toBe('');
      expect(shop.output('next')).toContain('error: the tokens of a session are too long for cookies access_token=');
      // The provider still knows the browser: the login fails without another question.
      await page.goto(`${shop.origin}/api/orders`);
      await page.getByText('Your account has more roles or groups than a session can hold').waitFor();
      expect(page.url()).toBe(`${shop.origin}/?login=too_long`);
    });
  });
}
