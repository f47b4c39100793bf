import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { KeyLookup, KeyRequest, VerificationKey } from '../../../src/core/verification/key-source';
import { UntrustedPathError } from '../../../src/files/trusted-path';
import {
  keyFetchChannel,
  keySetChannel,
  type KeyFetchMessage,
  type KeySetMessage,
} from '../../../src/telemetry/channels';
import { keySetOf, type KeyLike } from '../../support/key-issuer';
import { DOWN, ScriptedProvider } from '../../support/scripted-provider';
import { publicJwk, signingKey } from '../../support/tokens';

const [one, two] = [signingKey('ES256', '1'), signingKey('ES256', '2')];
const ONE: KeyRequest = { alg: 'ES256', kid: '1' };
const TWO: KeyRequest = { alg: 'ES256', kid: '2' };
const UNKNOWN: KeyRequest = { alg: 'ES256', kid: 'random' };
/** ttl 600: refreshed at 480 (random is 0.5), fresh until 600, stale until 4200; the first failure pauses 37.5 s. */
const DEFAULTS = {};

/** The answer, which must have been there at once. */
function atOnce(lookup: KeyLookup | Promise<KeyLookup>): KeyLookup {
  if (lookup instanceof Promise) throw new Error('the answer was not in memory');
  return lookup;
}
const keyOf = (lookup: KeyLookup): VerificationKey => (lookup as { key: VerificationKey }).key;
const FOUND = { status: 'found' };
const NOT_FOUND = { status: 'not_found', reason: 'no_matching_key' };

async function loaded(keyFetch: object = DEFAULTS, ...keys: readonly KeyLike[]): Promise<ScriptedProvider> {
  const provider = new ScriptedProvider({ ...keyFetch }, ...(keys.length > 0 ? keys : [one]));
  expect(await provider.set.find(ONE)).toMatchObject(FOUND);
  return provider;
}

describe('a key set in normal life', () => {
  it('is fetched when it is first needed, once for all who wait', async () => {
    const provider = new ScriptedProvider(DEFAULTS, one);
    expect(provider.fetches).toEqual([]);
    const lookups = await Promise.all([provider.set.find(ONE), provider.set.find(UNKNOWN), provider.set.find(ONE)]);
    expect(lookups).toMatchObject([FOUND, NOT_FOUND, FOUND]);
    expect(provider.fetches).toEqual([0]);
  });

  it('answers from memory afterwards, and is not fetched while nobody uses it', async () => {
    const provider = await loaded();
    provider.pass(479);
    expect(atOnce(provider.set.find(ONE))).toMatchObject(FOUND);
    expect(provider.fetches).toEqual([0]);
  });

  it('is renewed in the background before it gets old, while it answers from memory', async () => {
    const provider = await loaded();
    const release = provider.hang();
    provider.pass(480);
    for (let turn = 0; turn < 5; turn++) expect(atOnce(provider.set.find(ONE))).toMatchObject(FOUND);
    expect(provider.fetches).toEqual([0, 480]);
    await release();
    provider.pass(479);
    expect(atOnce(provider.set.find(ONE))).toMatchObject(FOUND);
    expect(provider.fetches).toEqual([0, 480]);
  });

  it('is renewed by the use of cached tokens alone', async () => {
    const provider = await loaded();
    const key = keyOf(atOnce(provider.set.find(ONE)));
    provider.pass(480);
    expect(provider.set.holds(key)).toBe(true);
    expect(provider.fetches).toEqual([0, 480]);
  });

  it.each([
    [0, 420],
    [1, 540],
  ])('is renewed earlier or later by chance (%d), so that many gateways do not come at once', async (random, at) => {
    const provider = new ScriptedProvider(DEFAULTS, one);
    provider.random = random;
    await provider.set.find(ONE);
    provider.pass(at - 1);
    await provider.set.find(ONE);
    expect(provider.fetches).toEqual([0]);
    provider.pass(1);
    await provider.set.find(ONE);
    expect(provider.fetches).toEqual([0, at]);
  });

  it('makes a request wait for a new one when nobody used it for longer than it is fresh', async () => {
    const provider = await loaded();
    provider.keys = [two];
    provider.pass(600);
    expect(await provider.set.find(ONE)).toMatchObject(NOT_FOUND);
    expect(provider.fetches).toEqual([0, 600]);
  });

  it('lasts as long again when the provider says that it is the same', async () => {
    const provider = new ScriptedProvider(DEFAULTS, one);
    provider.etag = '"v1"';
    provider.cacheControl = 'max-age=1000';
    const key = keyOf(await provider.set.find(ONE));
    // RFC 9111 §4.3.4: what the confirmation does not say is as before.
    provider.cacheControl = undefined;
    provider.keys = [];
    provider.pass(800);
    expect(provider.set.holds(key)).toBe(true);
    await provider.settled();
    provider.pass(799);
    expect(provider.set.holds(key)).toBe(true);
    expect(provider.fetches).toEqual([0, 800]);
    expect(provider.recorder.lines).toEqual(['notice: keys changed']);
  });

  it('is fetched no more often than min_ttl allows, whatever the provider says', async () => {
    const provider = await loaded({ min_ttl: 60 });
    provider.cacheControl = 'no-store';
    for (let second = 0; second < 3600; second++) {
      provider.pass(1);
      await provider.set.find(ONE);
      await provider.settled();
    }
    // From 480 on every four fifths of a minute.
    expect(provider.fetches.length).toBeLessThanOrEqual(2 + (3600 - 480) / 48);
    expect(provider.fetches.length).toBeGreaterThan(60);
  });
});

describe('a key set that rotates', () => {
  it('finds a new key with one fetch for all who ask for it', async () => {
    const provider = await loaded();
    provider.pass(30);
    provider.keys = [one, two];
    const asked = [TWO, UNKNOWN, TWO].map(async (request) => provider.set.find(request));
    expect(atOnce(provider.set.find(ONE))).toMatchObject(FOUND);
    expect(await Promise.all(asked)).toMatchObject([FOUND, NOT_FOUND, FOUND]);
    expect(provider.fetches).toEqual([0, 30]);
  });

  it('waits for a renewal that is under way, which may bring the key, also within the cooldown', async () => {
    const provider = await loaded({ cooldown: 3600 });
    provider.keys = [one, two];
    provider.pass(480);
    const release = provider.hang();
    expect(atOnce(provider.set.find(ONE))).toMatchObject(FOUND);
    const asked = provider.set.find(TWO);
    await release();
    expect(await asked).toMatchObject(FOUND);
    expect(provider.fetches).toEqual([0, 480]);
  });

  it('asks for unknown keys once a cooldown, and answers at once in between', async () => {
    const provider = await loaded();
    for (let second = 1; second <= 100; second++) {
      provider.pass(1);
      const asked = provider.set.find({ alg: 'ES256', kid: String(Math.random()) });
      expect(atOnce(provider.set.find(ONE))).toMatchObject(FOUND);
      expect(await asked).toMatchObject(NOT_FOUND);
    }
    expect(provider.fetches).toEqual([0, 30, 60, 90]);
  });

  it('waits for the provider after a failure too, and ever longer, but not with keys that it knows', async () => {
    const provider = await loaded();
    provider.fault = DOWN;
    for (let second = 1; second <= 400; second++) {
      provider.pass(1);
      const asked = provider.set.find(UNKNOWN);
      expect(atOnce(provider.set.find(ONE))).toMatchObject(FOUND);
      expect(await asked).toMatchObject(NOT_FOUND);
      expect(atOnce(provider.set.find(UNKNOWN))).toMatchObject(NOT_FOUND);
    }
    // Pauses of 37.5, 75 and then 150 seconds, on the next use.
    expect(provider.fetches).toEqual([0, 30, 68, 143, 293]);
  });

  it('begins with a short pause again once the provider has answered', async () => {
    const provider = await loaded();
    const attempt = async (seconds: number, fault: Error | undefined): Promise<void> => {
      provider.pass(seconds);
      provider.fault = fault;
      await provider.set.find(UNKNOWN);
    };
    await attempt(30, DOWN);
    await attempt(38, DOWN);
    await attempt(75, undefined);
    await attempt(30, DOWN);
    const failed = provider.recorder.records.filter(({ message }) => message === 'keys could not be fetched');
    expect(failed.map(({ fields }) => fields['retry_in_ms'])).toEqual([37_500, 75_000, 37_500]);
  });

  it('does not fetch for a token without kid, whether few keys fit it or too many', async () => {
    const nameless = { alg: 'ES256', kid: undefined } as const;
    const provider = await loaded(DEFAULTS, one, two);
    provider.pass(100);
    expect(atOnce(provider.set.find(nameless))).toMatchObject({ status: 'found', others: [{ kid: '2' }] });
    const crowded = await loaded(DEFAULTS, one, two, signingKey('ES256', '3'), signingKey('ES256', '4'));
    crowded.pass(100);
    expect(atOnce(crowded.set.find(nameless))).toEqual({ status: 'not_found', reason: 'ambiguous_key' });
    expect([provider.fetches, crowded.fetches].map(({ length }) => length)).toEqual([1, 1]);
  });

  it('warns when keys have no kid, each time that the keys change and not at each renewal', async () => {
    const NAMELESS = 'the provider publishes keys without kid';
    const warnings = (from: ScriptedProvider): unknown[] =>
      from.recorder.records.filter(({ level, message }) => level === 'warn' && message.startsWith(NAMELESS));
    const [bare, other] = [signingKey('ES256'), signingKey('ES384')];
    const provider = await loaded(DEFAULTS, one, bare);
    const renew = async (): Promise<void> => {
      provider.pass(600);
      await provider.set.find({ alg: 'ES256', kid: undefined });
      await provider.settled();
    };
    expect(warnings(provider)).toMatchObject([{ fields: { keys: 1 } }]);
    await renew();
    expect(warnings(provider)).toHaveLength(1);
    provider.keys = [one, bare, other];
    await renew();
    expect(warnings(provider)).toMatchObject([{ fields: { keys: 1 } }, { fields: { keys: 2 } }]);
    expect(warnings(await loaded(DEFAULTS, one))).toEqual([]);
  });

  it('logs the reason for each key when none is of use', async () => {
    const provider = new ScriptedProvider({}, { ...publicJwk(one), use: 'enc' }, { kty: 'PQC' });
    await provider.set.find(ONE);
    expect(provider.recorder.reasons).toEqual([
      'the JWK set has no usable key (key 1: its use is not sig; key 2: its kty is not supported)',
    ]);
  });

  it('says which keys it has, which of the document are not used, and why the last fetch failed', async () => {
    const provider = await loaded(DEFAULTS, one, { ...publicJwk(two), use: 'enc' });
    expect(provider.set.findings()).toEqual(['the set has kid "1", for ES256', 'not used: key 2: its use is not sig']);
    provider.keys = [{ ...publicJwk(one), use: 'enc' }, { kty: 'PQC' }];
    provider.pass(3600);
    await provider.set.find(UNKNOWN);
    expect(provider.set.findings().slice(0, 3)).toEqual([
      'the keys could not be fetched: the JWK set has no usable key (key 1: its use is not sig; key 2: its kty is not supported)',
      'key 1: its use is not sig',
      'key 2: its kty is not supported',
    ]);
  });

  it('forgets a key that was removed, and the tokens that it verified, with the next fetch', async () => {
    const provider = await loaded(DEFAULTS, one, two);
    const [first, second] = [keyOf(atOnce(provider.set.find(ONE))), keyOf(atOnce(provider.set.find(TWO)))];
    provider.keys = [two];
    provider.pass(480);
    expect(provider.set.holds(first)).toBe(true);
    await provider.settled();
    expect(provider.set.holds(first)).toBe(false);
    expect(provider.set.holds(second)).toBe(true);
    expect(atOnce(provider.set.find(ONE))).toMatchObject(NOT_FOUND);
  });

  it.each([
    ['steadily', 1],
    ['now and then', 250],
    ['once in an hour', 3599],
  ])('uses a removed key no longer than max_ttl while the provider answers, when it is used %s', async (_, every) => {
    const provider = await loaded({ max_ttl: 3600 });
    const key = keyOf(atOnce(provider.set.find(ONE)));
    provider.cacheControl = 'max-age=31536000';
    provider.pass(480);
    provider.set.holds(key);
    await provider.settled();
    provider.keys = [two];
    for (let passed = every; passed <= 3600 + every; passed += every) {
      provider.pass(every);
      const isHeld = provider.set.holds(key);
      if (passed >= 3600) expect(isHeld).toBe(false);
      await provider.settled();
    }
  });

  it('keeps what it has when the provider publishes nothing usable', async () => {
    const provider = await loaded();
    for (const keys of [[], [{ kty: 'XYZ' }], [{ kty: 'oct', k: 'AAAA' }], Array.from({ length: 101 }, () => ({}))]) {
      provider.keys = keys;
      provider.pass(600);
      expect(await provider.set.find(ONE)).toMatchObject(FOUND);
    }
    expect(provider.recorder.reasons).toEqual([
      'the JWK set has no usable key',
      'the JWK set has no usable key (key 1: its kty is not supported)',
      'the JWK set has no usable key (key 1: it is a secret)',
      'the JWK set has more than 100 keys',
    ]);
  });
});

describe('a key set whose provider fails', () => {
  it('answers from stale keys up to max_stale, then with unavailable and when to come back', async () => {
    const provider = await loaded({ max_stale: 1000 });
    const key = keyOf(atOnce(provider.set.find(ONE)));
    provider.fault = DOWN;
    for (let second = 480; second < 1600; second++) {
      provider.nowMs = 1_800_000_000_000 + second * 1000;
      expect(atOnce(provider.set.find(ONE))).toMatchObject(FOUND);
      expect(provider.set.holds(key)).toBe(true);
      await provider.settled();
    }
    provider.pass(1);
    expect(provider.set.holds(key)).toBe(false);
    const lookup = await provider.set.find(ONE);
    expect(lookup).toMatchObject({ status: 'unavailable', retryAfterSeconds: expect.any(Number) });
    const { retryAfterSeconds } = lookup as { retryAfterSeconds: number };
    const attempts = provider.fetches.length;
    provider.pass(retryAfterSeconds - 1);
    expect(await provider.set.find(ONE)).toMatchObject({ status: 'unavailable', retryAfterSeconds: 1 });
    expect(provider.fetches).toHaveLength(attempts);
    provider.fault = undefined;
    provider.pass(1);
    expect(await provider.set.find(ONE)).toEqual({ status: 'found', key });
  });

  it('never uses stale keys when max_stale is 0', async () => {
    const provider = await loaded({ max_stale: 0 });
    provider.fault = DOWN;
    provider.pass(600);
    expect(await provider.set.find(ONE)).toMatchObject({ status: 'unavailable', retryAfterSeconds: 38 });
  });

  it('answers from stale keys only while it knows that the provider fails', async () => {
    const provider = await loaded();
    provider.fault = DOWN;
    provider.pass(480);
    expect(atOnce(provider.set.find(ONE))).toMatchObject(FOUND);
    await provider.settled();
    // Nobody asks for half an hour. Meanwhile the provider is back, without the key.
    provider.fault = undefined;
    provider.keys = [two];
    provider.pass(1800);
    expect(await provider.set.find(ONE)).toMatchObject(NOT_FOUND);
  });

  it('makes nobody wait during a long outage in which a fetch hangs', async () => {
    const provider = await loaded();
    const key = keyOf(atOnce(provider.set.find(ONE)));
    provider.fault = DOWN;
    provider.pass(480);
    for (let second = 480; second < 4200; second += 20) {
      const release = provider.hang();
      expect(atOnce(provider.set.find(ONE))).toMatchObject(FOUND);
      provider.pass(5);
      expect(atOnce(provider.set.find(ONE))).toMatchObject(FOUND);
      expect(provider.set.holds(key)).toBe(true);
      await release();
      provider.pass(15);
    }
  });

  it('says unavailable when nothing was ever fetched, and lets requests wait for the next attempt only', async () => {
    const provider = new ScriptedProvider(DEFAULTS, one);
    provider.fault = DOWN;
    expect(await provider.set.find(ONE)).toMatchObject({ status: 'unavailable', retryAfterSeconds: 38 });
    provider.pass(37);
    expect(await provider.set.find(ONE)).toMatchObject({ status: 'unavailable', retryAfterSeconds: 1 });
    expect(provider.fetches).toEqual([0]);
    provider.pass(1);
    provider.fault = undefined;
    const release = provider.hang();
    const waiting = [ONE, ONE].map(async (request) => provider.set.find(request));
    await release();
    expect(await Promise.all(waiting)).toMatchObject([FOUND, FOUND]);
    expect(provider.fetches).toEqual([0, 38]);
  });

  it('never rejects, whatever is thrown, and quotes nothing of it', async () => {
    const provider = new ScriptedProvider(DEFAULTS, one);
    provider.fault = new TypeError('eyJ.a.secret');
    expect(await provider.set.find(ONE)).toMatchObject({ status: 'unavailable' });
    expect(provider.recorder.reasons).toEqual(['an unexpected error']);
    expect(JSON.stringify(provider.recorder.records)).not.toContain('secret');
  });

  it('does not take 304 for an answer when it has no keys', async () => {
    const provider = new ScriptedProvider(DEFAULTS, one);
    provider.isConfused = true;
    expect(await provider.set.find(ONE)).toMatchObject({ status: 'unavailable' });
    expect(provider.recorder.reasons).toEqual(['the provider answered 304 to a request without a condition']);
  });
});

describe('a key set that is renewed at once', () => {
  it('is fetched past every cache and without a condition, however fresh it is, and loses what was removed', async () => {
    const provider = new ScriptedProvider(DEFAULTS, one, two);
    provider.etag = '"always the same"';
    const key = keyOf(await provider.set.find(ONE));
    provider.keys = [two];
    const release = provider.hang();
    const renewal = provider.set.renew();
    expect(atOnce(provider.set.find(ONE))).toMatchObject(FOUND);
    expect(provider.set.holds(key)).toBe(true);
    await release();
    await renewal;
    expect(provider.set.holds(key)).toBe(false);
    expect(atOnce(provider.set.find(ONE))).toMatchObject(NOT_FOUND);
    expect([provider.fetches, provider.renewals]).toEqual([[0, 0], [0]]);
    expect(provider.recorder.lines.at(-1)).toBe('notice: keys were fetched again');
  });

  it('is fetched once more when a fetch is under way, which may have been answered before', async () => {
    const provider = await loaded();
    const release = provider.hang();
    provider.pass(480);
    expect(atOnce(provider.set.find(ONE))).toMatchObject(FOUND);
    const renewals = [provider.set.renew(), provider.set.renew()];
    await provider.settled();
    expect(provider.fetches).toEqual([0, 480]);
    await release();
    await Promise.all(renewals);
    expect([provider.fetches.slice(0, 3), provider.renewals[0]]).toEqual([[0, 480, 480], 480]);
  });

  it('keeps its keys when that fails, and tries again after the pause, past every cache as well', async () => {
    const provider = await loaded();
    provider.pass(10);
    provider.fault = DOWN;
    await provider.set.renew();
    expect(provider.recorder.lines.at(-1)).toBe('warn: keys could not be fetched');
    [provider.fault, provider.keys] = [undefined, [two]];
    provider.pass(37);
    expect(atOnce(provider.set.find(ONE))).toMatchObject(FOUND);
    expect(provider.fetches).toEqual([0, 10]);
    provider.pass(1);
    expect(atOnce(provider.set.find(ONE))).toMatchObject(FOUND);
    await provider.settled();
    expect(atOnce(provider.set.find(ONE))).toMatchObject(NOT_FOUND);
    expect([provider.fetches, provider.renewals]).toEqual([
      [0, 10, 48],
      [10, 48],
    ]);
    expect(provider.recorder.lines.at(-1)).toBe('notice: keys were fetched again');
    provider.pass(480);
    await provider.set.find(TWO);
    expect(provider.renewals).toEqual([10, 48]);
  });

  it('does not wait for the end of a pause', async () => {
    const provider = new ScriptedProvider(DEFAULTS, one);
    provider.fault = DOWN;
    expect(await provider.set.find(ONE)).toMatchObject({ status: 'unavailable' });
    provider.fault = undefined;
    await provider.set.renew();
    expect(atOnce(provider.set.find(ONE))).toMatchObject(FOUND);
    expect(provider.renewals).toEqual([0]);
  });

  it('is not fetched when nobody ever asked for a key', async () => {
    const provider = new ScriptedProvider(DEFAULTS, one);
    await provider.set.renew();
    expect(provider.fetches).toEqual([]);
  });
});

describe('a key set under any sequence of requests, faults and answers', () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.record({ pass: fc.integer({ min: 0, max: 100 }) }) },
    { weight: 4, arbitrary: fc.record({ kid: fc.string() }) },
    fc.record({ isDown: fc.boolean() }),
    fc.record({ hangs: fc.boolean() }),
    fc.record({ cacheControl: fc.constantFrom('no-store', 'max-age=60', 'max-age=9999', '') }),
  );
  type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

  /** Plays the steps with tokens of random kids; after each, a good token comes. */
  async function play(provider: ScriptedProvider, steps: readonly Step[], onGood: (lookup: unknown) => void) {
    let release = (): Promise<void> => Promise.resolve();
    await provider.set.find(ONE);
    for (const next of steps) {
      if ('pass' in next) provider.pass(next.pass);
      else if ('isDown' in next) provider.fault = next.isDown ? DOWN : undefined;
      else if ('cacheControl' in next) provider.cacheControl = next.cacheControl;
      else if ('kid' in next) void provider.set.find({ alg: 'ES256', kid: `${next.kid}?` });
      else {
        await release();
        if (next.hangs) release = provider.hang();
      }
      onGood(provider.set.find(ONE));
      await provider.settled();
    }
    await release();
  }
  const check = (keyFetch: object, onGood: (lookup: unknown) => void, onEnd: (provider: ScriptedProvider) => void) =>
    fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 60 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async (steps, random) => {
          const provider = new ScriptedProvider({ cooldown: 30, ...keyFetch }, one);
          provider.random = random;
          await play(provider, steps, onGood);
          onEnd(provider);
        },
      ),
      { numRuns: 150 },
    );

  it('is fetched once a cooldown at the most, after failures too', async () => {
    const pass = (): void => undefined;
    await check({ min_ttl: 60 }, pass, ({ fetches }) => {
      const gaps = fetches.slice(1).map((at, index) => at - fetches[index]!);
      expect(Math.min(30, ...gaps)).toBe(30);
    });
  });

  it('answers from memory for the keys that it has', async () => {
    const day = { min_ttl: 86_400, ttl: 86_400, max_ttl: 86_400 };
    const expectKey = (lookup: unknown): void => {
      expect(lookup).toMatchObject(FOUND);
    };
    await check(day, expectKey, () => undefined);
  });
});

describe('a key set that is kept on disk', () => {
  it('is written with every fetch: its usable keys, when and for how long', async () => {
    const provider = await loaded(DEFAULTS, one, { kty: 'XYZ', secret: 1 });
    expect(provider.stored).toEqual({
      body: keySetOf({ ...one.publicKey.export({ format: 'jwk' }), alg: 'ES256', kid: '1' }),
      fetchedAtMs: 1_800_000_000_000,
      lifetimeSeconds: 600,
    });
    provider.etag = '"v1"';
    provider.pass(480);
    await provider.set.find(ONE);
    await provider.settled();
    expect(provider.stored).toMatchObject({ fetchedAtMs: 1_800_000_480_000 });
  });

  const start = async (ageSeconds: number, keyFetch: object = DEFAULTS): Promise<ScriptedProvider> => {
    const provider = new ScriptedProvider({ ...keyFetch }, one);
    provider.stored = (await loaded()).stored;
    provider.pass(ageSeconds);
    provider.fault = DOWN;
    return provider;
  };

  it('verifies tokens in a process that starts while the provider is down, as if it had run all along', async () => {
    const provider = await start(100);
    expect(await provider.set.find(ONE)).toMatchObject(FOUND);
    expect(provider.recorder.lines).toContain('warn: keys of an earlier run are used until the provider answers');
    provider.pass(4000);
    expect(await provider.set.find(ONE)).toMatchObject(FOUND);
    provider.pass(200);
    expect(await provider.set.find(ONE)).toMatchObject({ status: 'unavailable' });
  });

  it('gives way to what the provider publishes as soon as it answers', async () => {
    const provider = await start(100);
    const key = keyOf(await provider.set.find(ONE));
    provider.fault = undefined;
    provider.keys = [one, two];
    provider.pass(38);
    expect(await provider.set.find(TWO)).toMatchObject(FOUND);
    expect(provider.set.holds(key)).toBe(true);
  });

  it('is not looked at when the provider answers', async () => {
    const provider = await start(100);
    provider.fault = undefined;
    provider.keys = [two];
    expect(await provider.set.find(ONE)).toMatchObject(NOT_FOUND);
  });

  it.each([
    ['too old', 4200, DEFAULTS],
    ['too old for max_stale', 1000, { max_stale: 300 }],
    ['older than max_ttl and max_stale allow now', 400, { min_ttl: 60, ttl: 60, max_ttl: 60, max_stale: 300 }],
    ['from the future, which would make it last for ever', -1, DEFAULTS],
  ])('is not used when it is %s', async (_, age, keyFetch) => {
    const provider = await start(age, keyFetch);
    expect(await provider.set.find(ONE)).toMatchObject({ status: 'unavailable' });
    expect(provider.recorder.lines).not.toContain('warn: keys of an earlier run are used until the provider answers');
  });

  it.each([
    [{ keys: [] }, 'the JWK set has no usable key'],
    [{ keys: [{ kty: 'oct', k: 'A'.repeat(43) }] }, 'the JWK set has no usable key (key 1: it is a secret)'],
    [null, 'the document is not a JWK set'],
  ])('is checked like a fetched one: %j', async (body, reason) => {
    const provider = await start(100);
    provider.stored = { ...provider.stored!, body };
    expect(await provider.set.find(ONE)).toMatchObject({ status: 'unavailable' });
    const [record] = provider.recorder.records.filter(({ message }) => message.includes('cache_directory'));
    expect(record).toMatchObject({ level: 'warn', fields: { reason } });
  });

  it.each([
    ['others may write to the folder', new UntrustedPathError('others may write to the folder')],
    ['EACCES', Object.assign(new Error('EACCES: /secret/path'), { code: 'EACCES' })],
    ['unknown', new Error('?')],
  ])('does not matter to requests when the disk fails: %s', async (reason, fault) => {
    const provider = new ScriptedProvider(DEFAULTS, one);
    provider.fileProblem = fault;
    expect(await provider.set.find(ONE)).toMatchObject(FOUND);
    await provider.settled();
    const written = { level: 'warn', message: 'keys could not be written to cache_directory' };
    expect(provider.recorder.records.at(-1)).toMatchObject({ ...written, fields: { reason } });

    const cold = new ScriptedProvider(DEFAULTS, one);
    Object.assign(cold, { fault: DOWN, fileProblem: fault });
    expect(await cold.set.find(ONE)).toMatchObject({ status: 'unavailable' });
    expect(cold.recorder.lines).toContain('warn: keys could not be read from cache_directory');
  });
});

describe('what is said about a key set', () => {
  const fetches: KeyFetchMessage[] = [];
  const states: KeySetMessage[] = [];
  const onFetch = (message: KeyFetchMessage): void => void fetches.push(message);
  const onState = (message: KeySetMessage): void => void states.push(message);
  beforeEach(() => {
    keyFetchChannel.subscribe(onFetch);
    keySetChannel.subscribe(onState);
  });
  afterEach(() => {
    keyFetchChannel.unsubscribe(onFetch);
    keySetChannel.unsubscribe(onState);
    fetches.length = 0;
    states.length = 0;
  });

  it('is told once a change through an outage and back', async () => {
    const provider = await loaded({ max_stale: 1000 });
    provider.etag = '"v1"';
    for (const [second, fault] of [
      [480, undefined],
      [960, undefined],
      [1440, DOWN],
      [1600, DOWN],
      [1700, DOWN],
      [2600, DOWN],
      [2800, undefined],
    ] as const) {
      provider.nowMs = 1_800_000_000_000 + second * 1000;
      provider.fault = fault;
      for (let turn = 0; turn < 3; turn++) {
        await provider.set.find(ONE);
        await provider.settled();
      }
    }
    expect(provider.recorder.records.map(({ level, message, fields }) => [level, message, fields])).toEqual([
      ['notice', 'keys changed', { issuer: 'https://auth.test/', keys: 1, added: 1, removed: 0 }],
      ['warn', 'keys could not be fetched', expect.objectContaining({ failures: 1, retry_in_ms: 37_500 })],
      // Between 1440 and 1600 nobody used the keys, so the next attempt is waited for.
      ['warn', 'keys could not be fetched', expect.objectContaining({ failures: 2, retry_in_ms: 75_000 })],
      [
        'warn',
        'keys are stale and used because the provider fails',
        { issuer: 'https://auth.test/', age_seconds: 640 },
      ],
      ['warn', 'keys could not be fetched', expect.objectContaining({ failures: 3 })],
      ['warn', 'keys could not be fetched', expect.objectContaining({ failures: 4, retry_in_ms: 150_000 })],
      ['error', 'no usable keys: requests are refused with 503', { issuer: 'https://auth.test/', age_seconds: 1640 }],
      ['notice', 'keys can be fetched again', { issuer: 'https://auth.test/', failures: 4 }],
      ['notice', 'keys are fresh again', { issuer: 'https://auth.test/', age_seconds: 0 }],
    ]);
    const at = (second: number): number => 1_800_000_000_000 + second * 1000;
    expect(states.map(({ state, fetchedAtMs }) => [state, fetchedAtMs])).toEqual([
      ['fresh', at(0)],
      ['fresh', at(480)],
      ['fresh', at(960)],
      ['stale', at(960)],
      ['unavailable', at(960)],
      ['fresh', at(2800)],
    ]);
    const attempts = fetches.map(({ outcome, keys }) => `${outcome} ${keys}`);
    const failed = ['failed 1', 'failed 1', 'failed 1', 'failed 0'];
    expect(attempts).toEqual(['ok 1', 'ok 1', 'not_modified 1', ...failed, 'not_modified 1']);
  });

  it('says which keys are not used, once, and not more than a few', async () => {
    const provider = await loaded(DEFAULTS, one, ...Array.from({ length: 24 }, () => ({ kty: 'oct', k: 'c2VjcmV0' })));
    provider.pass(480);
    expect(atOnce(provider.set.find(ONE))).toMatchObject(FOUND);
    await provider.settled();
    const skipped = provider.recorder.records.filter(
      ({ message }) => message === 'some keys of the key set are not used',
    );
    expect(skipped).toHaveLength(1);
    expect(skipped[0]).toMatchObject({ level: 'notice', fields: { skipped: 24 } });
    expect(String(skipped[0]!.fields['reasons'])).toMatch(/^(key \d+: it is a secret; ){20}and 4 more$/);
    expect(JSON.stringify(skipped)).not.toContain('c2VjcmV0');
  });

  it('says that there are no keys when there never were any', async () => {
    const provider = new ScriptedProvider(DEFAULTS, one);
    provider.fault = DOWN;
    await provider.set.find(ONE);
    await provider.set.find(ONE);
    expect(states).toEqual([{ issuer: 'https://auth.test/', fetchedAtMs: 0, state: 'unavailable' }]);
    expect(provider.recorder.lines.filter((line) => line.startsWith('error'))).toHaveLength(1);
  });
});
