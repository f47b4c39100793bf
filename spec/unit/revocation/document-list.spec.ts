/** Lists that are one document, over real files and a real server. Time is in the spec's hand. */
import { existsSync, mkdtempSync, readdirSync, readlinkSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { parseConfig } from '../../../schema/parse-config';
import { DocumentList, LIST_TYPE } from '../../../src/revocation/document-list';
import type { Signer } from '../../../src/revocation/signed-pieces';
import { revocationListChannel, type RevocationListMessage } from '../../../src/telemetry/channels';
import { LogRecorder } from '../../support/key-issuer';
import { KeyList } from '../../support/key-list';
import { ISSUER } from '../../support/policy';
import { signingKey, signToken, type SigningKey } from '../../support/tokens';

const START = 1_800_000_000;
let key: SigningKey;
let signer: Signer;
let folder: string;
let path: string;
let now: number;
let recorder: LogRecorder;
let served: string;
let requests: IncomingMessage['headers'][];

const server = createServer(({ headers }, response) => {
  requests.push(headers);
  response.end(served);
});
beforeAll(async () => {
  key = signingKey('ES256', 'k');
  signer = { keys: new KeyList(key), iss: undefined, algorithms: ['ES256'], type: LIST_TYPE };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterAll(() => {
  server.close();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'document-list-'));
  path = join(folder, 'revoked.json');
  now = START;
  recorder = new LogRecorder();
  requests = [];
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const url = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/revoked`;
const claimsOf = (jtis: readonly string[], iat = START): { readonly iat: number; readonly revocations: object[] } => ({
  iat,
  revocations: jtis.map((jti) => ({ iss: ISSUER.issuer, jti, exp: START + 86_400 })),
});
const put = (...jtis: readonly string[]): void => {
  writeFileSync(path, JSON.stringify(claimsOf(jtis)));
};
const signed = (jtis: readonly string[], iat: number): Promise<string> =>
  signToken(key, { ...claimsOf(jtis, iat) }, { typ: LIST_TYPE });

function open(list: object, by?: Signer): DocumentList {
  const [config] = parseConfig({ issuers: [ISSUER], revocation_lists: [list] }).revocationLists;
  const clock = (): number => now * 1000;
  return new DocumentList(config!, by, { now: clock, wallClock: clock, random: () => 0.5, log: recorder.log });
}
/** Which of these tokens a list names after it was looked at; `undefined` when there is no usable list. */
async function namedBy(list: DocumentList, ...jtis: readonly string[]): Promise<string[] | undefined> {
  const table = await list.load();
  return table && jtis.filter((jti) => table.findRevocation({ iss: ISSUER.issuer, jti }, now) !== undefined);
}

describe('a list in a file', () => {
  it('stays fresh and is not read again while the file is the same one, until all lists are read anew', async () => {
    put('a');
    utimesSync(path, START, START);
    const list = open({ file: path });
    expect(await namedBy(list, 'a', 'b')).toEqual(['a']);
    // As long as before, in the same file and with the same time: nobody can tell.
    put('b');
    utimesSync(path, START, START);
    for (let second = 0; second < 5; second += 1) {
      now += 1;
      expect(await namedBy(list, 'a', 'b')).toEqual(['a']);
    }
    expect(recorder.records).toEqual([]);
    await list.renew();
    expect(await namedBy(list, 'a', 'b')).toEqual(['b']);
    expect(recorder.records).toEqual([
      { level: 'notice', message: 'revocations were fetched again', fields: { list: path, entries: 1 } },
    ]);
  });

  it('is refused when the file is changed while it is read, and read when it is not; the file is closed', async () => {
    const openFiles = (): number =>
      readdirSync('/proc/self/fd').filter((fd) => {
        const link = `/proc/self/fd/${fd}`;
        return existsSync(link) && readlinkSync(link) === path;
      }).length;
    put(...Array.from({ length: 20_000 }, (_, index) => `${index}`));
    const list = open({ file: path });
    let isOver = false;
    const loading = list.load().finally(() => (isOver = true));
    for (let time = START; !isOver; time += 1) {
      utimesSync(path, time, time);
      await new Promise(setImmediate);
    }
    expect(await loading).toBeUndefined();
    expect(list.failure?.message).toContain(`${path} was changed while it was read`);
    now += 10;
    expect(await namedBy(list, '0', '19999', '20000')).toEqual(['0', '19999']);
    expect(openFiles()).toBe(0);
  });

  it('says when it is looked at again while there is none, and that it has no entries', async () => {
    const messages: RevocationListMessage[] = [];
    const listen = (message: RevocationListMessage): void => void messages.push(message);
    revocationListChannel.subscribe(listen);
    const list = open({ file: path });
    try {
      expect(await list.load()).toBeUndefined();
    } finally {
      revocationListChannel.unsubscribe(listen);
    }
    expect(list.retryAfterSeconds).toBe(2);
    expect(list.failure?.message).toBe(`${path} cannot be read (ENOENT)`);
    expect(messages).toEqual([
      { list: path, state: 'unavailable', readAtMs: 0 },
      { list: path, entries: 0 },
    ]);
  });
});

describe('a list at a URL', () => {
  it.each([
    ['a plain list', false, 'application/json'],
    ['a signed list', true, 'application/revocation-list+jwt, application/jwt'],
  ])('is asked for as %s, and past all caches when all lists are read anew', async (_, isSigned, accept) => {
    served = isSigned ? await signed(['a'], START) : JSON.stringify(claimsOf(['a']));
    const list = open(
      { url: url(), ...(isSigned && { signed: true, issuer: ISSUER.issuer }) },
      isSigned ? signer : undefined,
    );
    expect(await namedBy(list, 'a')).toEqual(['a']);
    await list.renew();
    expect(requests.map((headers) => [headers.accept, headers['cache-control']])).toEqual([
      [accept, undefined],
      [accept, 'no-cache'],
    ]);
  });

  it('that must be signed may be older than one that was kept while it did not have to be', async () => {
    const lists = join(folder, 'lists');
    const settings = { url: url(), issuer: ISSUER.issuer, list_fetch: { cache_directory: lists } };
    served = JSON.stringify(claimsOf(['a']));
    expect(await namedBy(open(settings), 'a')).toEqual(['a']);
    const areKept = async (count: number): Promise<void> => {
      const names = (): string[] => (existsSync(lists) ? readdirSync(lists) : []);
      while (names().filter((name) => name.endsWith('.json')).length < count) await new Promise(setImmediate);
    };
    await areKept(1);
    served = await signed(['b'], START - 100);
    expect(await namedBy(open({ ...settings, signed: true }, signer), 'a', 'b')).toEqual(['b']);
    await areKept(2);
  });
});
