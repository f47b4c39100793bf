import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { COMMAND, runCommand, type RunningCommand } from '../support/server-process';

// An address that other machines could reach, where there are none.
const canUnshare = spawnSync('unshare', ['-rn', 'true']).status === 0;
if (!canUnshare) process.stderr.write('skipped: a development gateway that other machines reach (needs unshare -rn)\n');

const configWith = (message: string): string => `
_format_version: '3.0'
routes:
  - name: hello
    paths: [/hello]
    plugins: [{ name: request-termination, config: { status_code: 200, message: '${message}' } }]
`;

describe('kong-jwt-identity dev', () => {
  let folder: string;
  let file: string;
  let command: RunningCommand | undefined;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dev-command-'));
    file = join(folder, 'kong.yml');
    writeFileSync(file, configWith('one'));
  });
  afterEach(async () => {
    command?.process.kill('SIGTERM');
    await command?.ended;
    command = undefined;
    rmSync(folder, { recursive: true });
  });

  async function start(...flags: string[]): Promise<string> {
    command = runCommand(['dev', file, '--listen', '127.0.0.1:0', ...flags]);
    const [, url] = await command.logged(/notice: serving url=(\S+)/);
    return url!;
  }

  const message = async (url: string): Promise<unknown> => (await fetch(`${url}/hello?token=secret`)).json();

  it('says what it is for, serves the file, and writes a line for every request, without its query', async () => {
    const url = await start();
    expect(command?.stderr()).toMatch(/notice: development gateway: /);
    expect(command?.stderr()).not.toMatch(/other machines/);
    expect(await message(url)).toEqual({ message: 'one' });
    await fetch(`${url}/nowhere`);
    while (command!.stdout().split('\n').length < 3) await new Promise(setImmediate);
    expect(command?.stdout()).toMatch(
      /^GET \/hello 200 route=hello by=request-termination ms=\d+\nGET \/nowhere 404 by=gateway ms=\d+\n$/,
    );
  });

  (canUnshare ? it : it.skip)('warns when other machines can reach it', async () => {
    const args = ['-rn', process.execPath, COMMAND, 'dev', file, '--listen', '0.0.0.0:0'];
    const child = spawn('unshare', args, { stdio: ['pipe', 'ignore', 'pipe'] });
    let text = '';
    for await (const chunk of child.stderr) {
      text += String(chunk);
      if (text.includes('notice: serving url=')) child.kill('SIGTERM');
    }
    expect(text).toMatch(/^warn: other machines can reach this development gateway: .* listen=0\.0\.0\.0:0$/m);
  });

  it('serves a file with _comment in its service, route and plugin, as Kong does', async () => {
    writeFileSync(
      file,
      `_format_version: '3.0'
_comment: the shop
services:
  - name: orders
    _comment: 'Orders: /v1/* -> http://orders:8080/*'
    url: http://127.0.0.1:1
    routes:
      - name: hello
        _comment: all of it
        paths: [/hello]
        plugins:
          - name: jwt-identity
            _comment: who is calling
            config:
              issuers: [{ issuer: i, audiences: [a], secret: a secret that never signed any token }]
`,
    );
    const response = await fetch(`${await start()}/hello`);
    expect([response.status, await response.json()]).toMatchObject([401, { code: 'token_missing' }]);
  });

  it('warns of an open route that comes first, and shows which routes a request matches too', async () => {
    const issuers = [{ issuer: 'i', audiences: ['a'], secret: 'a secret that never signed any token' }];
    const admin = { name: 'admin', paths: ['/admin'], plugins: [{ name: 'jwt-identity', config: { issuers } }] };
    const shop = { name: 'shop', hosts: ['localhost'], service: 'shop' };
    const services = [{ name: 'shop', url: 'http://127.0.0.1:1' }];
    writeFileSync(file, JSON.stringify({ _format_version: '3.0', services, routes: [admin, shop] }));
    const url = (await start()).replace('127.0.0.1', 'localhost');
    expect(command?.stderr()).toMatch(
      /^warn: an open route takes requests that a guarded route describes open=shop guarded=admin request="GET \/admin" headers="Host: localhost"$/m,
    );
    expect((await fetch(`${url}/admin`)).status).toBe(502);
    while (!command!.stdout().endsWith('\n')) await new Promise(setImmediate);
    expect(command?.stdout()).toMatch(/^GET \/admin 502 route=shop also_matches=admin by=gateway ms=\d+$/m);
  });

  it('takes its plugin server with it, also when it is killed', async () => {
    await start();
    const [, pid] = await command!.logged(/plugin server started server=jwt_identity pid=(\d+)/);
    await command!.logged(/\[jwt_identity:\d+\] notice: serving/);
    command!.process.kill('SIGKILL');
    await command!.ended;
    // A server that nobody waits for shows only in the list of processes.
    const isThere = (): boolean => existsSync(`/proc/${pid!}`);
    while (isThere() && command !== undefined) await new Promise((next) => setTimeout(next, 10));
    if (isThere()) process.kill(Number(pid));
  });

  it('takes a changed file up, and goes on with the old one when it is wrong', async () => {
    const url = await start();
    writeFileSync(file, configWith('two').replace('status_code', 'status'));
    await command?.logged(/error: \S+kong\.yml:6:\d+: routes\[1\]\.plugins\[1\]\.config\.status: unknown field/);
    expect(await message(url)).toEqual({ message: 'one' });
    writeFileSync(file, configWith('three'));
    await command?.logged(/notice: configuration loaded/);
    expect(await message(url)).toEqual({ message: 'three' });
  });

  it('warns of what is likely a mistake, and refuses what would answer 500 to every request', async () => {
    const issuer = (more: string): string => `- { issuer: 'https://auth.acme.test/', audiences: [shop], ${more} }`;
    const text = (more: string): string => `${configWith('one')}plugins:
  - name: jwt-identity
    config:
      issuers:
        ${issuer(more)}
`;
    writeFileSync(file, text('jwks_uri: https://auth.acme.test/jwks, key_fetch: { max_stale: 604800 }'));
    await start();
    expect(command?.stderr()).toMatch(
      /^warn: \S+kong\.yml:11:\d+: config\.issuers\[1\]\.key_fetch\.max_stale: lets a removed key work for 168 hours/m,
    );
    writeFileSync(file, text(`jwks: '{"keys":[]}'`));
    await command?.logged(/^error: \S+kong\.yml:11:\d+: config\.issuers.*\n.*previous configuration stays in use/m);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('ends everything that it started on %s', async (signal) => {
    await start();
    const [, pid] = await command!.logged(/plugin server started server=jwt_identity pid=(\d+)/);
    const [, socket] = await command!.logged(/notice: serving socket=(\S+)/);
    command?.process.kill(signal);
    expect(await command?.ended).toBe(0);
    expect(() => process.kill(Number(pid), 0)).toThrow('ESRCH');
    expect(existsSync(dirname(socket!))).toBe(false);
  });

  it.each([
    [
      'a file that is wrong',
      () => {
        writeFileSync(file, 'services: [{}]');
      },
      /^error: \S+kong\.yml:1:1: _format_version: required field missing\n\S+kong\.yml:1:12: services\[1\]\.host: required field missing/m,
    ],
    [
      'keys over plain HTTP from another machine, which each request would answer with 500',
      () => {
        const jwks = 'http://keycloak:8080/realms/shop/protocol/openid-connect/certs';
        const config = { issuers: [{ issuer: 'https://idp.example.test/', audiences: ['api'], jwks_uri: jwks }] };
        writeFileSync(file, `${configWith('one')}plugins: ${JSON.stringify([{ name: 'jwt-identity', config }])}`);
      },
      /^error: \S+kong\.yml:\d+:\d+: config\.issuers\[1\]\.jwks_uri: .*https/m,
    ],
    [
      'a file that is not YAML',
      () => {
        writeFileSync(file, 'a: [\n');
      },
      /^error: \S+kong\.yml:2:1: not readable as YAML: .* at line \d+, column \d+/m,
    ],
    [
      'no file',
      () => {
        rmSync(file);
      },
      /^error: \S+kong\.yml: cannot be read \(ENOENT\)$/m,
    ],
  ])('does not start with %s, and says why without a stack trace', async (_, prepare, reason) => {
    prepare();
    command = runCommand(['dev', file, '--listen', '127.0.0.1:0']);
    expect(await command.ended).toBe(1);
    expect(command.stderr()).toMatch(reason);
    expect(command.stderr()).not.toMatch(/^ {4}at /m);
  });
});
