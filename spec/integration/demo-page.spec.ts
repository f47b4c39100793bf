import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { CHROMIUM, launchBrowser } from '../support/browser';
import { type DemoProcess, startDemoProcess } from '../support/demo-process';

const SKIPPED =
  'SKIPPED: the specs of the demo page need Chromium (Debian: apt-get install chromium; or CHROMIUM_PATH)';
if (CHROMIUM === undefined) process.stderr.write(`\n${SKIPPED}\n\n`);

const AUDIT = readFileSync(join(__dirname, '../fixtures/page-audit.js'), 'utf8');

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
    const expected = process.platform === 'linux' ? /The service reset the connection/ : /Never asked/;
    await expect(textOf('#status')).resolves.toMatch(expected);
  });

  it('shows what was removed and what was written', async () => {
    await step('She spells it X_User_ID');
    await expect(textOf('#decision')).resolves.toMatch(
      /Removed\s+Authorization: Bearer [\s\S]*X_User_ID: carol\s+x_USER_roles: admin\s+Written, from the verified token\s+X-User-ID: alice/,
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
    const token = page.getByLabel('How it travels');
    const before = (await token.inputValue()).split('.');
    await page.getByLabel('What it says').fill('{"sub":"zoë"}');
    const after = (await token.inputValue()).split('.');
    expect([after[0], after[2]]).toEqual([before[0], before[2]]);
    expect(Buffer.from(after[1]!, 'base64url').toString()).toBe('{"sub":"zoë"}');
    await token.fill(before.join('.'));
    await expect(page.getByLabel('What it says').inputValue()).resolves.toContain('"sub": "alice"');
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

  it('goes on working when keys are rotated', async () => {
    await page.getByRole('button', { name: 'Rotate' }).click();
    await page.locator('#status', { hasText: 'Rotated' }).waitFor();
    await step('Alice reads her orders');
    await page.locator('#status', { hasText: 'Let through as alice.' }).waitFor();
  });

  it.each(['light', 'dark'] as const)(
    'fits a phone, has a name for every field and enough contrast: %s',
    async (colorScheme) => {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width: 360, height: 740 });
      for (const title of ['She spells it X_User_ID', 'Alice makes herself admin']) {
        await step(title);
        await expect(page.evaluate(AUDIT)).resolves.toEqual({ overflow: 0, nameless: [], faint: [] });
      }
    },
  );
});
