/**
 * A second user of the life cycle, beside key sets (spec/unit/keys/remote-key-set.spec.ts): a list of withdrawn ids. It
 * is signed text, read asynchronously, states its own lifetime and end, needs a header, and is published at two places.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { createDocumentFetcher } from '../../../src/documents/document-fetcher';
import { documentFile, type DocumentFile } from '../../../src/documents/document-file';
import { DocumentReport, type DocumentState } from '../../../src/documents/document-report';
import type { FetchAttempt, LifeCycleLimits, Parsed } from '../../../src/documents/document-version';
import { FetchError } from '../../../src/documents/fetch-error';
import { RemoteDocument } from '../../../src/documents/remote-document';
import { LogRecorder } from '../../support/key-issuer';

type Ids = ReadonlySet<string>;
interface Published {
  readonly ids: readonly string[];
  readonly ttl?: number;
  readonly exp?: number;
  readonly iat?: number;
}

const FETCH_LIMITS = { maxBytes: 4096, timeoutMs: 2000, caFile: null, proxyUrl: null, allowLinkLocal: false };
const LIMITS: LifeCycleLimits = { ttl: 600, minTtl: 10, maxTtl: 3600, maxStale: 3600, cooldown: 30, timeoutMs: 2000 };
const START_MS = 1_800_000_000_000;

let directory: string;
let published: Published;
let requests: IncomingMessage[] = [];
let answer: ((response: ServerResponse) => void) | undefined;
let nowMs: number;
let states: DocumentState[];
let recorder: LogRecorder;
/** Of the last attempt. */
let attempt: AbortSignal | undefined;

const server = createServer((request, response) => {
  requests.push(request);
  if (answer !== undefined) answer(response);
  else if (request.headers.authorization !== 'Bearer list-reader') response.writeHead(401).end();
  else if (request.headers['if-none-match'] === '"1"') response.writeHead(304).end();
  else response.writeHead(200, { etag: '"1"' }).end(`signed ${JSON.stringify(published)}`);
});
const urlOf = (path: string): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  directory = mkdtempSync(join(tmpdir(), 'withdrawn-'));
});
afterAll(() => {
  rmSync(directory, { recursive: true });
  server.close();
});
beforeEach(() => {
  published = { ids: ['a', 'b'] };
  requests = [];
  states = [];
  nowMs = START_MS;
  recorder = new LogRecorder();
});
afterEach(() => {
  answer = undefined;
});

/** Reads the text after a turn of the event loop, as a check of a signature does. */
async function parse(body: unknown): Promise<Parsed<Ids>> {
  await new Promise(setImmediate);
  const [, json] = /^signed (.*)$/.exec(String(body)) ?? [];
  if (json === undefined) throw new FetchError('the list is not signed');
  const { ids, ttl, exp, iat } = JSON.parse(json) as Published;
  if (ids.length > 3) throw new FetchError('the list has more than 3 ids');
  const expiresAtMs = exp === undefined ? undefined : exp * 1000;
  return { value: new Set(ids), lifetimeSeconds: ttl, expiresAtMs, issuedAtSeconds: iat };
}

interface Changes {
  readonly limits?: Partial<LifeCycleLimits>;
  readonly parse?: typeof parse;
  readonly paths?: readonly string[];
  readonly name?: string;
}
function withdrawnIds({ limits, paths = ['/list'], name, ...changes }: Changes = {}): RemoteDocument<Ids> {
  const headers = { authorization: 'Bearer list-reader' };
  const ask = createDocumentFetcher(FETCH_LIMITS, { accept: 'text/plain', format: 'text', headers });
  const fetch = async ({ validators, signal }: FetchAttempt): ReturnType<typeof ask> => {
    attempt = signal;
    let failure: unknown;
    for (const path of paths) {
      try {
        return await ask(urlOf(path), signal, validators);
      } catch (error) {
        failure = error;
      }
    }
    throw failure;
  };
  const subject = {
    what: 'withdrawn ids',
    whenUnavailable: 'requests are refused with 503',
    fields: { list: '/list' },
  };
  const now = (): number => nowMs;
  return new RemoteDocument<Ids>({
    limits: { ...LIMITS, ...limits },
    fetch,
    parse,
    write: (_, body) => body,
    file: name === undefined ? undefined : documentFile(join(directory, 'cache'), name),
    report: new DocumentReport(subject, now, recorder.log, (state) => states.push(state)),
    sizes: (ids) => ({ ids: ids.size }),
    now,
    wallClock: now,
    random: () => 0.5,
    ...changes,
  });
}
const passSeconds = (seconds: number): void => void (nowMs += seconds * 1000);
const broken = (response: ServerResponse): void => void response.writeHead(500).end();

describe('a document that is not a key set', () => {
  it('is fetched once for all who wait, with its own headers, and is then at hand', async () => {
    const list = withdrawnIds();
    expect(list.current()).toBeUndefined();
    const values = await Promise.all([list.load(), list.load(), list.load()]);
    expect(values).toEqual([new Set(['a', 'b']), new Set(['a', 'b']), new Set(['a', 'b'])]);
    expect(list.current()).toBe(values[0]);
    expect(requests.map(({ headers }) => [headers.accept, headers.authorization])).toEqual([
      ['text/plain', 'Bearer list-reader'],
    ]);
    expect(states).toEqual(['fresh']);
  });

  it.each<[string, typeof parse]>([
    ['was read', parse],
    ['is refused before it was read', () => Promise.reject(new FetchError('no'))],
  ])('is let go of, should it still be coming, when it %s', async (_, read) => {
    const list = withdrawnIds({
      parse: (body) => {
        expect(attempt?.aborted).toBe(false);
        return read(body);
      },
    });
    await list.load();
    expect(requests).toHaveLength(1);
    expect(attempt?.aborted).toBe(true);
  });

  it('is fetched from the next place when the first one fails', async () => {
    answer = (response) => {
      answer = undefined;
      broken(response);
    };
    expect(await withdrawnIds({ paths: ['/first', '/second'] }).load()).toEqual(new Set(['a', 'b']));
    expect(requests.map(({ url }) => url)).toEqual(['/first', '/second']);
  });

  it('keeps its value when it is confirmed, for as long again as it states', async () => {
    published = { ids: ['a'], ttl: 100 };
    const list = withdrawnIds();
    const value = await list.load();
    passSeconds(100);
    expect(list.current()).toBeUndefined();
    expect(await list.load()).toBe(value);
    passSeconds(99);
    expect(list.current()).toBe(value);
    expect(requests).toHaveLength(2);
  });

  it('is fresh for as long as it states, not as the headers say', async () => {
    answer = (response) =>
      response.writeHead(200, { 'cache-control': 'max-age=3000' }).end('signed {"ids":[],"ttl":60}');
    const list = withdrawnIds();
    await list.load();
    passSeconds(59);
    expect(list.current()).toEqual(new Set());
    passSeconds(1);
    expect(list.current()).toBeUndefined();
  });

  it('is not used past the end that it states, not even while the provider fails', async () => {
    published = { ids: ['a'], exp: START_MS / 1000 + 700 };
    const list = withdrawnIds();
    await list.load();
    answer = broken;
    passSeconds(650);
    expect(await list.load()).toEqual(new Set(['a']));
    passSeconds(50);
    expect(list.current()).toBeUndefined();
    expect(states).toEqual(['fresh', 'stale']);
  });

  it('is refused when it has ended already, and the value from before stays', async () => {
    const list = withdrawnIds();
    const value = await list.load();
    answer = (response) => response.writeHead(200).end(`signed {"ids":[],"exp":${START_MS / 1000}}`);
    passSeconds(600);
    expect(await list.load()).toBe(value);
    expect(recorder.lines).toContain('warn: withdrawn ids could not be fetched');
  });

  it('is not fetched for each use when it ends sooner than min_ttl', async () => {
    published = { ids: ['a'], exp: START_MS / 1000 + 1 };
    const list = withdrawnIds();
    expect(await list.load()).toEqual(new Set(['a']));
    passSeconds(2);
    for (let use = 0; use < 10; use++) expect(await list.load()).toBeUndefined();
    expect(requests).toHaveLength(1);
    expect(list.retryAfterSeconds).toBe(8);
  });

  it.each([
    ['is not signed', 'forged ids', 'the list is not signed'],
    ['has too many items', 'signed {"ids":["a","b","c","d"]}', 'the list has more than 3 ids'],
    ['has too many bytes', 'x'.repeat(5000), 'the document has more than 4096 bytes'],
    ['is not UTF-8', Buffer.from([0x73, 0xff]), 'the document is not UTF-8'],
  ])('keeps the value from before when the next version %s', async (_, body, reason) => {
    const list = withdrawnIds();
    const value = await list.load();
    answer = (response) => response.writeHead(200).end(body);
    passSeconds(600);
    expect(await list.load()).toBe(value);
    expect(recorder.records.find(({ level }) => level === 'warn')?.fields).toMatchObject({ list: '/list', reason });
  });

  it('is fetched again when its lifetime is over, also when that is min_ttl and reading it takes time', async () => {
    const slowly = async (body: unknown): Promise<Parsed<Ids>> => {
      nowMs += 500;
      return parse(body);
    };
    published = { ids: ['a'], ttl: 10 };
    const list = withdrawnIds({ parse: slowly });
    await list.load();
    for (let turn = 1; turn <= 3; turn++) {
      nowMs += 9_500;
      expect(await list.load()).toEqual(new Set(['a']));
      expect(requests).toHaveLength(turn + 1);
    }
  });

  it('makes nobody wait longer than an attempt may take when reading it never ends', async () => {
    const hanging = withdrawnIds({ limits: { timeoutMs: 50 }, parse: () => new Promise(() => undefined) });
    expect(await hanging.load()).toBeUndefined();
    expect(recorder.records[0]?.fields).toMatchObject({ reason: 'no complete answer within 50 ms' });
  });

  it('does not quote the document in the log when reading it throws', async () => {
    const failing = withdrawnIds({ parse: (body) => Promise.reject(new Error(String(body))) });
    expect(await failing.load()).toBeUndefined();
    expect(JSON.stringify(recorder.records)).not.toContain('signed');
  });

  it('is fetched once a cooldown when something is missing in it', async () => {
    const list = withdrawnIds();
    await list.load();
    expect(list.mayFetch()).toBe(false);
    passSeconds(30);
    expect(list.mayFetch()).toBe(true);
  });

  it('is fetched anew without a condition when an operator wants it', async () => {
    const list = withdrawnIds();
    await list.load();
    published = { ids: ['c'] };
    await list.renew();
    expect(list.current()).toEqual(new Set(['c']));
    expect(recorder.records.at(-1)).toEqual({
      level: 'notice',
      message: 'withdrawn ids were fetched again',
      fields: { list: '/list', ids: 1 },
    });
  });

  it('is refused when it is older than the one before, and accepted at the same age', async () => {
    published = { ids: ['a'], iat: 100 };
    const list = withdrawnIds();
    const value = await list.load();
    const serve = (iat: number): void => {
      answer = (response) => response.writeHead(200).end(`signed {"ids":["b"],"iat":${iat}}`);
      passSeconds(700);
    };
    serve(99);
    expect(await list.load()).toBe(value);
    expect(recorder.records.find(({ level }) => level === 'warn')?.fields).toMatchObject({
      reason: 'the document is older than the one before',
    });
    serve(100);
    expect(await list.load()).toEqual(new Set(['b']));
  });
});

describe('a document whose provider fails', () => {
  it('is not asked for during the pause after a failure', async () => {
    answer = broken;
    const list = withdrawnIds();
    expect(await list.load()).toBeUndefined();
    expect(list.failure).toEqual(new FetchError('the provider answered 500, not 200', 500));
    passSeconds(37);
    expect([list.mayFetch(), list.retryAfterSeconds]).toEqual([false, 1]);
    expect(await list.load()).toBeUndefined();
    expect(requests).toHaveLength(1);
    answer = undefined;
    passSeconds(1);
    expect(list.mayFetch()).toBe(true);
    expect(await list.load()).toEqual(new Set(['a', 'b']));
    expect([requests.length, list.failure]).toEqual([2, undefined]);
  });

  it('is used past its lifetime only until the next attempt could have ended', async () => {
    const list = withdrawnIds();
    const value = await list.load();
    answer = broken;
    passSeconds(600);
    expect(await list.load()).toBe(value);
    // The pause of 37.5 s, a cooldown, and the two seconds that an attempt may take.
    passSeconds(69);
    expect(list.current()).toBe(value);
    passSeconds(1);
    expect(list.current()).toBeUndefined();
    // The fetch that the use in between has begun.
    await list.load();
  });

  it('is used for max_stale past its lifetime, and no longer', async () => {
    const list = withdrawnIds({ limits: { maxStale: 100 } });
    await list.load();
    answer = broken;
    passSeconds(600);
    await list.load();
    passSeconds(99);
    expect(await list.load()).toEqual(new Set(['a', 'b']));
    passSeconds(1);
    expect(await list.load()).toBeUndefined();
    expect(states.join()).toBe('fresh,stale,unavailable');
  });

  it('is not there when the provider answers 304 to a request without a condition', async () => {
    answer = (response) => response.writeHead(304).end();
    expect(await withdrawnIds().load()).toBeUndefined();
    expect(recorder.records[0]?.fields).toMatchObject({
      reason: 'the provider answered 304 to a request without a condition',
    });
  });
});

describe('a document that is in use', () => {
  it('is renewed in the background after four fifths of its lifetime, and not before', async () => {
    const list = withdrawnIds();
    const value = await list.load();
    passSeconds(479);
    expect(list.current()).toBe(value);
    expect(list.mayFetch()).toBe(true);
    passSeconds(1);
    expect(list.current()).toBe(value);
    while (requests.length < 2 || list.mayFetch()) await new Promise(setImmediate);
    passSeconds(479);
    expect(list.current()).toBe(value);
    await new Promise(setImmediate);
    expect(requests).toHaveLength(2);
  });
});

describe('a document that takes long to read', () => {
  /** Lets the reader of a document go on. */
  let goOn: (() => void) | undefined;
  const slowly = async (body: unknown): Promise<Parsed<Ids>> => {
    await new Promise<void>((resolve) => (goOn = resolve));
    return parse(body);
  };
  const read = async (): Promise<void> => {
    while (goOn === undefined) await new Promise(setImmediate);
    goOn();
    goOn = undefined;
  };

  it('is used until the next version is read, which was fetched in time', async () => {
    const list = withdrawnIds({ parse: slowly });
    const first = list.load();
    await read();
    await first;
    published = { ids: ['c'] };
    answer = (response) => response.writeHead(200).end(`signed ${JSON.stringify(published)}`);
    passSeconds(500);
    expect(list.current()).toEqual(new Set(['a', 'b']));
    while (goOn === undefined) await new Promise(setImmediate);
    passSeconds(200);
    expect(list.current()).toEqual(new Set(['a', 'b']));
    await read();
    while (list.current()?.has('c') !== true) await new Promise(setImmediate);
    expect(states).toEqual(['fresh', 'fresh']);
  });

  it('is used when it was read, although its lifetime was over by then', async () => {
    published = { ids: ['a'], ttl: 10 };
    const list = withdrawnIds({ parse: slowly });
    const first = list.load();
    while (goOn === undefined) await new Promise(setImmediate);
    passSeconds(15);
    await read();
    expect(await first).toEqual(new Set(['a']));
    passSeconds(11);
    expect(list.current()).toBeUndefined();
  });
});

describe('a document that is kept on disk', () => {
  let name: string;
  beforeEach(() => {
    name = `disk ${Math.random()}`;
  });
  const onDisk = (): ReturnType<DocumentFile['read']> => documentFile(join(directory, 'cache'), name).read();
  const kept = async (fetchedAtMs: number): Promise<void> => {
    while ((await onDisk())?.fetchedAtMs !== fetchedAtMs) await new Promise(setImmediate);
  };

  it('is used by a process that starts while the provider fails', async () => {
    await withdrawnIds({ name }).load();
    await kept(nowMs);
    answer = broken;
    passSeconds(700);
    expect(await withdrawnIds({ name }).load()).toEqual(new Set(['a', 'b']));
    expect(recorder.lines).toContain('warn: withdrawn ids of an earlier run are used until the provider answers');
  });

  it.each<readonly [string, number, Partial<LifeCycleLimits>, Partial<Published>]>([
    ['is from the future, which would make it last for ever', -1, {}, {}],
    ['is older than max_ttl and max_stale allow now', 160, { ttl: 60, maxTtl: 60, maxStale: 100 }, {}],
    ['has passed its own end', 160, {}, { exp: START_MS / 1000 + 160 }],
    ['is of no use', 0, {}, { ids: ['a', 'b', 'c', 'd'] }],
  ])('is not used when it %s', async (_, ageSeconds, limits, changes) => {
    const body = `signed ${JSON.stringify({ ...published, ...changes })}`;
    const stored = { body, fetchedAtMs: START_MS, lifetimeSeconds: 600 };
    await documentFile(join(directory, 'cache'), name).write(stored);
    answer = broken;
    passSeconds(ageSeconds);
    expect(await withdrawnIds({ name, limits }).load()).toBeUndefined();
  });

  it('is used up to the last moment that max_ttl and max_stale allow', async () => {
    const body = `signed ${JSON.stringify(published)}`;
    await documentFile(join(directory, 'cache'), name).write({ body, fetchedAtMs: START_MS, lifetimeSeconds: 600 });
    answer = broken;
    passSeconds(159);
    const list = withdrawnIds({ name, limits: { ttl: 60, maxTtl: 60, maxStale: 100 } });
    expect(await list.load()).toEqual(new Set(['a', 'b']));
    passSeconds(1);
    expect(list.current()).toBeUndefined();
  });

  it('counts from its last confirmation', async () => {
    const list = withdrawnIds({ name, limits: { maxStale: 1000 } });
    await list.load();
    await kept(START_MS);
    passSeconds(1500);
    await list.load();
    expect(requests).toHaveLength(2);
    await kept(nowMs);
    answer = broken;
    passSeconds(1500);
    expect(await withdrawnIds({ name, limits: { maxStale: 1000 } }).load()).toEqual(new Set(['a', 'b']));
    passSeconds(200);
    expect(await withdrawnIds({ name, limits: { maxStale: 1000 } }).load()).toBeUndefined();
  });

  it('keeps a process that starts from taking an older one, however long ago it was fetched', async () => {
    published = { ids: ['a'], iat: 100 };
    await withdrawnIds({ name }).load();
    await kept(nowMs);
    passSeconds(100_000);
    published = { ids: [], iat: 99 };
    const later = withdrawnIds({ name });
    expect(await later.load()).toBeUndefined();
    expect(recorder.records.find(({ level }) => level === 'warn')?.fields).toMatchObject({
      reason: 'the document is older than the one before',
    });
    published = { ids: ['c'], iat: 101 };
    passSeconds(60);
    expect(await later.load()).toEqual(new Set(['c']));
  });
});
