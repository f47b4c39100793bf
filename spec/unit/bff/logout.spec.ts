import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import '../../support/quiet-log';
import { createLogoutHandler } from '../../../src/bff/logout';
import { publicJwk, signingKey, signToken } from '../../support/tokens';

const ISSUER = 'https://auth.example.com/';
const FORM = 'application/x-www-form-urlencoded';
const key = signingKey('ES256', 'k');
let issued = 0;
let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bff-logout-'));
  file = join(folder, 'revoked.json');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const logoutToken = (): Promise<string> => {
  const iat = Math.floor(Date.now() / 1000);
  const events = { 'http://schemas.openid.net/event/backchannel-logout': {} };
  const claims = { iss: ISSUER, aud: 'shop', iat, exp: iat + 120, jti: `j${(issued += 1)}`, sid: 's', events };
  return signToken(key, claims, { typ: 'logout+jwt' });
};
function post(body: string | ReadableStream | null, init: RequestInit = {}): Promise<Response> {
  const jwks = JSON.stringify({ keys: [publicJwk(key)] });
  const config = { issuers: [{ issuer: ISSUER, audiences: ['shop'], jwks }], revocation_lists: [{ file }] };
  const headers = { 'content-type': FORM };
  const request = { method: 'POST', headers, body, duplex: 'half', ...init } as RequestInit;
  return createLogoutHandler(config)(new Request('https://shop.test/logout', request));
}
const answerOf = async (response: Response): Promise<unknown> => [
  response.status,
  Object.fromEntries(response.headers),
  await response.text(),
];

describe('the logout URI of a BFF', () => {
  it.each([FORM, `${FORM};charset=UTF-8`, FORM.toUpperCase()])(
    'takes a token from a form of the type %s',
    async (type) => {
      const response = await post(`logout_token=${await logoutToken()}`, { headers: { 'content-type': type } });
      expect(await answerOf(response)).toEqual([200, { 'cache-control': 'no-store' }, '']);
    },
  );

  it('tells a provider when to come back while the list cannot be written', async () => {
    mkdirSync(file);
    const response = await post(`logout_token=${await logoutToken()}`);
    expect([response.status, Object.fromEntries(response.headers)]).toEqual([
      503,
      { 'cache-control': 'no-store', 'content-type': 'application/json', 'retry-after': '5' },
    ]);
    expect(await response.json()).toMatchObject({ error: 'invalid_request' });
  });

  it.each<[string, (body: string) => Promise<Response>]>([
    ['by another method', (body) => post(body, { method: 'PUT' })],
    ['as another type', (body) => post(body, { headers: { 'content-type': `${FORM}-x` } })],
    ['as text that names the type', (body) => post(body, { headers: { 'content-type': `text/plain;${FORM}` } })],
    ['without a type', (body) => post(new Blob([body]).stream(), { headers: {} })],
    ['twice', (body) => post(`${body}&${body}`)],
    ['in a form that is too large', (body) => post(`${body}&a=${'b'.repeat(65_536)}`)],
    [
      'in a form whose end does not come',
      (body) =>
        post(
          new ReadableStream({
            start: (controller) => {
              controller.enqueue(Buffer.from(`${body}&a=b`));
              controller.error(new Error('gone'));
            },
          }),
        ),
    ],
  ])('refuses a token %s', async (_, send) => {
    const response = await send(`logout_token=${await logoutToken()}`);
    expect([response.status, response.headers.get('content-type')]).toEqual([400, 'application/json']);
    expect(response.headers.has('retry-after')).toBe(false);
  });

  it('refuses a request without a body', async () => {
    expect((await post(null)).status).toBe(400);
  });

  it('refuses a token whose form does not end within ten seconds, and reads no more of it', async () => {
    const form = `logout_token=${await logoutToken()}`;
    const set = globalThis.setTimeout;
    const timers = jest.spyOn(globalThis, 'setTimeout');
    timers.mockImplementation(((run: () => void, ms: number) => set(run, ms === 10_000 ? 0 : ms)) as never);
    const cancel = jest.fn<() => void>();
    try {
      const start = (controller: ReadableStreamDefaultController): void => {
        controller.enqueue(Buffer.from(form));
      };
      expect((await post(new ReadableStream({ start, cancel }))).status).toBe(400);
      expect(cancel).toHaveBeenCalledTimes(1);
    } finally {
      timers.mockRestore();
    }
  });

  it('takes a form of just the most bytes', async () => {
    const body = `logout_token=${await logoutToken()}&a=`;
    expect((await post(body + 'b'.repeat(65_536 - body.length))).status).toBe(200);
    expect((await post(body + 'b'.repeat(65_537 - body.length))).status).toBe(400);
  });
});
