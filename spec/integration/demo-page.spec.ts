import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { CHROMIUM, launchBrowser } from '../support/browser';
import { type DemoProcess, startDemoProcess } from '../support/demo-process';

const SKIPPED =
  'SKIPPED: the specs of the demo page need Chromium (Debian: apt-get install chromium; or CHROMIUM_PATH)';
if (CHROMIUM === undefined) process.stderr.write(`\n${SKIPPED}\n\n`);

const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
/** What axe finds in the page, and by how many pixels the page is wider than the screen. */
const AUDIT = `axe.run().then(({ violations }) => ({
  violations: violations.map(({ id, nodes }) => [id, nodes.map(({ html }) => html)]),
  overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
}))`;

(CHROMIUM === undefined ? describe.skip : describe)("the demo's page", () => {
  let folder: string;
  let demo: DemoProcess;
  let browser: Browser;
  let page: Page;
  let complaints: string[];
  let address: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'demo-page-'));
    [demo, browser] = await Promise.all([startDemoProcess(folder), launchBrowser()]);
    address = /Page +(\S+)/.exec(demo.output())![1]!;
    page = await browser.newPage();
    page.setDefaultTimeout(20_000);
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
      if (!request.url().startsWith(address)) complaints.push(`asked ${request.url()}`);
    });
    page.on('dialog', (dialog) => {
      complaints.push(dialog.message());
      void dialog.dismiss();
    });
  }, 120_000);
  afterAll(async () => {
    demo.interrupt();
    await Promise.all([browser.close(), demo.ended]);
    rmSync(folder, { recursive: true });
  });
  beforeEach(async () => {
    complaints = [];
    await page.goto(address);
    await claims(/"sub": "alice"/);
  });
  afterEach(() => {
    expect(complaints).toEqual([]);
  });

  const textOf = async (id: string): Promise<string> => (await page.locator(id).innerText()).trim();
  /** Waits until the token says this. */
  const claims = async (pattern: RegExp): Promise<void> => {
    const field = page.locator('#claims');
    while (!pattern.test(await field.inputValue())) await page.evaluate('new Promise(requestAnimationFrame)');
  };
  /** Takes a step of the story and waits for what came of it. */
  const step = async (title: string): Promise<void> => {
    await page.getByRole('button', { name: title }).click();
    await page.locator('#status:not(:empty)').waitFor();
  };

  it.each([
    ['Alice reads her orders', 'Let through as alice.', /X-User-ID: alice\nX-User-Roles: user\n/],
    ['Somebody has no token', 'Refused: 401 token_missing.', /^Nothing\./],
    ['Alice says she is Carol', 'Let through as alice.', /X-User-ID: alice/],
    ['She spells it X_User_ID', 'Let through as alice.', /X-User-ID: alice/],
    ['Alice tries the admin route', 'Refused: 403 forbidden.', /^Nothing\./],
    ['Carol tries the admin route', 'Let through as carol.', /X-User-Roles: user,admin/],
    ['Alice makes herself admin', 'Refused: 401 token_untrusted.', /^Nothing\./],
    ['A token has expired', 'Refused: 401 token_expired.', /^Nothing\./],
    ['A stranger signs a token', 'Refused: 401 token_untrusted.', /^Nothing\./],
    ['A token says alg: none', 'Refused: 401 token_malformed.', /^Nothing\./],
    ['The public key as a secret', 'Refused: 401 token_untrusted.', /^Nothing\./],
    ['The provider rotates its keys', 'Let through as alice.', /X-User-ID: alice/],
    ['A stolen token is revoked', 'Refused: 401 token_revoked.', /^Nothing\./],
    ['Alice abuses Connection', 'Refused: 400 connection_header_abuse.', /^Nothing\./],
    ['The catalog is for everybody', 'Let through as nobody.', /Welcome, whoever you are/],
  ])('shows what comes of it when: %s', async (title, verdict, received) => {
    await step(title);
    await expect(textOf('#status')).resolves.toBe(verdict);
    await expect(textOf('#decision .verdict')).resolves.toBe(verdict);
    const seen = await textOf('#received');
    expect(seen).toMatch(received);
    expect(seen).not.toMatch(/carol.*\n.*X-User-ID: alice|X_User|x_USER/);
    await expect(textOf('#sent')).resolves.toMatch(/^GET \/\S+ HTTP\/1\.1\n/);
  });

  it('shows that a service cannot be reached around the gateway', async () => {
    await step('Around the gateway');
    // macOS has no second loopback address unless it is added.
    const expected =
      process.platform === 'linux' ? /The service reset the connection/ : /although this was not the gateway/;
    await expect(textOf('#status')).resolves.toMatch(expected);
  });

  it('shows what was removed and what was written', async () => {
    await step('She spells it X_User_ID');
    await expect(textOf('#decision')).resolves.toMatch(
      /Removed\s+Authorization: Bearer [\s\S]*X_User_ID: carol\s+x_USER_roles: admin\s+Written by the gateway\s+X-User-ID: alice/,
    );
  });

  it('shows why, which the client is not told', async () => {
    await step('A stranger signs a token');
    const told = await textOf('#decision');
    expect(told).toMatch(/the client is not told\)\s+signature does not fit\s+The client got 401/);
    expect(told.match(/signature/g)).toHaveLength(1);
  });

  it('can be used with the keyboard alone', async () => {
    await page.getByLabel('Who').focus();
    await page.keyboard.type('carol');
    await claims(/"sub": "carol"/);
    await page.getByLabel('Path').focus();
    await page.keyboard.press('Control+A');
    await page.keyboard.type('/admin');
    await page.keyboard.press('Enter');
    await page.locator('#status', { hasText: 'Let through as carol.' }).waitFor();
  });

  it('keeps the signature when the claims are edited, and the claims when the token is', async () => {
    await page.getByText('Edit the token').click();
    const token = page.getByLabel('The token as it is sent');
    const before = (await token.inputValue()).split('.');
    await page.getByLabel('Claims').fill('{"sub":"zoë"}');
    const after = (await token.inputValue()).split('.');
    expect([after[0], after[2]]).toEqual([before[0], before[2]]);
    expect(Buffer.from(after[1]!, 'base64url').toString()).toBe('{"sub":"zoë"}');
    await token.fill(before.join('.'));
    await expect(page.getByLabel('Claims').inputValue()).resolves.toContain('"sub": "alice"');
  });

  it('shows markup in headers, claims and answers as text', async () => {
    const markup = '<img src=x onerror=alert(1)>';
    await page.getByRole('button', { name: 'Add a header' }).click();
    await page.getByLabel('Header 1, name').fill('X-Note');
    await page.getByLabel('Header 1, value').fill(markup);
    await page.getByLabel('Path').fill('/orders?<script>alert(1)</script>');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.locator('#status:not(:empty)').waitFor();
    await expect(textOf('#received')).resolves.toContain(markup);
    await expect(page.locator('#results img, #results script').count()).resolves.toBe(0);
  });

  it('says what is wrong with a request that cannot be sent', async () => {
    await page.getByRole('button', { name: 'Add a header' }).click();
    await page.getByLabel('Header 1, name').fill('X User');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.locator('#status', { hasText: 'That did not work' }).waitFor();
    complaints = complaints.filter((complaint) => !complaint.includes('400'));
  });

  it('shows no result of an earlier request when one fails, and says why', async () => {
    await step('Alice reads her orders');
    await page.getByRole('button', { name: 'Add a header' }).click();
    await page.getByLabel('Header 1, name').fill('X User');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.locator('#decision .verdict.bad', { hasText: 'That did not work' }).waitFor();
    await expect(textOf('#results')).resolves.not.toMatch(/alice|200/);
    await expect(page.getByRole('button', { name: 'Send' }).isEnabled()).resolves.toBe(true);
    complaints = complaints.filter((complaint) => !complaint.includes('400'));
  });

  it('says that the demo has ended when it no longer answers', async () => {
    await page.route('**/send', (route) => route.abort());
    await page.getByRole('button', { name: 'Send' }).click();
    await page.locator('#decision .verdict.bad', { hasText: 'Has it ended?' }).waitFor();
    complaints = [];
    await page.unroute('**/send');
  });

  it('edits the JOSE header and keeps claims and signature', async () => {
    await page.getByText('Edit the token').click();
    const token = page.getByLabel('The token as it is sent');
    const before = (await token.inputValue()).split('.');
    await page.getByLabel('JOSE header').fill('{"alg":"none"}');
    const after = (await token.inputValue()).split('.');
    expect(Buffer.from(after[0]!, 'base64url').toString()).toBe('{"alg":"none"}');
    expect(after.slice(1)).toEqual(before.slice(1));
    await page.getByRole('button', { name: 'Send' }).click();
    await page.locator('#status', { hasText: 'Refused: 401 token_untrusted.' }).waitFor();
  });

  it('goes through the story with Next and Previous', async () => {
    await page.getByRole('button', { name: 'Next' }).click();
    await page.locator('#status', { hasText: 'Let through as alice.' }).waitFor();
    await page.getByRole('button', { name: 'Next' }).click();
    await page.locator('#status', { hasText: 'token_missing' }).waitFor();
    await expect(textOf('#step')).resolves.toBe('Step 2 of 16');
    await page.getByRole('button', { name: 'Previous' }).click();
    await page.locator('#status', { hasText: 'Let through as alice.' }).waitFor();
  });

  it('shows the part of kong.yml that is about the route, and the steps of the decision', async () => {
    await step('Alice tries the admin route');
    await expect(textOf('#decision')).resolves.toMatch(/- name: admin\n {2}paths: \[\/admin\][\s\S]*roles: \[admin\]/);
    await expect(textOf('#decision')).resolves.not.toContain('name: internal');
    await page.getByRole('button', { name: 'Explain step by step' }).click();
    await page.locator('#decision', { hasText: /signature +made with this key/ }).waitFor();
    await expect(textOf('#decision')).resolves.toMatch(/decision +refuse with 403 forbidden/);
  });

  it('gives the request as a curl command that does the same', async () => {
    await step('Alice tries the admin route');
    await page.getByRole('button', { name: 'Copy as curl' }).click();
    await page.locator('#status:not(:empty)').waitFor();
    const command = await textOf('#curl');
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', command]);
    expect(stdout).toMatch(/^HTTP\/1\.1 403 [\s\S]*"code":"forbidden"/);
  });

  it('shows the whole token to whoever asks', async () => {
    await step('Alice reads her orders');
    const button = page.locator('#sent').getByRole('button', { name: 'Show all of Authorization' });
    await button.click();
    await expect(page.locator('#sent .long').count()).resolves.toBe(0);
  });

  it('goes on working when keys are rotated', async () => {
    await page.getByRole('button', { name: 'Rotate the provider' }).click();
    await page.locator('#status', { hasText: 'Rotated' }).waitFor();
    await step('Alice reads her orders');
    await page.locator('#status', { hasText: 'Let through as alice.' }).waitFor();
  });

  it('revokes the token that is shown, and undoes it', async () => {
    await step('Alice reads her orders');
    const send = async (outcome: string): Promise<void> => {
      await page.getByRole('button', { name: 'Send' }).click();
      await page.locator('#status', { hasText: outcome }).waitFor();
    };
    await page.getByRole('button', { name: 'Revoke this token' }).click();
    await page.locator('#status', { hasText: 'Revoked.' }).waitFor();
    await send('Refused: 401 token_revoked.');
    await page.getByRole('button', { name: 'Undo the revocation' }).click();
    await page.locator('#status', { hasText: 'counts again' }).waitFor();
    await send('Let through as alice.');
    await expect(textOf('#revoke')).resolves.toBe('Revoke this token');
  });

  it('moves nothing on a desktop when a step of the story is taken, and shows Next on the first screen', async () => {
    await page.setViewportSize({ width: 1280, height: 800 });
    const places = async (): Promise<unknown> =>
      Promise.all(
        ['#request', '#story', '#next', '#note'].map(async (id) => {
          const box = await page.locator(id).boundingBox();
          return [id, box?.y, id === '#note' ? undefined : box?.height];
        }),
      );
    const before = await places();
    // Its name is nearly as long as the list is wide.
    await step('Alice tries the admin route');
    await expect(places()).resolves.toEqual(before);
    const next = await page.locator('#next').boundingBox();
    expect(next!.y + next!.height).toBeLessThanOrEqual(800);
  });

  it.each(['light', 'dark'] as const)('fits a phone and is accessible: %s', async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width: 320, height: 740 });
    for (const title of ['She spells it X_User_ID', 'Alice makes herself admin', 'A stolen token is revoked']) {
      await step(title);
      await page.evaluate(AXE);
      await expect(page.evaluate(AUDIT)).resolves.toEqual({ violations: [], overflow: 0 });
    }
  });
});
