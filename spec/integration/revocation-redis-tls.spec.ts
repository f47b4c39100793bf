/** A list in a real redis-server that takes TLS only, and knows a reader and a writer by their passwords. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { RevocationEntry } from '../../src/revocation/revocation-entry';
import { redisAt, redisStore } from '../../src/revocation/list-store';
import { RedisList } from '../../src/revocation/redis-list';
import { createAuthority } from '../support/certificates';
import { LogRecorder } from '../support/key-issuer';
import { RedisServer, redisTlsProblem } from '../support/redis-server';

const problem = redisTlsProblem();
if (problem !== undefined) process.stderr.write(`SKIPPED: lists in Redis over TLS (${problem})\n`);

const KEY = 'jwt-identity:revocations';
const ISSUER = 'https://auth.example.com/';
const NOW = Math.floor(Date.now() / 1000);
const entry = (name: string): RevocationEntry => ({
  ...{ issuer: ISSUER, kind: 'jti', name, issuedBefore: undefined, exp: NOW + 3600 },
});

(problem === undefined ? describe : describe.skip)('a list in Redis over TLS', () => {
  let folder: string;
  let server: RedisServer;
  let recorder: LogRecorder;
  let lists: RedisList[];
  const file = (name: string): string => join(folder, name);
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'redis-tls-'));
    const authority = createAuthority(folder, 'ca');
    const { cert, key } = authority.issue('redis.test', 'DNS:redis.test,DNS:localhost');
    writeFileSync(file('redis.crt'), cert);
    writeFileSync(file('redis.key'), key);
    createAuthority(folder, 'other');
    const tls = { certFile: file('redis.crt'), keyFile: file('redis.key'), caFile: file('ca.crt') };
    // The rights that docs/REVOCATION.md asks for.
    const reader = `gateway on >reader-password ~${KEY} +xread +xrange +xinfo +select`;
    const writer = `writer on >writer-password ~${KEY} +xadd +xrange +xtrim +exists +select`;
    const flags = ['--user', ...reader.split(' '), '--user', ...writer.split(' '), '--user', 'default', 'off'];
    server = await RedisServer.start({ tls, flags });
  });
  afterAll(async () => {
    await server.end();
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    recorder = new LogRecorder();
    lists = [];
  });
  afterEach(() => {
    for (const list of lists) list.close();
  });

  const READER = { ssl: true, server_name: 'redis.test', username: 'gateway', password: 'reader-password' };
  const open = (redis: object): RedisList => {
    const { redis: config, ...list } = server.list(redis);
    const opened = new RedisList(
      { ...list, redis: config! },
      { now: () => performance.now(), wallClock: Date.now, random: () => 0, log: recorder.log },
    );
    lists.push(opened);
    return opened;
  };
  const reasons = (): unknown[] => recorder.records.map(({ fields }) => fields['reason']);

  it('is made, changed and followed, each with its own user', async () => {
    const url = `rediss://writer@localhost:${server.port}`;
    const store = redisStore(redisAt(url, KEY, file('ca.crt'), 'writer-password'));
    expect(await store.init(NOW)).toBe(true);
    await store.add(entry('a'), NOW);
    const list = open({ ...READER, ca_file: file('ca.crt') });
    expect((await list.load())?.findRevocation({ iss: ISSUER, jti: 'a' }, NOW)).toBe('jti');
    await store.add(entry('b'), NOW);
    while (list.current()?.findRevocation({ iss: ISSUER, jti: 'b' }, NOW) === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect((await store.entries(NOW)).map(({ name }) => name)).toEqual(['a', 'b']);
  });

  it.each<readonly [string, () => object, string]>([
    [
      'its certificate is of another authority',
      () => ({ ...READER, ca_file: file('other.crt') }),
      'SELF_SIGNED_CERT_IN_CHAIN',
    ],
    ['nobody names its authority', () => READER, 'SELF_SIGNED_CERT_IN_CHAIN'],
    [
      'its certificate is for another name',
      () => ({ ...READER, ca_file: file('ca.crt'), server_name: 'other.test' }),
      'ERR_TLS_CERT_ALTNAME_INVALID',
    ],
    ['the password is wrong', () => ({ ...READER, ca_file: file('ca.crt'), password: 'wrong-one' }), 'WRONGPASS'],
    ['nobody says who asks', () => ({ ssl: true, server_name: 'redis.test', ca_file: file('ca.crt') }), 'NOAUTH'],
    ['it is asked without TLS', () => ({ ...READER, ssl: false }), 'the connection'],
  ])('is not read when %s, and the log says why without the password', async (_, redis, reason) => {
    expect(await open(redis()).load()).toBeUndefined();
    expect(reasons()).toEqual([expect.stringContaining(reason), undefined]);
    expect(JSON.stringify(recorder.records)).not.toMatch(/reader-password|wrong-one/);
  });
});
