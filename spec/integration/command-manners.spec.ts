import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { COMMAND, runCommand } from '../support/server-process';

const run = async (...args: string[]): Promise<[code: unknown, stderr: string, stdout: string]> => {
  const command = runCommand(args);
  const code = await command.ended;
  return [code, command.stderr(), command.stdout()];
};

describe('the command', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'manners-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('names an unknown flag, and the one that was meant, before a missing one', async () => {
    expect(await run('serve', '--sockt', '/x')).toEqual([
      2,
      "error: unknown option '--sockt'; did you mean --socket?\n",
      '',
    ]);
  });

  it.each([
    [['--stuck-after', '5'], 'error: --stuck-after 5 must be above 60, which is how long Kong waits\n'],
    [['--deadline', '70'], 'error: --deadline 70 must be below 60, which is how long Kong waits\n'],
  ])('refuses serve %j, which would contradict how long Kong waits', async (flags, stderr) => {
    expect(await run('serve', '--socket', join(folder, 's.sock'), ...flags)).toEqual([2, stderr, '']);
  });

  it.each(['check', 'dev', 'explain', 'serve', 'health'])('shows an example in %s --help', async (name) => {
    const [code, , stdout] = await run(name, '--help');
    expect([code, stdout]).toEqual([0, expect.stringMatching(new RegExp(`\\$ kong-jwt-identity ${name} `))]);
  });

  it('says in --help of no command that a default is a list or an object of the program', async () => {
    const [, , overview] = await run('--help');
    const names = [...overview.matchAll(/^ {2}([a-z-]+) .*\[options\]/gm)].flatMap(([, name]) => name ?? []);
    expect(names.length).toBeGreaterThan(12);
    for (const name of names) {
      const [code, , stdout] = await run(name, '--help');
      expect([name, code, /\(default: [[{][^)]*/.exec(stdout)?.[0]]).toEqual([name, 0, undefined]);
    }
  }, 120_000);

  it.each([
    ['init', '--output', 'kong.yml or policies.yml'],
    ['init', '--service', 'none'],
    ['explain', '--header', 'none'],
    ['authz', '--peers', '127.0.0.0/8,::1/128'],
  ])('says in %s --help what holds without %s', async (name, flag, meaning) => {
    const [, , stdout] = await run(name, '--help');
    const [, rest = ''] = stdout.split(`${flag} <`);
    const [about = ''] = rest.split(/\n {2,6}-/);
    expect(about.replace(/\s+/g, ' ')).toContain(`(default: ${meaning})`);
  });

  it.each([
    ['check', [] as string[]],
    ['dev', []],
    ['explain', ['--path', '/']],
  ])('says in one line when %s is given a folder', async (name, more) => {
    expect(await run(name, folder, ...more)).toEqual([1, `error: ${folder}: is a folder; a file is needed\n`, '']);
  });

  it('finds a refusal in a log by its id, and says so when it is not there', async () => {
    const log = join(folder, 'error.log');
    const line =
      'request refused request_id=5d82cd7c route=admin service=shop code=forbidden reason="authorize[1]: none of the roles" accepted="root, ops" issuer=https://auth.test/ kid=k1';
    writeFileSync(log, `other\n2026/11/25 22:00:00 [notice] 7#0: *9 [kong] ${line}, context: ngx.timer\n`);
    const [code, , stdout] = await run('explain', '--request-id', '5d82cd7c', '--log', log);
    expect(code).toBe(0);
    expect(stdout).toContain('reason     authorize[1]: none of the roles\naccepted   root, ops\n');
    expect(stdout).toContain('cure       docs/ERRORS.md, row forbidden\n');
    const [failed, stderr] = await run('explain', '--request-id', '5d82', '--log', log);
    expect([failed, stderr]).toEqual([1, expect.stringMatching(/^error: .*: no refusal with the id 5d82\. /)]);
    expect(await run('explain', '--request-id', 'x')).toEqual([2, 'error: --request-id needs --log\n', '']);
  });

  it('ends dev in order when the reader of its output is gone, and leaves no folder behind', async () => {
    const file = join(folder, 'kong.yml');
    const plugins = [{ name: 'request-termination', config: { status_code: 200 } }];
    writeFileSync(file, JSON.stringify({ _format_version: '3.0', routes: [{ name: 'r', paths: ['/'], plugins }] }));
    const own = mkdtempSync(join(folder, 'tmp-'));
    const child = spawn(process.execPath, [COMMAND, 'dev', file, '--listen', '127.0.0.1:0'], {
      env: { ...process.env, TMPDIR: own },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const ended = new Promise((resolve) => child.once('exit', resolve));
    const url = await new Promise<string>((resolve) => {
      let text = '';
      child.stderr.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        const [, found] = /serving url=(\S+)/.exec(text) ?? [];
        if (found !== undefined) resolve(found);
      });
    });
    child.stdout.destroy();
    // The line about this request is what cannot be written any more.
    await fetch(url);
    await fetch(url).catch(() => undefined);
    expect(await ended).toBe(0);
    expect(existsSync(own) && readdirSync(own)).toEqual([]);
  });
});
