import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { RedisServer, redisProblem } from '../support/redis-server';
import { runCommand } from '../support/server-process';
import { signingKey, signToken } from '../support/tokens';

const ISSUER = 'https://auth.example.com/';
const problem = redisProblem();
if (problem !== undefined) process.stderr.write(`SKIPPED: revoke --redis (${problem})\n`);

const revoke = async (
  ...args: readonly string[]
): Promise<{ code: number | string | null; out: string; problem: string }> => {
  const command = runCommand(['revoke', ...args]);
  return { code: await command.ended, out: command.stdout(), problem: command.stderr() };
};
const about = (...args: readonly string[]): readonly string[] => ['--issuer', ISSUER, ...args];

describe.each([
  ['a file', true],
  ['Redis', problem === undefined],
] as const)('revoke, with the list in %s,', (place, isThere) => {
  let folder: string;
  let redis: RedisServer | undefined;
  let list: readonly string[];
  beforeAll(async () => {
    if (place === 'Redis' && isThere) redis = await RedisServer.start();
  });
  afterAll(async () => redis?.end());
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'revoke-'));
    list =
      redis === undefined
        ? ['--file', join(folder, 'revoked.json')]
        : ['--redis', `redis://127.0.0.1:${redis.port}`, '--redis-key', folder];
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });
  const itHere = isThere ? it : it.skip;

  itHere(
    'adds, shows and takes back an entry, and says when gateways know',
    async () => {
      expect(await revoke(...list, '--init')).toMatchObject({
        code: 0,
        out: expect.stringContaining('made an empty list'),
      });
      expect(await revoke(...list, '--init')).toMatchObject({
        code: 0,
        out: expect.stringContaining('a list already'),
      });
      const added = await revoke(
        ...list,
        ...about('--sub', 'alice', '--issued-before', '1800000000', '--until', '2100-01-01T00:00:00Z'),
      );
      expect(added).toMatchObject({ code: 0, problem: '' });
      expect(added.out).toMatch(
        /revoked sub alice of https:\/\/auth\.example\.com\/, if issued before 2027-01-15T08:00:00\.000Z; the entry ends 2100-/,
      );
      expect(added.out).toMatch(/each gateway that reads this list knows within a second; .*worker_cache_ttl/);
      await revoke(...list, ...about('--client-id', 'shop', '--until', '4102444800'));
      const { out } = await revoke(...list, '--list');
      expect(
        out
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as unknown),
      ).toEqual([
        { iss: ISSUER, sub: 'alice', issued_before: 1_800_000_000, exp: 4_102_444_800 },
        { iss: ISSUER, client_id: 'shop', exp: 4_102_444_800 },
      ]);
      expect(await revoke(...list, ...about('--sub', 'alice', '--undo'))).toMatchObject({
        code: 0,
        out: expect.stringContaining('sub alice of https://auth.example.com/ is no longer revoked'),
      });
      expect((await revoke(...list, '--list')).out.split('\n')).toHaveLength(2);
      expect(await revoke(...list, ...about('--sub', 'alice', '--undo'))).toMatchObject({
        code: 1,
        problem: expect.stringMatching(/^error: .* holds no entry about sub alice/),
      });
    },
    60_000,
  );

  itHere(
    'prints the entry that is in force when an earlier one about the same subject covers more',
    async () => {
      const add = async (...times: readonly string[]): Promise<string> => {
        const { out } = await revoke(...list, ...about('--sub', 'alice', ...times));
        return out.split('\n', 1)[0]!.replace(/^.*?: /, '');
      };
      const subject = `revoked sub alice of ${ISSUER}`;
      await revoke(...list, '--init');
      expect(await add('--issued-before', '1800000000', '--until', '4102444800')).toBe(
        `${subject}, if issued before 2027-01-15T08:00:00.000Z; the entry ends 2100-01-01T00:00:00.000Z`,
      );
      expect(await add('--until', '4000000000')).toBe(
        `${subject}; the entry ends 2100-01-01T00:00:00.000Z; includes an earlier entry, which covers more`,
      );
      expect(await add('--until', '4102444800')).toBe(`${subject}; the entry ends 2100-01-01T00:00:00.000Z`);
    },
    60_000,
  );

  itHere('takes what it needs from a token, and shows nothing else of it', async () => {
    await revoke(...list, '--init');
    const path = join(folder, 'stolen.jwt');
    const token = await signToken(signingKey('ES256'), {
      iss: ISSUER,
      jti: 'a',
      exp: 4_000_000_000,
      sub: 'secret-name',
    });
    writeFileSync(path, `${token}\n`);
    const { code, out } = await revoke(...list, '--token', path);
    expect([code, out.includes('revoked jti a of'), /secret-name|eyJ/.test(out)]).toEqual([0, true, false]);
    expect((await revoke(...list, '--list')).out).toBe(`{"iss":"${ISSUER}","jti":"a","exp":4000000000}\n`);
  });
});

describe('revoke', () => {
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'revoke-'));
    file = join(folder, 'revoked.json');
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  it.each<readonly [string, readonly string[], RegExp]>([
    ['no list is named', about('--sub', 'a'), /one of --file and --redis/],
    ['no issuer is named', ['--file', 'FILE', '--sub', 'a'], /--issuer says whose tokens/],
    ['nothing is named', ['--file', 'FILE', ...about()], /names no jti, sid, sub or client_id/],
    ['two things are named', ['--file', 'FILE', ...about('--sub', 'a', '--jti', 'b')], /more than one of jti, sub/],
    ['the end is past', ['--file', 'FILE', ...about('--sub', 'a', '--until', '1000')], /--until is in the past/],
    ['the token is none', ['--file', 'FILE', '--token', '/etc/hostname'], /is not a JWT/],
    ['the token is not there', ['--file', 'FILE', '--token', '/nonexistent'], /\/nonexistent: ENOENT/],
    ['the folder is not there', ['--file', '/nonexistent/list', ...about('--sub', 'a')], /ENOENT/],
    ['the address is none', ['--redis', 'https://redis', ...about('--sub', 'a')], /must be redis\[s\]:/],
    [
      'the password is shown',
      ['--redis', 'rediss://u:p@redis', ...about('--sub', 'a')],
      /belongs into JWT_IDENTITY_REDIS_PASSWORD/,
    ],
    ['the way is not safe', ['--redis', 'redis://192.0.2.1', ...about('--sub', 'a')], /must be rediss:/],
    ['nobody listens', ['--redis', 'redis://127.0.0.1:1', ...about('--sub', 'a')], /ECONNREFUSED/],
  ])('changes nothing and says what is wrong when %s', async (_, args, reason) => {
    const { code, problem: said } = await revoke(...args.map((arg) => (arg === 'FILE' ? file : arg)));
    expect([code, said]).toEqual([1, expect.stringMatching(reason)]);
    expect(said).toMatch(/^error: .*\n$/);
  });

  it('leaves a file alone that is not a list', async () => {
    writeFileSync(file, '{"iat":1,"revocations":[{"jti":"a"}]}');
    const { code, problem: said } = await revoke('--file', file, ...about('--sub', 'a'));
    expect([code, said]).toEqual([1, `error: ${file}: entry 1: has no iss, or one that is not a text\n`]);
    expect(readFileSync(file, 'utf8')).toBe('{"iat":1,"revocations":[{"jti":"a"}]}');
  });

  it('loses no entry when many processes add one at the same time, and keeps the mode of the file', async () => {
    await revoke('--file', file, '--init');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    const names = Array.from({ length: 8 }, (_, index) => `user ${index}`);
    const codes = await Promise.all(
      names.map(async (name) => (await revoke('--file', file, ...about('--sub', name))).code),
    );
    expect(codes).toEqual(names.map(() => 0));
    const { out } = await revoke('--file', file, '--list');
    expect(out.match(/user \d/g)!.toSorted()).toEqual(names);
  }, 60_000);
});
