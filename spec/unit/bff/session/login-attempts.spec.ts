import { describe, expect, it } from '@jest/globals';
import { createLoginAttempts } from '../../../../src/bff/session/login-attempts';
import { createSessions } from '../../../../src/bff/session/session';

const secrets = ['s'.repeat(32)];
const attempt = { state: 'state-1', nonce: 'nonce-1', codeVerifier: 'verifier-1', returnTo: '/orders' };
const callback = (cookie: string): Request => new Request('https://shop.test/callback', { headers: { cookie } });
const pairOf = (line: string): string => line.split(';')[0]!;

describe('a login that is under way', () => {
  it('is found by the browser that began it, by its state, and forgotten then', async () => {
    const { begin, finish } = createLoginAttempts(secrets);
    const line = await begin(attempt);
    expect(line).toMatch(/^__Host-login-[\w-]{16}=.*; Max-Age=900; HttpOnly; SameSite=Lax; Secure; Path=\/$/);
    expect(line).not.toMatch(/nonce-1|verifier-1|orders/);
    const other = await begin({ ...attempt, state: 'state-2', returnTo: '/' });
    const request = callback(`${pairOf(other)}; ${pairOf(line)}`);
    const found = await finish(request, 'state-1');
    expect(found?.attempt).toMatchObject(attempt);
    expect(found?.setCookie).toContain(`${pairOf(line).split('=')[0]!}=; Max-Age=0`);
    expect((await finish(request, 'state-2'))?.attempt).toMatchObject({ returnTo: '/' });
  });

  it('is not found by another browser, another state, or with the cookie of another attempt', async () => {
    const { begin, finish } = createLoginAttempts(secrets);
    const line = pairOf(await begin(attempt));
    const other = pairOf(await begin({ ...attempt, state: 'state-2' }));
    const swapped = `${line.split('=')[0]!}=${other.slice(other.indexOf('=') + 1)}`;
    expect(await finish(callback(''), 'state-1')).toBeUndefined();
    expect(await finish(callback(line), 'state-2')).toBeUndefined();
    expect(await finish(callback(line), null)).toBeUndefined();
    expect(await finish(callback(swapped), 'state-1')).toBeUndefined();
  });

  it('is not found after a quarter of an hour', async () => {
    let time = 0;
    const { begin, finish } = createLoginAttempts(secrets, () => time);
    const line = pairOf(await begin(attempt));
    time = 15 * 60 * 1000;
    expect(await finish(callback(line), 'state-1')).toBeUndefined();
  });

  it('is no session', async () => {
    const line = pairOf(await createLoginAttempts(secrets).begin(attempt));
    const value = line.slice(line.indexOf('=') + 1);
    const sessions = createSessions({
      origin: 'https://shop.test',
      secrets,
      refresh: () => Promise.reject(new Error()),
    });
    expect(await sessions.read(callback(`__Host-session.0=${value}`))).toBeUndefined();
  });
});
