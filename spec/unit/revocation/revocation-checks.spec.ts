/**
 * The lists of a configuration, over real files and a real server, as the pipeline asks them. Time is in the spec's hand.
 */
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { IssuerConfig } from '../../../schema/config';
import { parseConfig } from '../../../schema/parse-config';
import type { KeySource } from '../../../src/core/verification/key-source';
import { decide } from '../../../src/core/pipeline';
import { compilePolicy } from '../../../src/core/policy';
import { createTokenCache, type TokenCache } from '../../../src/core/verification/token-cache';
import { createRevocationChecks } from '../../../src/revocation/revocation-checks';
import { renewalChannel, revocationListChannel, type RevocationListMessage } from '../../../src/telemetry/channels';
import { LogRecorder } from '../../support/key-issuer';
import { KeyList } from '../../support/key-list';
import { ISSUER } from '../../support/policy';
import { signingKey, signToken, type SigningKey } from '../../support/tokens';

const START = 1_800_000_000;
let key: SigningKey;
let other: SigningKey;
let keys: KeyList;
let folder: string;
let path: string;
let now: number;
let cache: TokenCache;
let recorder: LogRecorder;
let answer: (response: ServerResponse) => void;
let asked = 0;

const server = createServer((_, response) => {
  asked += 1;
  answer(response);
});

beforeAll(async () => {
  key = signingKey('ES256', 'k');
  other = signingKey('ES256', 'k');
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  server.close();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'revocations-'));
  path = join(folder, 'revoked.json');
  now = START;
  asked = 0;
  cache = createTokenCache();
  recorder = new LogRecorder();
  keys = new KeyList(key);
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** A gatekeeper's decisions under a configuration: `proceed`, or the code of the refusal. */
function doorOf(
  lists: readonly object[],
  issuer: object = {},
  changes: object = {},
  keySourceFor: (issuer: IssuerConfig) => KeySource = () => keys,
): (token: string) => Promise<string> {
  const revocationFor = createRevocationChecks({
    now: () => now * 1000,
    monotonic: () => now * 1000,
    random: () => 0.5,
    log: recorder.log,
    keySourceFor,
  });
  const config = parseConfig({ issuers: [{ ...ISSUER, ...issuer }], revocation_lists: lists, ...changes });
  const policy = compilePolicy(config, keySourceFor, undefined, revocationFor);
  return async (token) => {
    const decision = await decide({ headers: { authorization: `Bearer ${token}` } }, policy, cache, () => now);
    return decision.outcome === 'proceed' ? 'proceed' : decision.code;
  };
}
const tokenOf = (claims: object = {}): Promise<string> =>
  signToken(key, { iss: ISSUER.issuer, sub: 'ada', aud: 'orders', iat: START - 60, exp: START + 86_400, ...claims });
const listText = (revocations: readonly object[], iat = now): string =>
  JSON.stringify({
    iat,
    revocations: revocations.map((entry) => ({ iss: ISSUER.issuer, exp: START + 86_400, ...entry })),
  });
const put = (text: string): void => {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
};
const errors = (): string[] => recorder.lines.filter((line) => line.startsWith('error'));
const serve = (text: string, headers: Readonly<Record<string, string>> = {}): void => {
  answer = (response) => response.writeHead(200, headers).end(text);
};
/** Waits until something is kept in a folder, as a whole. */
const isKept = async (lists: string): Promise<void> => {
  const names = (): string[] => (existsSync(lists) ? readdirSync(lists) : []);
  while (names().join() === '' || !names().every((name) => name.endsWith('.json'))) await new Promise(setImmediate);
};
const url = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/revoked`;

describe('a list in a file', () => {
  it('ends a token within a second, although its verification is cached, and gives it back', async () => {
    put(listText([]));
    const ask = doorOf([{ file: path }]);
    const token = await tokenOf({ jti: 'a' });
    expect(await ask(token)).toBe('proceed');
    put(listText([{ jti: 'a' }]));
    now += 1;
    expect(await ask(token)).toBe('token_revoked');
    expect(await ask(await tokenOf({ jti: 'b' }))).toBe('proceed');
    put(listText([]));
    now += 1;
    expect(await ask(token)).toBe('proceed');
  });

  it('refuses with 503 while the file was never there, and says so once', async () => {
    const ask = doorOf([{ file: path }]);
    expect(await ask(await tokenOf())).toBe('revocation_unavailable');
    expect(await ask(await tokenOf())).toBe('revocation_unavailable');
    expect(errors()).toEqual(['error: no usable revocations: requests are refused with 503']);
    put(listText([]));
    now += 2;
    expect(await ask(await tokenOf())).toBe('proceed');
  });

  it('goes on without a file that was never there where allow_unavailable says so', async () => {
    const ask = doorOf([{ file: path, allow_unavailable: true }]);
    expect(await ask(await tokenOf())).toBe('proceed');
    expect(errors()).toEqual(['error: no usable revocations: revoked tokens are accepted (allow_unavailable)']);
  });

  it.each<readonly [string, () => void]>([
    [
      'is none',
      () => {
        put('nothing');
      },
    ],
    [
      'is older',
      () => {
        put(listText([], START - 1));
      },
    ],
    [
      'has a bad entry',
      () => {
        put(listText([{}]));
      },
    ],
    [
      'is too large',
      () => {
        truncateSync(path, 300 * 1024 * 1024);
      },
    ],
    [
      'is gone',
      () => {
        rmSync(path);
      },
    ],
  ])('keeps the last good list when the next one %s, for max_stale, and says why', async (_, spoil) => {
    put(listText([{ jti: 'a' }]));
    const ask = doorOf([{ file: path, max_stale: 600 }]);
    const [revoked, valid] = [await tokenOf({ jti: 'a' }), await tokenOf({ jti: 'b' })];
    expect(await ask(revoked)).toBe('token_revoked');
    spoil();
    for (let waited = 0; waited < 590; waited += 5) {
      now += 5;
      expect(await ask(revoked)).toBe('token_revoked');
    }
    expect(await ask(valid)).toBe('proceed');
    expect(recorder.lines).toContain('warn: revocations could not be fetched');
    now += 20;
    expect(await ask(valid)).toBe('revocation_unavailable');
    put(listText([]));
    now += 10;
    expect(await ask(revoked)).toBe('proceed');
  });

  it('is refused after a restart when it is older than before, where cache_directory is set', async () => {
    const lists = join(folder, 'lists');
    const restarted = (): ReturnType<typeof doorOf> => doorOf([{ file: path, list_fetch: { cache_directory: lists } }]);
    const token = await tokenOf({ jti: 'a' });
    put(listText([{ jti: 'a' }]));
    expect(await restarted()(token)).toBe('token_revoked');
    await isKept(lists);
    put(listText([], START - 1));
    expect(await restarted()(token)).toBe('revocation_unavailable');
    expect(recorder.records.map(({ fields }) => fields['reason'])).toContain(
      'the document is older than the one before',
    );
    expect(await doorOf([{ file: path }])(token)).toBe('proceed');
    put(listText([], START + 1));
    expect(await restarted()(token)).toBe('proceed');
  });

  it('is not used past its own end', async () => {
    put(JSON.stringify({ iat: START, exp: START + 10, revocations: [] }));
    const ask = doorOf([{ file: path }]);
    const token = await tokenOf();
    expect(await ask(token)).toBe('proceed');
    now += 11;
    expect(await ask(token)).toBe('revocation_unavailable');
  });

  it('tells metrics its state, its age and its entries', async () => {
    const messages: RevocationListMessage[] = [];
    const listen = (message: RevocationListMessage): void => void messages.push(message);
    revocationListChannel.subscribe(listen);
    put(listText([{ jti: 'a' }]));
    await doorOf([{ file: path }])(await tokenOf());
    revocationListChannel.unsubscribe(listen);
    expect(messages).toContainEqual({ list: path, state: 'fresh', readAtMs: START * 1000 });
    expect(messages).toContainEqual({ list: path, entries: 1 });
  });

  it('is asked together with other lists, and each can refuse', async () => {
    put(listText([{ sub: 'ada', issued_before: START }]));
    serve(listText([{ client_id: 'shop' }]));
    const ask = doorOf([{ file: path }, { url: url() }]);
    expect(await ask(await tokenOf())).toBe('token_revoked');
    expect(await ask(await tokenOf({ iat: START }))).toBe('proceed');
    expect(await ask(await tokenOf({ iat: START, client_id: 'shop' }))).toBe('token_revoked');
  });
});

describe('a list at a URL', () => {
  it('is fetched once for all that wait, and again when its time is up', async () => {
    serve(listText([]));
    const ask = doorOf([{ url: url(), list_fetch: { ttl: 30 } }]);
    const token = await tokenOf({ sid: 's' });
    await Promise.all([ask(token), ask(token), ask(token)]);
    expect(asked).toBe(1);
    now += 20;
    expect(await ask(token)).toBe('proceed');
    expect(asked).toBe(1);
    serve(listText([{ sid: 's' }]));
    now += 11;
    expect(await ask(token)).toBe('token_revoked');
  });

  it('is kept during an outage for max_stale, then requests are refused', async () => {
    serve(listText([{ sid: 's' }]), { 'cache-control': 'max-age=10' });
    const ask = doorOf([{ url: url(), max_stale: 100 }]);
    const [revoked, valid] = [await tokenOf({ sid: 's' }), await tokenOf()];
    expect(await ask(revoked)).toBe('token_revoked');
    answer = (response) => response.destroy();
    for (now += 11; now < START + 102; now += 5) expect(await ask(revoked)).toBe('token_revoked');
    expect(await ask(valid)).toBe('proceed');
    now = START + 111;
    expect(await ask(valid)).toBe('revocation_unavailable');
  });

  describe.each([
    ['plain', false],
    ['signed', true],
  ] as const)('that is %s, with a folder for the last one', (_, signed) => {
    const publish = async (revocations: readonly object[], iat: number): Promise<void> => {
      const text = listText(revocations, iat);
      serve(
        signed
          ? await signToken(key, JSON.parse(text) as Record<string, unknown>, { typ: 'revocation-list+jwt' })
          : text,
      );
    };
    /** A gateway that was started now. */
    const restarted = (listFetch: object = {}): ReturnType<typeof doorOf> =>
      doorOf([
        {
          ...{ url: url(), signed, ...(signed && { issuer: ISSUER.issuer }), max_stale: 600 },
          list_fetch: { cache_directory: join(folder, 'lists'), ...listFetch },
        },
      ]);
    const kept = (): Promise<void> => isKept(join(folder, 'lists'));

    it('goes on with it after a restart in an outage, for max_stale', async () => {
      await publish([{ sid: 's' }], START);
      const revoked = await tokenOf({ sid: 's' });
      expect(await restarted()(revoked)).toBe('token_revoked');
      await kept();
      answer = (response) => response.destroy();
      now += 500;
      const ask = restarted();
      expect([await ask(revoked), await ask(await tokenOf())]).toEqual(['token_revoked', 'proceed']);
      expect(recorder.lines).toContain('warn: revocations of an earlier run are used until the provider answers');
      expect(await restarted({ allow_http: true })(revoked)).toBe('revocation_unavailable');
      now += 200;
      expect(await restarted()(await tokenOf())).toBe('revocation_unavailable');
    });

    it('refuses an older one after a restart, and goes on with the last good one', async () => {
      await publish([{ sid: 's' }], START);
      const revoked = await tokenOf({ sid: 's' });
      await restarted()(revoked);
      await kept();
      await publish([], START - 1);
      expect(await restarted()(revoked)).toBe('token_revoked');
      expect(recorder.records.map(({ fields }) => fields['reason'])).toContain(
        'the document is older than the one before',
      );
      now += 1000;
      expect(await restarted()(revoked)).toBe('revocation_unavailable');
      await publish([], START + 1);
      expect(await restarted()(revoked)).toBe('proceed');
    });
  });

  it.each<readonly [string, (response: ServerResponse, rest: string) => void, string]>([
    ['comes to its end', (response, rest) => response.end(rest), 'token_revoked'],
    ['breaks off', (response) => response.destroy(), 'proceed'],
    ['has a bad entry at its end', (response, rest) => response.end(rest.replace(']}', ',{}]}')), 'proceed'],
  ])('is written to the disk while it comes, and is kept only when it is good: when it %s', async (_, end, after) => {
    const lists = join(folder, 'lists');
    const restarted = (): ReturnType<typeof doorOf> =>
      doorOf([{ url: url(), list_fetch: { cache_directory: lists, max_bytes: 10_000_000, max_ttl: 30 } }]);
    const bytes = (): number => readdirSync(lists).reduce((sum, name) => sum + statSync(join(lists, name)).size, 0);
    const [first, next] = [await tokenOf({ sid: 's' }), await tokenOf({ jti: '7' })];
    serve(listText([{ sid: 's' }]));
    const ask = restarted();
    expect(await ask(first)).toBe('token_revoked');
    await isKept(lists);
    now += 31;
    const text = listText(Array.from({ length: 40_000 }, (_, index) => ({ jti: `${index}` })));
    let ended: (() => void) | undefined;
    answer = (response) => {
      response.writeHead(200).write(text.slice(0, -100));
      ended = () => {
        end(response, text.slice(-100));
      };
    };
    const asking = ask(next);
    while (!existsSync(lists) || bytes() < 2_000_000) await new Promise(setImmediate);
    ended!();
    expect(await asking).toBe(after);
    await isKept(lists);
    expect(readdirSync(lists)).toHaveLength(1);
    answer = (response) => response.destroy();
    expect(await restarted()(after === 'proceed' ? first : next)).toBe('token_revoked');
  });

  it.each<readonly [string, (good: string) => string]>([
    ['breaks off', (good) => good.slice(0, 150_000)],
    ['is larger than it may be', (good) => good.padEnd(1_000_001, ' ')],
    ['has a bad entry at its end', (good) => good.replace(']}', ',{}]}')],
    ['is signed by another', (good) => good],
  ])('is read while it comes; the last good one decides when the next one %s', async (what, spoiled) => {
    const signed = what === 'is signed by another';
    const publish = async (revocations: readonly object[], signer: SigningKey, change = (good: string) => good) => {
      const text = listText(revocations);
      const claims = JSON.parse(text) as Record<string, unknown>;
      serve(change(signed ? await signToken(signer, claims, { typ: 'revocation-list+jwt' }) : text));
    };
    const signing = signed ? { signed, issuer: ISSUER.issuer } : {};
    const ask = doorOf([{ url: url(), ...signing, list_fetch: { max_ttl: 30, max_bytes: 1_000_000 } }]);
    const many = Array.from({ length: 3_000 }, (_, index) => ({ jti: `${index}` }));
    const [revoked, next] = [await tokenOf({ sid: 's' }), await tokenOf({ jti: '7' })];
    await publish([{ sid: 's' }], key);
    expect(await ask(revoked)).toBe('token_revoked');
    now += 31;
    await publish(many, other, spoiled);
    expect([await ask(revoked), await ask(next)]).toEqual(['token_revoked', 'proceed']);
    now += 31;
    await publish(many, key);
    expect([await ask(next), await ask(revoked)]).toEqual(['token_revoked', 'proceed']);
  });

  it.each<readonly [string, object, () => SigningKey, string]>([
    ['is signed by the issuer', {}, () => key, 'token_revoked'],
    ['is signed by another', {}, () => other, 'revocation_unavailable'],
    ['is another kind of token', { typ: 'at+jwt' }, () => key, 'revocation_unavailable'],
    ['says no kind', { typ: undefined }, () => key, 'revocation_unavailable'],
  ])('decides as it must when a signed list %s', async (_, header, signer, expected) => {
    const claims = { iat: now, revocations: [{ sub: 'ada', exp: START + 10 }] };
    serve(await signToken(signer(), claims, { typ: 'revocation-list+jwt', ...header }));
    const ask = doorOf([{ url: url(), signed: true, issuer: ISSUER.issuer }]);
    expect(await ask(await tokenOf())).toBe(expected);
  });

  it('is refused when it is signed with an algorithm that the issuer may not use, although its key could', async () => {
    const rsa = signingKey('RS256', 'r');
    keys = new KeyList(key, rsa);
    const claims = { iat: now, revocations: [] };
    serve(await signToken(rsa, claims, { typ: 'revocation-list+jwt' }));
    const lists = [{ url: url(), signed: true, issuer: ISSUER.issuer }];
    expect(await doorOf(lists, { algorithms: ['ES256'] })(await tokenOf())).toBe('revocation_unavailable');
    expect(await doorOf(lists)(await tokenOf())).toBe('proceed');
  });

  it('is signed by the issuer that it names, also when that is not the first one', async () => {
    const OTHER = 'https://other.example.com/';
    const issuers = [ISSUER, { ...ISSUER, issuer: OTHER }];
    const askWith = (theirs: KeySource): ReturnType<typeof doorOf> =>
      doorOf([{ url: url(), signed: true, issuer: OTHER }], {}, { issuers, common_caller_ids: true }, ({ issuer }) =>
        issuer === OTHER ? theirs : keys,
      );
    const claims = { iat: now, revocations: [{ iss: OTHER, sub: 'ada', exp: START + 10 }] };
    serve(await signToken(other, claims, { typ: 'revocation-list+jwt' }));
    expect(await askWith(new KeyList(other))(await tokenOf())).toBe('proceed');
    serve(await signToken(key, claims, { typ: 'revocation-list+jwt' }));
    expect(await askWith(new KeyList(other))(await tokenOf())).toBe('revocation_unavailable');
  });

  it('is refused when it should be signed and is not', async () => {
    serve(listText([]));
    expect(await doorOf([{ url: url(), signed: true, issuer: ISSUER.issuer }])(await tokenOf())).toBe(
      'revocation_unavailable',
    );
    expect(recorder.records.map(({ fields }) => fields['reason'])).toContain('the document is not a signed JWT');
  });
});

describe('several lists', () => {
  it.each([
    ['the first', [{ sub: 'ada' }], []],
    ['the second', [], [{ sub: 'ada' }]],
  ])('revoke a token that %s names, also while both are being read for the first time', async (_, first, second) => {
    let served = 0;
    answer = (response) => {
      served += 1;
      response.end(listText(response.req.url?.endsWith('/1') === true ? first : second));
    };
    const ask = doorOf([{ url: `${url()}/1` }, { url: `${url()}/2` }]);
    expect(await ask(await tokenOf())).toBe('token_revoked');
    expect(served).toBeGreaterThan(0);
    expect(await ask(await tokenOf({ sub: 'bob' }))).toBe('proceed');
    expect(served).toBe(2);
  });
});

describe('a status list of an issuer', () => {
  const uri = (): string => `${url()}/lists/1`;
  const statusList = (changes: object = {}): object => ({
    status_list: { uri_prefixes: [`${url()}/lists/`], ...changes },
  });
  /** Statuses of the indexes 0 to 3, two bits each. */
  const listToken = (statuses: readonly number[], claims: object = {}, signer = key): Promise<string> => {
    const byte = statuses.reduce((all, status, index) => all | (status << (2 * index)), 0);
    const lst = deflateSync(Buffer.from([byte])).toString('base64url');
    const usual = { sub: uri(), iat: START, status_list: { bits: 2, lst } };
    return signToken(signer, { ...usual, ...claims }, { typ: 'statuslist+jwt' });
  };
  const referring = (idx: unknown, at = uri()): Promise<string> =>
    tokenOf({ status: { status_list: { idx, uri: at } } });

  it('lets valid tokens pass only, and is fetched once for all of them', async () => {
    serve(await listToken([0, 1, 2, 3]));
    const ask = doorOf([], statusList());
    const outcomes = await Promise.all([0, 1, 2, 3, 4].map(async (idx) => ask(await referring(idx))));
    expect(outcomes).toEqual(['proceed', 'token_revoked', 'token_revoked', 'token_revoked', 'token_revoked']);
    expect(asked).toBe(1);
  });

  it('ends a token when the list says so, after the ttl of the list, and gives it back', async () => {
    serve(await listToken([0], { ttl: 60 }));
    const ask = doorOf([], statusList());
    const token = await referring(0);
    expect(await ask(token)).toBe('proceed');
    serve(await listToken([2], { iat: START + 1, ttl: 60 }));
    now += 30;
    expect(await ask(token)).toBe('proceed');
    now += 31;
    expect(await ask(token)).toBe('token_revoked');
    serve(await listToken([0], { iat: START + 2, ttl: 60 }));
    now += 61;
    expect(await ask(token)).toBe('proceed');
  });

  it.each<readonly [string, () => Promise<string>]>([
    ['is signed by another', () => listToken([0], {}, other)],
    ['is about another URI', () => listToken([0], { sub: 'https://auth.example.com/lists/1' })],
    ['has expired', () => listToken([0], { exp: START - 1 })],
    ['is from the future', () => listToken([0], { iat: START + 301 })],
    ['is none', () => Promise.resolve('eyJ')],
  ])('refuses with 503 when the list %s', async (_, made) => {
    serve(await made());
    expect(await doorOf([], statusList())(await referring(0))).toBe('revocation_unavailable');
    expect(await doorOf([], statusList({ allow_unavailable: true }))(await referring(1))).toBe('proceed');
  });

  it.each<readonly [string, () => Promise<string>]>([
    ['elsewhere', () => referring(0, 'http://127.0.0.1:1/lists/1')],
    ['above the prefix', () => referring(0, `${url()}/lists/../other`)],
    ['above the prefix, encoded', () => referring(0, `${url()}/lists/%2e%2e/other`)],
    ['at no index', () => referring('0')],
  ])('rejects a token that refers to a list %s, and fetches nothing', async (_, made) => {
    expect(await doorOf([], statusList())(await made())).toBe('claim_invalid');
    expect(asked).toBe(0);
  });

  it('says nothing about tokens of another issuer that refer to it, unless their issuer signed it, too', async () => {
    serve(await listToken([0]));
    const OTHER = 'https://other.example.com/';
    const foreign = new KeyList(other);
    const of = (issuer: string): object => ({ ...ISSUER, issuer, ...statusList() });
    const ask = doorOf([], {}, { issuers: [of(ISSUER.issuer), of(OTHER)], common_caller_ids: true }, ({ issuer }) =>
      issuer === OTHER ? foreign : keys,
    );
    const claims = {
      aud: 'orders',
      sub: 'ada',
      iat: START,
      exp: START + 60,
      status: { status_list: { idx: 0, uri: uri() } },
    };
    const theirs = await signToken(other, { ...claims, iss: OTHER });
    expect([await ask(await referring(0)), await ask(theirs)]).toEqual(['proceed', 'revocation_unavailable']);
    expect(asked).toBe(2);
  });

  it('is below a prefix of the entry whose token refers to it: those of others do not count', async () => {
    serve(await listToken([0]));
    const below = doorOf([], { status_list: { uri_prefixes: ['https://a.test/', `${url()}/lists/`] } });
    expect(await below(await referring(0))).toBe('proceed');
    const OTHER = 'https://other.example.com/';
    const of = (issuer: string, prefix: string): object => ({
      ...ISSUER,
      issuer,
      status_list: { uri_prefixes: [prefix] },
    });
    const issuers = [of(ISSUER.issuer, `${url()}/lists/`), of(OTHER, `${url()}/others/`)];
    const ask = doorOf([], {}, { issuers, common_caller_ids: true });
    const theirs = await tokenOf({ iss: OTHER, status: { status_list: { idx: 0, uri: uri() } } });
    expect([await ask(await referring(0)), await ask(theirs)]).toEqual(['proceed', 'claim_invalid']);
  });

  it('decides about the tokens of its issuer also when other issuers have no status lists', async () => {
    serve(await listToken([0, 1]));
    const issuers = [
      { ...ISSUER, ...statusList() },
      { ...ISSUER, issuer: 'https://other.example.com/' },
    ];
    const ask = doorOf([], {}, { issuers, common_caller_ids: true });
    expect([await ask(await referring(0)), await ask(await referring(1))]).toEqual(['proceed', 'token_revoked']);
  });

  it('is not asked about tokens without a reference, unless each must have one', async () => {
    expect(await doorOf([], statusList())(await tokenOf())).toBe('proceed');
    expect(await doorOf([], statusList({ required: true }))(await tokenOf())).toBe('claim_missing');
    expect(await doorOf([])(await referring(1))).toBe('proceed');
    expect(asked).toBe(0);
  });

  it('is used for max_stale in an outage, also after a restart with cache_directory', async () => {
    const lists = join(folder, 'lists');
    const restarted = (): ReturnType<typeof doorOf> =>
      doorOf([], statusList({ max_stale: 100, list_fetch: { cache_directory: lists } }));
    serve(await listToken([0, 1], { ttl: 60 }));
    const ask = restarted();
    expect(await ask(await referring(1))).toBe('token_revoked');
    await isKept(lists);
    answer = (response) => response.destroy();
    now += 61;
    for (const door of [ask, restarted()]) {
      expect([await door(await referring(0)), await door(await referring(1))]).toEqual(['proceed', 'token_revoked']);
    }
    now += 100;
    for (const door of [ask, restarted()]) expect(await door(await referring(0))).toBe('revocation_unavailable');
  });

  it('is refused when it is signed with an algorithm that the issuer may not use, although its key could', async () => {
    const rsa = signingKey('RS256', 'r');
    keys = new KeyList(key, rsa);
    serve(await listToken([0], {}, rsa));
    expect(await doorOf([], { ...statusList(), algorithms: ['ES256'] })(await referring(0))).toBe(
      'revocation_unavailable',
    );
    expect(await doorOf([], statusList())(await referring(0))).toBe('proceed');
  });

  it('is fetched anew and not kept beyond max_lists', async () => {
    serve(await listToken([0]));
    const ask = doorOf([], statusList({ max_lists: 1 }));
    await ask(await referring(0));
    await ask(await referring(0, `${url()}/lists/2`));
    await ask(await referring(0));
    expect(asked).toBe(3);
  });

  // The last one that counts requests is above: lists of other tests are fetched anew, too.
  it('is fetched anew at once when all keys and lists are to be', async () => {
    serve(await listToken([0]));
    const ask = doorOf([], statusList());
    const token = await referring(0);
    expect(await ask(token)).toBe('proceed');
    const text = await listToken([1]);
    const asked: unknown[][] = [];
    answer = (response) => {
      const { accept, 'cache-control': control } = response.req.headers;
      asked.push([accept, control]);
      response.end(text);
    };
    expect(await ask(token)).toBe('proceed');
    renewalChannel.publish({});
    while ((await ask(token)) !== 'token_revoked') await new Promise(setImmediate);
    expect(asked).toContainEqual(['application/statuslist+jwt', 'no-cache']);
  });
});

describe('the ca_file of a list', () => {
  it.each<readonly [string, readonly object[], object]>([
    [
      'revocation_lists[1].list_fetch.ca_file',
      [{ url: 'https://a.test/', list_fetch: { ca_file: '/nonexistent' } }],
      {},
    ],
    [
      'revocation_lists[2].redis.ca_file',
      [{ file: '/nonexistent/list' }, { redis: { host: 'a.test', ssl: true, ca_file: '/nonexistent' } }],
      {},
    ],
    [
      'issuers[1].status_list.list_fetch.ca_file',
      [],
      { status_list: { uri_prefixes: ['https://a.test/'], list_fetch: { ca_file: '/nonexistent' } } },
    ],
  ])('is a mistake in %s when it cannot be read', (field, lists, issuer) => {
    expect(() => doorOf(lists, issuer)).toThrow(`config.${field}: the file cannot be read (ENOENT)`);
  });
});

describe('revoke_issued_before', () => {
  it('ends the older tokens of an issuer, and those without iat', async () => {
    const ask = doorOf([], { revoke_issued_before: START });
    expect(await ask(await tokenOf({ iat: START - 1 }))).toBe('token_revoked');
    expect(await ask(await tokenOf({ iat: START }))).toBe('proceed');
    expect(await ask(await tokenOf({ iat: undefined }))).toBe('claim_missing');
  });
});
