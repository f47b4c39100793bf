import { describe, expect, it } from '@jest/globals';
import { createSessions, type SessionOptions, type Sessions, type Tokens } from '../../../../src/bff/session/session';
import { createLogger } from '../../../../src/telemetry/log';

const ORIGIN = 'https://shop.example.com';
const SECRET = 'a'.repeat(32);
const START = Date.UTC(2026, 0, 1);

/** A browser that keeps cookies, and a provider that rotates refresh tokens and refuses old ones. */
function world(more: Partial<SessionOptions> = {}): {
  readonly sessions: Sessions;
  readonly clock: { now: number };
  readonly provider: { asked: string[]; current: string; answer: () => Promise<Tokens | undefined> };
  readonly options: SessionOptions;
  /** What it logged. */
  readonly lines: string[];
} {
  const clock = { now: START };
  const provider = {
    asked: [] as string[],
    current: 'r0',
    answer: async (): Promise<Tokens | undefined> => {
      await Promise.resolve();
      return { accessToken: `a${provider.asked.length}`, expiresInSeconds: 300, refreshToken: provider.current };
    },
  };
  const refresh = async (refreshToken: string): Promise<Tokens | undefined> => {
    provider.asked.push(refreshToken);
    if (refreshToken !== provider.current) return undefined;
    provider.current = `r${provider.asked.length}`;
    return provider.answer();
  };
  const lines: string[] = [];
  const { log } = createLogger('debug', (line) => lines.push(line.trimEnd()));
  const options = { origin: ORIGIN, secrets: [SECRET], refresh, now: () => clock.now, log, ...more };
  return { sessions: createSessions(options), clock, provider, options, lines };
}

const TOKENS: Tokens = { accessToken: 'a0', expiresInSeconds: 300, refreshToken: 'r0', idToken: 'i0' };

/** What a browser sends back of lines of `Set-Cookie`. */
function cookieOf(lines: readonly string[]): string {
  const kept = lines.filter((line) => !line.includes('Max-Age=0'));
  return kept.map((line) => line.split(';')[0]).join('; ');
}
const request = (cookie: string, init: RequestInit = {}): Request => {
  const headers = new Headers(init.headers);
  if (cookie !== '') headers.set('cookie', `theme=dark; ${cookie}`);
  return new Request(`${ORIGIN}/api/orders`, { ...init, headers });
};

describe('the cookies of a session', () => {
  it('are for this host, the whole path and no script, and show nothing of the tokens', async () => {
    const lines = await world().sessions.begin(TOKENS);
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(line).toMatch(/^__Host-session\.\d=.*; HttpOnly; SameSite=Lax; Secure; Path=\/$/);
    expect(lines[0]).toMatch(/; Max-Age=43200; /);
    expect(lines.slice(1).every((line) => line.includes('=; Max-Age=0;'))).toBe(true);
    const texts = cookieOf(lines)
      .split('.')
      .map((part) => Buffer.from(part, 'base64url').toString());
    expect(texts.join()).not.toMatch(/a0|r0|i0/);
  });

  it.each([
    ['has no prefix', 'session'],
    ['may be set by other hosts', '__Secure-session'],
    ['is the prefix alone', '__Host-'],
    ['has the prefix in another case, which older browsers do not know', '__host-session'],
    ['holds an attribute', '__Host-session=x; Domain=example.com; a'],
  ])('are refused when their name %s', (_, cookie) => {
    expect(() => world({ cookie })).toThrow(/^cookie: must be a cookie name that begins with __Host-/);
  });

  it('may have another name for this host', async () => {
    const { sessions } = world({ cookie: '__Host-shop' });
    const cookie = cookieOf(await sessions.begin(TOKENS));
    expect(cookie).toMatch(/^__Host-shop\.0=/);
    expect(await sessions.read(request(cookie))).toMatchObject({ accessToken: 'a0' });
  });

  it('are several when the tokens are long, and none fits without the others', async () => {
    const { sessions } = world();
    const long = { ...TOKENS, accessToken: 'x'.repeat(5000) };
    const cookie = cookieOf(await sessions.begin(long));
    expect(cookie.split('; ')).toHaveLength(2);
    expect(await sessions.read(request(cookie))).toMatchObject({ accessToken: long.accessToken });
    for (const part of cookie.split('; ')) expect(await sessions.read(request(part))).toBeUndefined();
    expect(await sessions.read(request(`${cookie}; ${cookie}`))).toBeUndefined();
    const reversed = cookie.split('; ').reverse().join('; ');
    expect(await sessions.read(request(reversed))).toMatchObject({ accessToken: long.accessToken });
  });

  it('are three at most, and all of them are read', async () => {
    const { sessions } = world();
    const longest = { ...TOKENS, accessToken: 'x'.repeat(8000) };
    const cookie = cookieOf(await sessions.begin(longest));
    expect(cookie.split('; ')).toHaveLength(3);
    expect((await sessions.open(request(cookie))).token).toBe(longest.accessToken);
  });

  it('are forgotten at an end also by a browser that has none', async () => {
    expect(await world().sessions.end(request(''))).toHaveLength(3);
  });

  it('are refused when the tokens are too long for a browser and a server', async () => {
    const { sessions, lines } = world();
    const begun = sessions.begin({ ...TOKENS, accessToken: 'x'.repeat(12_000) });
    await expect(begun).rejects.toMatchObject({ name: 'TokensTooLongError', code: 'tokens_too_long' });
    expect(lines).toEqual([
      'error: the tokens of a session are too long for cookies access_token=12000 refresh_token=2',
    ]);
  });

  it('leave the ID token out when it does not fit beside the others', async () => {
    const { sessions, lines } = world();
    const cookie = cookieOf(await sessions.begin({ ...TOKENS, idToken: 'x'.repeat(12_000) }));
    expect(await sessions.read(request(cookie))).toEqual({ accessToken: 'a0', refreshToken: 'r0', idToken: undefined });
    expect(lines).toEqual([]);
  });

  it('mean nothing when a bit is changed, or to another secret', async () => {
    const { sessions } = world();
    const cookie = cookieOf(await sessions.begin(TOKENS));
    // Not the last character: some of its bits mean nothing.
    const at = cookie.length - 8;
    const changed = cookie.slice(0, at) + (cookie[at] === 'A' ? 'B' : 'A') + cookie.slice(at + 1);
    expect((await sessions.open(request(changed))).token).toBeUndefined();
    expect((await world({ secrets: ['b'.repeat(32)] }).sessions.open(request(cookie))).token).toBeUndefined();
  });

  it('are opened with an older secret, too', async () => {
    const cookie = cookieOf(await world().sessions.begin(TOKENS));
    const { sessions } = world({ secrets: ['b'.repeat(32), SECRET] });
    expect(await sessions.open(request(cookie))).toEqual({ token: 'a0', setCookies: [] });
  });

  it.each([[[]], [['short']], [[SECRET, 'short']]])('cannot be made with the secrets %j', (secrets) => {
    expect(() => world({ secrets })).toThrow('secrets');
  });
});

describe('a session', () => {
  it('has no token without cookies, and is forgotten when they cannot be read or are too old', async () => {
    const { sessions, clock } = world();
    expect(await sessions.open(request(''))).toEqual({ token: undefined, setCookies: [] });
    const broken = await sessions.open(request('__Host-session.0=x'));
    expect(broken.token).toBeUndefined();
    expect(broken.setCookies).toHaveLength(3);
    const cookie = cookieOf(await sessions.begin(TOKENS));
    clock.now += 12 * 3600 * 1000;
    expect((await sessions.open(request(cookie))).token).toBeUndefined();
  });

  it('is renewed shortly before its token expires, and not before', async () => {
    const { sessions, clock, provider } = world();
    const cookie = cookieOf(await sessions.begin(TOKENS));
    clock.now += 239_000;
    expect(await sessions.open(request(cookie))).toEqual({ token: 'a0', setCookies: [] });
    clock.now += 1000;
    const { token, setCookies } = await sessions.open(request(cookie));
    expect([token, provider.asked]).toEqual(['a1', ['r0']]);
    const next = cookieOf(setCookies);
    expect(await sessions.read(request(next))).toEqual({ accessToken: 'a1', refreshToken: 'r1', idToken: 'i0' });
    expect((await sessions.open(request(next))).token).toBe('a1');
  });

  it('is renewed once for all requests that come together or late, which get the same cookies', async () => {
    const { sessions, clock, provider } = world();
    const cookie = cookieOf(await sessions.begin(TOKENS));
    clock.now += 290_000;
    const together = await Promise.all([1, 2, 3].map(() => sessions.open(request(cookie))));
    const late = await sessions.open(request(cookie));
    expect(provider.asked).toEqual(['r0']);
    for (const each of [...together, late]) expect(each).toEqual(together[0]);
    expect(late.token).toBe('a1');
  });

  it('ends when the provider says so', async () => {
    const { sessions, clock, provider } = world();
    const cookie = cookieOf(await sessions.begin(TOKENS));
    provider.current = 'other';
    clock.now += 290_000;
    const { token, setCookies } = await sessions.open(request(cookie));
    expect([token, cookieOf(setCookies)]).toEqual([undefined, '']);
    expect(setCookies).toHaveLength(3);
  });

  it('ends, and says so in the log, when its new tokens do not fit into cookies', async () => {
    const { sessions, clock, provider, lines } = world();
    const cookie = cookieOf(await sessions.begin(TOKENS));
    provider.answer = () => Promise.resolve({ ...TOKENS, accessToken: 'x'.repeat(12_000), refreshToken: 'r1' });
    clock.now += 290_000;
    for (let i = 0; i < 2; i += 1) {
      const { token, setCookies } = await sessions.open(request(cookie));
      expect([token, setCookies.length, cookieOf(setCookies)]).toEqual([undefined, 3, '']);
    }
    expect(provider.asked).toEqual(['r0']);
    expect(lines).toEqual([
      'error: the tokens of a session are too long for cookies access_token=12000 refresh_token=2',
    ]);
  });

  it('keeps its token while the provider cannot be asked, asks it once, and says so once', async () => {
    const { sessions, clock, provider, lines } = world();
    const cookie = cookieOf(await sessions.begin(TOKENS));
    provider.answer = () => Promise.reject(new Error('down'));
    clock.now += 290_000;
    for (let i = 0; i < 3; i += 1) {
      expect(await sessions.open(request(cookie))).toEqual({ token: 'a0', setCookies: [] });
    }
    expect(provider.asked).toHaveLength(1);
    expect(lines).toEqual([expect.stringMatching(/^warn: a session could not be renewed error=Error /)]);
  });

  it('is not renewed for another site', async () => {
    const { sessions, clock, provider } = world();
    const cookie = cookieOf(await sessions.begin(TOKENS));
    clock.now += 290_000;
    const cross = request(cookie, { method: 'POST', headers: { 'sec-fetch-site': 'cross-site' } });
    expect(await sessions.open(cross)).toEqual({ token: 'a0', setCookies: [] });
    expect(provider.asked).toEqual([]);
  });

  it('is worth nothing after its end, also as a copy and while it is being renewed', async () => {
    const { sessions, clock, provider } = world();
    const cookie = cookieOf(await sessions.begin(TOKENS));
    const other = cookieOf(await sessions.begin({ ...TOKENS, accessToken: 'other' }));
    clock.now += 290_000;
    let answered: (tokens: Tokens) => void = () => undefined;
    provider.answer = () => new Promise((resolve) => (answered = resolve));
    const renewing = sessions.open(request(cookie));
    while (provider.asked.length === 0) await new Promise(setImmediate);
    const lines = await sessions.end(request(cookie));
    expect(lines.every((line) => line.includes('Max-Age=0'))).toBe(true);
    answered({ accessToken: 'a1', expiresInSeconds: 300 });
    expect((await renewing).token).toBeUndefined();
    expect((await sessions.open(request(cookie))).token).toBeUndefined();
    expect(await sessions.read(request(other))).toMatchObject({ accessToken: 'other' });
  });
});
