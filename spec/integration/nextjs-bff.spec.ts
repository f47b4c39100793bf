import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, jest } from '@jest/globals';
import { closeServer } from '../support/echo-service';
import { BROWSER_ABSENCE, itSignsIn, OIDC_PAGES, visitShop, type Answer } from '../support/shop-logins';

if (BROWSER_ABSENCE !== undefined) {
  process.stderr.write(`\nSKIPPED: a browser at examples/nextjs-bff: ${BROWSER_ABSENCE}\n\n`);
}

// A browser beside many other specs takes its time.
jest.setTimeout(180_000);

(BROWSER_ABSENCE === undefined ? describe : describe.skip)('a browser at the Next.js BFF', () => {
  itSignsIn(OIDC_PAGES);

  describe('signed in', () => {
    const visit = visitShop(OIDC_PAGES);

    it('gets events as they come, and the service learns when it stops listening', async () => {
      const { page, shop } = visit;
      await visit.signIn('alice');
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
      await visit.signIn('alice');
      const upload = (bytes: number): Promise<Answer> =>
        visit.call('/api/orders/upload', `{ method: 'POST', body: new Uint8Array(${bytes}) }`);
      expect(await upload(5_000_000)).toMatchObject({ status: 200, body: { bytes: 5_000_000 } });
      expect(await upload(11_000_000)).toMatchObject({ status: 413, body: { code: 'body_too_large' } });
    });

    it('changes nothing for a page of another origin, though the browser sends the cookie', async () => {
      const { page, shop, call } = visit;
      await visit.signIn('carol');
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
      for (const url of Object.values(visit.shop.services)) {
        const response = await fetch(url, { headers: { 'X-User-ID': 'carol', 'X-User-Roles': 'admin' } });
        expect([response.status, await response.json()]).toMatchObject([403, { code: 'not_from_gateway' }]);
      }
    });
  });
});
