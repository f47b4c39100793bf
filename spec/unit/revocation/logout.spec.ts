import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type AddressInfo } from 'node:net';
import type { Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openLogout, type LogoutAnswer, type LogoutOptions } from '../../../src/gatekeeper/logout';
import { createLogoutHandler } from '../../../src/bff/gatekeeper';
import { readListFile } from '../../../src/revocation/list-file';
import { writeEntry } from '../../../src/revocation/revocation-entry';
import { serveLogout } from '../../../src/server/endpoints/logout-endpoint';
import { LogRecorder } from '../../support/key-issuer';
import { publicJwk, signingKey, signToken, type SigningKey } from '../../support/tokens';

const ISSUER = 'https://auth.example.com/';
const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
const NOW = Math.floor(Date.now() / 1000);
let key: SigningKey;
let folder: string;
let file: string;
let recorder: LogRecorder;
let nowSeconds: number;

beforeAll(() => {
  key = signingKey('ES256', 'k');
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'logout-'));
  file = join(folder, 'revoked.json');
  recorder = new LogRecorder();
  nowSeconds = NOW;
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const config = (changes: object = {}): object => ({
  issuers: [{ issuer: ISSUER, audiences: ['shop-app'], jwks: JSON.stringify({ keys: [publicJwk(key)] }) }],
  revocation_lists: [{ file }],
  ...changes,
});
const open = (options: LogoutOptions = {}): ((token?: string) => Promise<LogoutAnswer>) =>
  openLogout(config(), options, recorder.log, () => nowSeconds * 1000);
let issued = 0;
const logoutToken = (claims: object = {}, header: object = {}, signer = key): Promise<string> => {
  issued += 1;
  const usual = { iss: ISSUER, aud: 'shop-app', iat: NOW, exp: NOW + 120, jti: `t${issued}`, sid: 's1', sub: 'alice' };
  return signToken(signer, { ...usual, events: { [EVENT]: {} }, ...claims }, { typ: 'logout+jwt', ...header });
};
const entries = async (): Promise<object[]> => (await readListFile(file)).entries.map(writeEntry);

describe('a logout token', () => {
  it('ends the session that it names, in the list', async () => {
    expect(await open()(await logoutToken())).toEqual({ status: 200 });
    expect(await entries()).toEqual([{ iss: ISSUER, sid: 's1', exp: NOW + 86_400 }]);
    expect(recorder.records.at(-1)).toMatchObject({ level: 'notice', fields: { issuer: ISSUER, by: 'sid' } });
    expect(JSON.stringify(recorder.records)).not.toMatch(/s1|alice|eyJ/);
  });

  it.each(['k', 'next'])('without a kid is taken when one of the keys of the issuer signed it: %s', async (kid) => {
    const next = signingKey('ES256', 'next');
    const jwks = [key, next].map((each) => ({ ...publicJwk(each), kid: undefined }));
    const issuers = [{ issuer: ISSUER, audiences: ['shop-app'], jwks: JSON.stringify({ keys: jwks }) }];
    const handle = openLogout(config({ issuers }), {}, recorder.log, () => nowSeconds * 1000);
    const token = await logoutToken({}, { kid: undefined }, kid === 'k' ? key : next);
    expect(await handle(token)).toEqual({ status: 200 });
    const foreign = await logoutToken({}, { kid: undefined }, signingKey('ES256', 'other'));
    expect(await handle(foreign)).toEqual({ status: 400, reason: 'signature does not fit' });
  });

  it.each<readonly [string, LogoutOptions, object]>([
    ['when it names no session', {}, { sid: undefined }],
    ['when sessions are not what the list is about', { revokeBy: 'subject' }, {}],
  ])('ends the earlier tokens of the caller %s', async (_, options, claims) => {
    expect(await open({ ...options, entryLifetime: 600 })(await logoutToken(claims))).toEqual({ status: 200 });
    expect(await entries()).toEqual([{ iss: ISSUER, sub: 'alice', issued_before: NOW + 1, exp: NOW + 600 }]);
  });

  it('ends the session that it names when it names no caller, also where the list is about callers', async () => {
    expect(await open({ revokeBy: 'subject' })(await logoutToken({ sub: undefined }))).toEqual({ status: 200 });
    expect(await entries()).toMatchObject([{ iss: ISSUER, sid: 's1' }]);
  });

  it('is answered with 503 while the keys of the issuer are not to be had, so that the provider sends it again', async () => {
    // Nothing listens on this port of this machine.
    const issuers = [{ issuer: ISSUER, audiences: ['shop-app'], jwks_uri: 'http://127.0.0.1:1/jwks' }];
    const logout = openLogout(config({ issuers }), {}, recorder.log, () => nowSeconds * 1000);
    const answer = await logout(await logoutToken());
    expect(answer).toMatchObject({ status: 503, reason: 'no usable keys of the issuer' });
    expect(answer.retryAfterSeconds).toBeGreaterThan(0);
    await expect(readListFile(file)).rejects.toThrow('ENOENT');
  });

  it.each<readonly [string, object, object, string]>([
    ['is an ID token', { nonce: 'n' }, {}, 'it has a nonce'],
    ['has no event', { events: undefined }, {}, 'events names no logout'],
    ['has another event', { events: { 'http://schemas.openid.net/event/other': {} } }, {}, 'events names no logout'],
    ['has an event that is no object', { events: { [EVENT]: true } }, {}, 'events names no logout'],
    ['names nobody', { sid: undefined, sub: undefined }, {}, 'neither sid nor sub'],
    ['names a number', { sid: 1 }, {}, 'sid or sub is not a text, or too long'],
    ['names 10 KB', { sid: 's'.repeat(10_240) }, {}, 'sid or sub is not a text, or too long'],
    ['names an empty session', { sid: '' }, {}, 'sid or sub is not a text, or too long'],
    ['names a caller of 501 characters', { sub: 's'.repeat(501) }, {}, 'sid or sub is not a text, or too long'],
    ['has an empty id', { jti: '' }, {}, 'jti is not a text'],
    ['has an id that is no text', { jti: 7 }, {}, 'jti is not a text'],
    ['has events that are no object', { events: EVENT }, {}, 'events names no logout'],
    ['has an event that is null', { events: { [EVENT]: null } }, {}, 'events names no logout'],
    ['names another key', {}, { kid: 'other' }, 'no_matching_key'],
    ['is for another client', { aud: 'other' }, {}, 'aud names none of the audiences'],
    ['is from another issuer', { iss: 'https://other.example.com/' }, {}, 'iss is none of the issuers'],
    ['has no id', { jti: undefined }, {}, 'required claim jti'],
    ['has no time', { iat: undefined }, {}, 'required claim iat'],
    ['has expired', { exp: NOW - 61 }, {}, 'exp is past'],
    ['is old', { iat: NOW - 361, exp: undefined }, {}, 'iat is too long ago'],
    ['is from the future', { iat: NOW + 61 }, {}, 'iat is in the future'],
    ['is an access token', {}, { typ: 'at+jwt' }, 'typ is not one of the accepted types'],
  ])('is refused, and nothing is written, when it %s', async (_, claims, header, reason) => {
    expect(await open()(await logoutToken(claims, header))).toEqual({ status: 400, reason });
    await expect(readListFile(file)).rejects.toThrow('ENOENT');
  });

  it.each<readonly [string, (token: string) => string | Promise<string>]>([
    ['is signed by another', () => logoutToken({}, {}, signingKey('ES256', 'k'))],
    [
      'was changed',
      async () => [...(await logoutToken()).split('.').slice(0, 2), (await logoutToken()).split('.')[2]].join('.'),
    ],
    ['is not signed', (token) => `${token.split('.').slice(0, 2).join('.')}.`],
    ['is none', () => 'x'],
    ['is too large', (token) => token + 'A'.repeat(20_000)],
  ])('is refused when it %s', async (_, changed) => {
    expect(await open()(await changed(await logoutToken()))).toMatchObject({ status: 400 });
    await expect(readListFile(file)).rejects.toThrow('ENOENT');
  });

  it('is accepted once', async () => {
    const logout = open();
    const token = await logoutToken();
    expect(await logout(token)).toEqual({ status: 200 });
    expect(await logout(token)).toEqual({ status: 400, reason: 'the logout token was used before' });
  });

  it('can be sent again when the list could not be written', async () => {
    const logout = open();
    const token = await logoutToken();
    mkdirSync(file);
    expect(await logout(token)).toMatchObject({ status: 503, retryAfterSeconds: 5 });
    rmSync(file, { recursive: true });
    expect(await logout(token)).toEqual({ status: 200 });
  });

  it('is refused for its size alone when it has more than 16384 characters', async () => {
    const tooLarge = { status: 400, reason: 'the logout token is too large' };
    expect(await open()(await logoutToken({ more: 'm'.repeat(13_000) }))).toEqual(tooLarge);
    expect(await open()(await logoutToken({ more: 'm'.repeat(11_000) }))).toEqual({ status: 200 });
  });

  it('is accepted with names of 500 characters, five minutes and a minute of leeway after it was made', async () => {
    const name = 's'.repeat(500);
    const claims = { iat: NOW - 360, exp: NOW - 59, sid: name, sub: name };
    expect(await open()(await logoutToken(claims))).toEqual({ status: 200 });
    expect(await open()(await logoutToken({ iat: NOW + 60 }))).toEqual({ status: 200 });
  });

  it('is refused with an algorithm that the issuer may not use, although its key could', async () => {
    const jwks = JSON.stringify({ keys: [publicJwk(key), publicJwk(signingKey('ES384', 'k2'))] });
    const issuers = [{ issuer: ISSUER, audiences: ['shop-app'], algorithms: ['ES384'], jwks }];
    const logout = openLogout(config({ issuers }), {}, recorder.log, () => nowSeconds * 1000);
    const reason = 'alg is not one of the accepted algorithms';
    expect(await logout(await logoutToken())).toEqual({ status: 400, reason });
  });

  it('is accepted although a token of another issuer with the same id was used before', async () => {
    const OTHER = 'https://other.example.com/';
    const [first] = (config() as { issuers: object[] }).issuers;
    const issuers = [first, { ...first, issuer: OTHER }];
    const logout = openLogout(config({ issuers, common_caller_ids: true }), {}, recorder.log, () => nowSeconds * 1000);
    const answers = [
      await logout(await logoutToken({ jti: 'same' })),
      await logout(await logoutToken({ jti: 'same', iss: OTHER })),
      await logout(await logoutToken({ jti: 'same', iss: OTHER })),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 400]);
  });

  it('gives a caller nothing back whose tokens are all revoked', async () => {
    const ban = { iss: ISSUER, sub: 'alice', exp: NOW + 10_000_000 };
    writeFileSync(file, JSON.stringify({ iat: NOW, revocations: [ban] }));
    expect(await open()(await logoutToken({ sid: undefined }))).toEqual({ status: 200 });
    expect(await entries()).toEqual([ban]);
  });

  it.each(['logout+jwt', 'JWT', undefined])('is accepted with the type %s', async (typ) => {
    expect(await open()(await logoutToken({}, { typ }))).toEqual({ status: 200 });
  });
});

describe('the configuration of logouts', () => {
  it.each<readonly [string, object, LogoutOptions, string]>([
    ['there is no list', { revocation_lists: [] }, {}, 'must hold one list'],
    ['there are two lists', { revocation_lists: [{ file: '/a' }, { file: '/b' }] }, {}, 'must hold one list'],
    [
      'the list is at a URL',
      { revocation_lists: [{ url: 'https://lists.example.com/' }] },
      {},
      'must be a file or redis',
    ],
    ['entries end at once', {}, { entryLifetime: 59 }, 'must be from 60 to 31536000 seconds'],
    ['entries last for more than a year', {}, { entryLifetime: 31_536_001 }, 'must be from 60 to 31536000 seconds'],
    [
      'any client counts',
      { issuers: [{ issuer: ISSUER, any_audience: true, jwks_uri: `${ISSUER}jwks` }] },
      {},
      'audiences must name',
    ],
    [
      'an issuer is a template',
      {
        issuers: [
          { issuer: ISSUER, audiences: ['shop-app'], jwks_uri: `${ISSUER}jwks` },
          {
            issuer: 'https://{tenant}.auth.example.com/',
            tenants: ['a'],
            tenant_claim: 't',
            audiences: ['shop-app'],
            jwks_uri: `${ISSUER}jwks`,
          },
        ],
        common_caller_ids: true,
      },
      {},
      'config.issuers[2].issuer: must be a whole issuer',
    ],
  ])('is refused when %s', (_, changes, options, message) => {
    expect(() => openLogout(config(changes), options, recorder.log)).toThrow(message);
  });

  it.each([60, 31_536_000])('may let entries last for %d seconds', (entryLifetime) => {
    expect(openLogout(config(), { entryLifetime }, recorder.log)).toBeInstanceOf(Function);
  });
});

describe.each(['the endpoint', 'the handler of a BFF'])('%s', (which) => {
  let server: Server | undefined;
  let post: (body: string, type?: string, method?: string) => Promise<Response>;
  beforeEach(async () => {
    if (which === 'the endpoint') {
      server = await serveLogout({ host: '127.0.0.1', port: 0 }, open(), recorder.log);
      const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/backchannel-logout`;
      post = (body, type = 'application/x-www-form-urlencoded', method = 'POST') =>
        fetch(url, { method, ...(method === 'POST' && { body }), headers: { 'content-type': type } });
    } else {
      const handle = createLogoutHandler(config());
      post = (body, type = 'application/x-www-form-urlencoded', method = 'POST') =>
        handle(
          new Request('https://shop.test/logout', {
            method,
            ...(method === 'POST' && { body }),
            headers: { 'content-type': type },
          }),
        );
    }
  });
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
    server = undefined;
  });

  it('takes a token from a form and answers that nothing of it may be stored', async () => {
    const response = await post(`logout_token=${await logoutToken()}`);
    expect([response.status, response.headers.get('cache-control'), await response.text()]).toEqual([
      200,
      'no-store',
      '',
    ]);
    expect(await entries()).toHaveLength(1);
  });

  it('says why it refuses, in fixed words', async () => {
    const response = await post(`logout_token=${await logoutToken({ nonce: 'n' })}`);
    expect([response.status, await response.json()]).toEqual([
      400,
      { error: 'invalid_request', error_description: 'it has a nonce' },
    ]);
  });

  it.each<readonly [string, (token: string) => string, string]>([
    ['two tokens', (token) => `logout_token=${token}&logout_token=${token}`, 'application/x-www-form-urlencoded'],
    ['no token', () => 'a=b', 'application/x-www-form-urlencoded'],
    ['JSON', (token) => JSON.stringify({ logout_token: token }), 'application/json'],
    ['a large form', (token) => `a=${'b'.repeat(70_000)}&logout_token=${token}`, 'application/x-www-form-urlencoded'],
  ])('refuses %s', async (_, body, type) => {
    const response = await post(body(await logoutToken()), type).catch(() => undefined);
    expect([400, 413, undefined]).toContain(response?.status);
    await expect(readListFile(file)).rejects.toThrow('ENOENT');
  });

  it('refuses another method', async () => {
    expect([400, 405]).toContain((await post('', 'text/plain', 'GET')).status);
  });
});

it('the endpoint answers once and goes on when more of a body that is too large arrives before the answer has left', async () => {
  const server = await serveLogout({ host: '127.0.0.1', port: 0 }, open(), recorder.log);
  try {
    // So that Node reads a packet as a whole before anything is sent, as it does while a client takes no answers.
    server.on('connection', (socket) => socket.on('data', () => undefined));
    const { port } = server.address() as AddressInfo;
    const chunk = (bytes: number): string => `${bytes.toString(16)}\r\n${'a'.repeat(bytes)}\r\n`;
    const socket = connect(port, '127.0.0.1');
    socket.write('POST /backchannel-logout HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n');
    socket.write(chunk(65_536) + chunk(100).repeat(600));
    let answer = '';
    socket.on('data', (bytes: Buffer) => (answer += bytes.toString()));
    // What the server has not read resets the connection, which may take the answer with it.
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.once('close', resolve));
    expect(['HTTP/1.1 413', undefined]).toContain(answer.match(/HTTP\/1.1 \d+/g)?.join());
    expect((await fetch(`http://127.0.0.1:${port}/backchannel-logout`)).status).toBe(405);
  } finally {
    server.closeAllConnections();
    server.close();
  }
});
