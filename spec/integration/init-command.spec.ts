import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { OidcProvider } from '../support/oidc-provider';
import { ROOT } from '../support/running-process';
import { COMMAND, runCommand } from '../support/server-process';

const SERVICE = ['--service', 'orders=http://127.0.0.1:9 /orders'];

describe('kong-jwt-identity init', () => {
  let folder: string;
  let file: string;
  let provider: OidcProvider;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'init-'));
    file = join(folder, 'kong.yml');
    provider = await OidcProvider.start();
  }, 60_000);
  afterEach(() => {
    rmSync(file, { force: true });
  });
  afterAll(async () => {
    await provider.stop();
    rmSync(folder, { recursive: true });
  });
  const run = async (command: string, ...args: string[]): Promise<[code: unknown, stdout: string, stderr: string]> => {
    const running = runCommand([command, ...args]);
    running.process.stdin?.end();
    const code = await running.ended;
    return [code, running.stdout(), running.stderr()];
  };
  const init = (...args: string[]): ReturnType<typeof run> => run('init', '--output', file, ...args);

  it('asks a real provider, and writes a file that check --online finds sound', async () => {
    const [code, stdout, stderr] = await init('--issuer', provider.issuer, '--audience', 'urn:orders', ...SERVICE);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain(`Found: ${provider.issuer}, with keys at ${provider.issuer}/jwks.`);
    expect(stdout).toContain('Provider: oidc, guessed.');
    expect(stdout).toContain(`Next:\n  kong-jwt-identity check --online ${file}\n  kong-jwt-identity dev ${file}\n`);
    const [checked, found] = await run('check', '--online', file);
    expect(found).toMatch(/^asked http.*\/jwks: 1 usable keys \(kid /m);
    expect([checked, found]).toEqual([0, expect.stringContaining('\n0 errors, 0 warnings in ')]);
  }, 60_000);

  it('does what docs/how-to/first-configuration.md says, with a real provider', () => {
    const page = readFileSync(join(ROOT, 'docs/how-to/first-configuration.md'), 'utf8');
    const blocks = [...page.matchAll(/^ *```sh\n([^]*?)^ *```$/gm)].map(([, text = '']) => text);
    const written = blocks
      .slice(0, 2)
      .join('\n')
      .replace(/https:\/\/auth\.example\.com\S*/, provider.issuer);
    writeFileSync(join(folder, 'kong-jwt-identity'), `#!/bin/sh\nexec '${process.execPath}' '${COMMAND}' "$@"\n`, {
      mode: 0o755,
    });
    const env = { ...process.env, PATH: `${folder}:${process.env['PATH'] ?? ''}` };
    const shown = execFileSync('sh', ['-ec', written], { cwd: folder, env, encoding: 'utf8', stdio: 'pipe' });
    expect(shown).toContain('kong.yml is written.');
    expect(shown).toMatch(/\n0 errors, 0 warnings in kong.yml\n$/);
  }, 60_000);

  it('writes to stdout and says the rest elsewhere, so that a pipe gets the file alone', async () => {
    const [code, stdout, stderr] = await run('init', '--provider', 'auth0', '--format', 'policies', '--output', '-');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^# Written by kong-jwt-identity init/);
    expect(stdout).toMatch(/\npolicies:\n/);
    expect(stderr).toMatch(/^Replace the examples .*\nNext:\n/);
  });

  it('replaces a file with --force only', async () => {
    writeFileSync(file, 'precious');
    const [code, , stderr] = await init('--provider', 'google');
    expect([code, stderr]).toEqual([1, `error: ${file} exists; --force replaces it, --output names another file\n`]);
    expect(readFileSync(file, 'utf8')).toBe('precious');
    expect((await init('--provider', 'google', '--force'))[0]).toBe(0);
    expect(readFileSync(file, 'utf8')).toContain('provider: google');
  });

  it.each<[what: string, code: number, args: () => string[], words: RegExp]>([
    [
      'no flags and no terminal',
      2,
      () => [],
      /^error: --issuer \(or --provider\) is needed, because there is no terminal/,
    ],
    ['no audience', 2, () => ['--issuer', provider.issuer], /^error: --audience is needed/],
    ['a misspelt flag', 2, () => ['--audiences', 'a'], /unknown option '--audiences'; did you mean --audience\?/],
    ['a name for no service', 2, () => ['--service', 'a"\nb: c=http://x.test'], /must be "NAME=URL PATH/],
    [
      'an issuer that nobody can reach',
      1,
      () => ['--issuer', 'http://127.0.0.1:1/', '--audience', 'a', ...SERVICE],
      /^error: --issuer http:\/\/127.0.0.1:1\/: discovery: the connection failed \(ECONNREFUSED\); with --provider, /,
    ],
    [
      'an issuer with another last slash',
      1,
      () => ['--issuer', `${provider.issuer}/`, '--audience', 'a', ...SERVICE],
      /^error: --issuer .*: its discovery document names the issuer "http:\/\/127.0.0.1:\d+", and tokens have that one/,
    ],
    [
      'a provider whose issuer has another form',
      1,
      () => ['--provider', 'okta', '--issuer', 'https://a.test', '--audience', 'a', ...SERVICE],
      /^error: these values make no configuration .*\n.*issuer: is not one of the provider okta, such as/,
    ],
    [
      'a folder that is not there',
      1,
      () => ['--provider', 'google', '--output', '/nowhere/k.yml'],
      /cannot be written \(ENOENT\)/,
    ],
  ])('ends with words, without a file and without a stack trace for %s', async (_, code, args, words) => {
    const [ended, stdout, stderr] = await init(...args());
    expect([ended, stdout]).toEqual([code, '']);
    expect(stderr).toMatch(words);
    expect(stderr).not.toMatch(/^ {4}at /m);
    expect(existsSync(file)).toBe(false);
  });

  it('gives up on an issuer that never answers', async () => {
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const issuer = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
    const [code, , stderr] = await init('--issuer', issuer, '--audience', 'a', ...SERVICE);
    silent.closeAllConnections();
    silent.close();
    expect([code, stderr]).toEqual([1, expect.stringContaining('no complete answer within')]);
  }, 60_000);

  const hasScript = ((): boolean => {
    try {
      execFileSync('script', ['--version']);
      return true;
    } catch {
      process.stderr.write('init on a terminal: skipped, there is no script(1)\n');
      return false;
    }
  })();

  (hasScript ? describe : describe.skip)('on a terminal', () => {
    /** Answers each question as it comes. Resolves with the exit code and everything that was on the terminal. */
    const talk = (
      args: readonly string[],
      answers: readonly (readonly [question: RegExp, answer: string])[],
    ): Promise<[number | null, string]> => {
      const command = [process.execPath, COMMAND, 'init', '--output', file, ...args].join(' ');
      const terminal = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
      const left = [...answers];
      let shown = '';
      let from = 0;
      terminal.stdout.on('data', (chunk: Buffer) => {
        // readline moves the cursor after each question.
        shown += chunk.toString().replace(/\u001b\[[0-9;?]*[A-Za-z]/g, '');
        const [next] = left;
        const match = next?.[0].exec(shown.slice(from));
        if (next === undefined || match === undefined || match === null) return;
        from += match.index + match[0].length;
        left.shift();
        terminal.stdin.write(next[1]);
      });
      return new Promise((resolve) => {
        terminal.on('close', (code) => {
          resolve([code, shown]);
        });
      });
    };

    it('asks for what is missing, says what was wrong with an answer, and takes the guess for an empty one', async () => {
      const [code, shown] = await talk(
        [],
        [
          [/The issuer's URL.*: $/, 'nonsense\r'],
          [/must be an absolute https:\/\/ URL[^]*: $/, `${provider.issuer}\r`],
          [/Provider.*\[oidc\]: $/, '\r'],
          [/Audience.*: $/, 'urn:orders\r'],
          [/A service.*: $/, 'orders\r'],
          [/Its URL is needed[^]*: $/, 'orders=http://127.0.0.1:9\r'],
          [/nothing to go on: $/, '\r'],
          [/Roles.*: $/, 'user, admin\r'],
        ],
      );
      expect(shown).toContain('is written.');
      expect(code).toBe(0);
      expect(readFileSync(file, 'utf8')).toContain('provider: oidc');
      expect((await run('check', file))[0]).toBe(0);
    }, 60_000);

    it('writes nothing when the terminal is closed or Ctrl-C is pressed', async () => {
      for (const key of ['\u0004', '\u0003']) {
        const [code, shown] = await talk([], [[/The issuer's URL.*: $/, key]]);
        expect(shown).toContain('nothing was written');
        expect(code).toBe(1);
        expect(existsSync(file)).toBe(false);
      }
    }, 60_000);
  });
});
