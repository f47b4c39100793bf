import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { createSessions, type SessionOptions, type Sessions, type Tokens } from '../../../../src/bff/session/session';

const ORIGIN = 'https://shop.example.com';
const START = Date.UTC(2026, 0, 1);

/** Timers that were set, by their time in milliseconds. */
let timers: { readonly ms: number; readonly run: () => void }[];
beforeEach(() => {
  timers = [];
  jest.spyOn(globalThis, 'setTimeout').mockImplementation(((run: () => void, ms: number) => {
    const timer = { ms, run, unref: (): undefined => undefined };
    timers.push(timer);
    return timer;
  }) as never);
  jest.spyOn(globalThis, 'clearTimeout').mockImplementation(((ended: never) => {
    timers = timers.filter((timer) => timer !== ended);
  }) as never);
});
afterEach(() => {
  jest.restoreAllMocks();
});

let now: number;
let asked: string[];
beforeEach(() => {
  now = START;
  asked = [];
});

function sessionsWith(
  answer: (refreshToken: string) => Promise<Tokens | undefined>,
  more: Partial<SessionOptions> = {},
): Sessions {
  const refresh = (refreshToken: string): Promise<Tokens | undefined> => {
    asked.push(refreshToken);
    return answer(refreshToken);
  };
  const log = (): undefined => undefined;
  return createSessions({ origin: ORIGIN, secrets: ['a'.repeat(32)], refresh, now: () => now, log, ...more });
}
const TOKENS: Tokens = { accessToken: 'a0', expiresInSeconds: 300, refreshToken: 'r0' };
const next = (n: number): Promise<Tokens> => Promise.resolve({ accessToken: `a${n}`, expiresInSeconds: 300 });
const cookieOf = (lines: readonly string[]): string =>
  lines
    .filter((line) => !line.includes('Max-Age=0'))
    .map((line) => line.split(';')[0])
    .join('; ');
/** Lets everything go on that does not wait for a timer, until something is so. */
const until = async (isSo: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await isSo())) await new Promise(setImmediate);
};
const request = (cookie: string): Request => new Request(`${ORIGIN}/`, { headers: { cookie } });

describe('the renewal of a session', () => {
  it('serves requests with the old cookie for a minute, and the provider judges those that come later', async () => {
    const sessions = sessionsWith(() => (asked.length === 1 ? next(1) : Promise.resolve(undefined)));
    const cookie = cookieOf(await sessions.begin(TOKENS));
    now += 290_000;
    expect((await sessions.open(request(cookie))).token).toBe('a1');
    expect(timers.map(({ ms }) => ms)).toEqual([60_000]);
    expect((await sessions.open(request(cookie))).token).toBe('a1');
    expect(asked).toEqual(['r0']);
    timers[0]!.run();
    const late = await sessions.open(request(cookie));
    expect([late.token, late.setCookies.length]).toEqual([undefined, 3]);
    expect(asked).toEqual(['r0', 'r0']);
  });

  it('is tried again five seconds after the provider failed', async () => {
    const sessions = sessionsWith(() => (asked.length === 1 ? Promise.reject(new Error('down')) : next(1)));
    const cookie = cookieOf(await sessions.begin(TOKENS));
    now += 290_000;
    expect((await sessions.open(request(cookie))).token).toBe('a0');
    expect(timers.map(({ ms }) => ms)).toEqual([5000]);
    timers[0]!.run();
    expect((await sessions.open(request(cookie))).token).toBe('a1');
  });

  it('is waited for ten seconds, and its result counts also when it comes later', async () => {
    const logged: unknown[] = [];
    let answer: (tokens: Tokens) => void = () => undefined;
    const sessions = sessionsWith(() => new Promise((resolve) => (answer = resolve)), {
      log: (...line) => logged.push(line),
    });
    const cookie = cookieOf(await sessions.begin(TOKENS));
    now += 290_000;
    const waiting = [sessions.open(request(cookie)), sessions.open(request(cookie))];
    await until(() => timers.length === 1);
    expect(timers[0]!.ms).toBe(10_000);
    timers[0]!.run();
    const unchanged = { token: 'a0', setCookies: [] };
    expect(await Promise.all([...waiting, sessions.open(request(cookie))])).toEqual(Array(3).fill(unchanged));
    expect(logged).toEqual([
      ['warn', 'a session could not be renewed', expect.objectContaining({ error: 'LateAnswerError' })],
    ]);
    answer({ accessToken: 'a1', expiresInSeconds: 300, refreshToken: 'r1' });
    await until(async () => (await sessions.open(request(cookie))).token === 'a1');
    expect(asked).toEqual(['r0']);
  });

  it('is tried again a minute after the provider did not answer in time', async () => {
    const sessions = sessionsWith(() => (asked.length === 1 ? new Promise(() => undefined) : next(1)));
    const cookie = cookieOf(await sessions.begin(TOKENS));
    now += 290_000;
    const waiting = sessions.open(request(cookie));
    await until(() => timers.length === 1);
    timers[0]!.run();
    expect((await waiting).token).toBe('a0');
    await until(() => timers.length === 1);
    expect(timers[0]!.ms).toBe(60_000);
    timers[0]!.run();
    expect((await sessions.open(request(cookie))).token).toBe('a1');
  });

  it('keeps the refresh token of a provider that gives no new one', async () => {
    const sessions = sessionsWith(() => next(asked.length));
    let cookie = cookieOf(await sessions.begin(TOKENS));
    for (const n of [1, 2]) {
      now += 290_000;
      timers.splice(0).forEach(({ run }) => {
        run();
      });
      const { token, setCookies } = await sessions.open(request(cookie));
      expect(token).toBe(`a${n}`);
      cookie = cookieOf(setCookies);
    }
    expect(asked).toEqual(['r0', 'r0']);
    expect(await sessions.read(request(cookie))).toMatchObject({ accessToken: 'a2', refreshToken: 'r0' });
  });

  it('is asked for anew for a short token that came without a new refresh token, while the last one is remembered', async () => {
    const sessions = sessionsWith(() => Promise.resolve({ accessToken: `a${asked.length}`, expiresInSeconds: 30 }));
    const cookie = cookieOf(await sessions.begin(TOKENS));
    now += 290_000;
    const renewed = await sessions.open(request(cookie));
    now += 20_000;
    expect((await sessions.open(request(cookieOf(renewed.setCookies)))).token).toBe('a2');
    expect(await sessions.open(request(cookie))).toEqual(renewed);
    expect(asked).toEqual(['r0', 'r0']);
  });

  it('does not extend a session: its cookies end with it', async () => {
    const sessions = sessionsWith(() => next(asked.length), { maxAgeSeconds: 600, refreshBeforeSeconds: 200 });
    const begun = await sessions.begin(TOKENS);
    expect(begun[0]).toContain('; Max-Age=600; ');
    now += 99_000;
    expect((await sessions.open(request(cookieOf(begun)))).setCookies).toEqual([]);
    now += 1000;
    const { setCookies } = await sessions.open(request(cookieOf(begun)));
    expect(setCookies[0]).toContain('; Max-Age=500; ');
    now = START + 599_999;
    expect((await sessions.read(request(cookieOf(setCookies))))?.accessToken).toBe('a1');
    now += 1;
    expect(await sessions.read(request(cookieOf(setCookies)))).toBeUndefined();
  });

  it('is not asked for without a refresh token: the token is good as long as it is', async () => {
    const sessions = sessionsWith(() => next(1));
    const { accessToken, expiresInSeconds } = TOKENS;
    const cookie = cookieOf(await sessions.begin({ accessToken, expiresInSeconds }));
    now += 290_000;
    expect(await sessions.open(request(cookie))).toEqual({ token: 'a0', setCookies: [] });
    expect(asked).toEqual([]);
  });
});

describe('the cookies of a session', () => {
  it('have the name that is given, and no other is read', async () => {
    const sessions = sessionsWith(() => next(1), { cookie: '__Host-own' });
    const cookie = cookieOf(await sessions.begin(TOKENS));
    expect(cookie).toMatch(/^__Host-own\.0=/);
    expect((await sessions.open(request(cookie))).token).toBe('a0');
    for (const [name, other] of [
      ['__Host-own.0', '__Host-session.0'],
      ['__Host-own.0', '__Host-own.00'],
      ['__Host-own.0', '__Host-own.a'],
      ['__Host-own.0', 'x__Host-own.0'],
    ] as const) {
      expect(await sessions.open(request(cookie.replace(name, other)))).toEqual({ token: undefined, setCookies: [] });
    }
  });

  it('are read with spaces around their names and values, among others and without values', async () => {
    const sessions = sessionsWith(() => next(1));
    const cookie = cookieOf(await sessions.begin(TOKENS)).replace('=', ' = ');
    expect((await sessions.open(request(`a; b=1; ${cookie} ; c`))).token).toBe('a0');
  });

  it('are refused when there are more than ever were set', async () => {
    const sessions = sessionsWith(() => next(1));
    const four = [0, 1, 2, 3].map((n) => `__Host-session.${n}=x`).join('; ');
    const { token, setCookies } = await sessions.open(request(four));
    expect([token, setCookies.length]).toEqual([undefined, 3]);
  });
});
