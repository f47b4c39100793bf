import { execFile } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type DemoProcess, runDemo, startDemoProcess } from '../support/demo-process';

const ROOT = join(__dirname, '../..');
const run = promisify(execFile);

/** What curl printed, and how it ended. */
interface CurlResult {
  readonly status: number;
  readonly headers: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly exitCode: number;
}

describe('the demo', () => {
  let demo: DemoProcess;
  let variables: string;
  let commands: ReadonlyMap<string, string>;
  let folder: string;
  let kongFile: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'demo-'));
    kongFile = join(folder, 'kong.yml');
    copyFileSync(join(ROOT, 'kong.yml'), kongFile);
    demo = await startDemoProcess(folder, kongFile);
    const lines = demo.output().split('\n');
    variables = lines.filter((line) => /^[A-Z]+=eyJ/.test(line)).join('\n');
    commands = new Map(
      lines.flatMap((line, i): [string, string][] =>
        line.startsWith('curl ') ? [[(lines[i - 1] ?? '').replace(/^\d+\. /, ''), line]] : [],
      ),
    );
  }, 60_000);
  afterAll(async () => {
    demo.interrupt();
    await demo.ended;
    rmSync(folder, { recursive: true });
  });

  /** Pastes text into a shell, as whoever reads the terminal would. */
  const paste = async (text: string): Promise<CurlResult> => {
    const ended: { stdout: string; code?: number } = await run('/bin/sh', ['-c', text]).catch((error: unknown) => {
      return error as { stdout: string; code: number };
    });
    const [head = '', body = ''] = ended.stdout.split('\r\n\r\n');
    return {
      status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1] ?? 0),
      headers: head,
      body: body === '' ? {} : (JSON.parse(body) as Record<string, unknown>),
      exitCode: ended.code ?? 0,
    };
  };
  const command = (title: RegExp): string => [...commands].find(([given]) => title.test(given))![1];
  /** The command that asks a path as a user, with the variable that holds the token. */
  const commandFor = (path: string, user: string): string =>
    [...commands.values()].find((text) => text.endsWith(`/${path} -H "Authorization: Bearer $${user.toUpperCase()}"`))!;
  const pasteStep = (title: RegExp): Promise<CurlResult> => paste(`${variables}\n${command(title)}`);
  const gateway = (): string => /Gateway +(\S+)\//.exec(demo.output())![1]!;
  const provider = (): string => /Identity provider +(\S+)\//.exec(demo.output())![1]!;
  const get = (path: string, token: string): Promise<CurlResult> =>
    paste(`curl -i ${gateway()}${path} -H 'Authorization: Bearer ${token}'`);
  const orders = (token: string): Promise<CurlResult> => get('/orders', token);
  const logIn = async (): Promise<string> => {
    const { body } = await pasteStep(/^A login/);
    return body['access_token'] as string;
  };

  it('gives a token for a login, with which the service is told who calls', async () => {
    const { status, body } = await pasteStep(/^A login/);
    expect(status).toBe(200);
    await expect(orders(body['access_token'] as string)).resolves.toMatchObject({
      status: 200,
      body: { told: { 'X-User-ID': 'alice', 'X-User-Roles': 'user', 'X-User-Name': 'Alice Liddell' } },
    });
  });

  it('prints tokens that work, and a line for each request', async () => {
    const { status, body } = await pasteStep(/the service is told/);
    expect(status).toBe(200);
    expect(body).toMatchObject({ greeting: 'Your orders, Alice Liddell.' });
    await demo.printed(
      /alice +GET \/orders +orders +200 let through +orders was told X-User-ID: alice, X-User-Roles: user, X-User-Name: Alice Liddell/,
    );
  });

  it('refuses a request without a token, and says so', async () => {
    const { status, headers, body } = await pasteStep(/^Without a token/);
    expect(status).toBe(401);
    expect(headers).toMatch(/\r\nWWW-Authenticate: Bearer/i);
    expect(body).toMatchObject({ code: 'token_missing' });
    await demo.printed(/nobody +GET \/orders +orders +401 refused +token_missing/);
  });

  it('removes forged headers in every spelling', async () => {
    const { status, body } = await pasteStep(/^Forged headers/);
    expect(status).toBe(200);
    expect(body['told']).toEqual({ 'X-User-ID': 'alice', 'X-User-Roles': 'user', 'X-User-Name': 'Alice Liddell' });
  });

  it('removes forged headers from a request without a token, too', async () => {
    const { status, body } = await paste(`curl -i ${gateway()}/catalog -H 'X-User-ID: carol' -H 'X_User_ID: carol'`);
    expect(status).toBe(200);
    expect(body['told']).toEqual({});
  });

  it('keeps an ordinary user from the admin route and lets an administrator in', async () => {
    await expect(pasteStep(/^An ordinary user/)).resolves.toMatchObject({ status: 403, body: { code: 'forbidden' } });
    await demo.printed(/alice +GET \/admin +admin +403 refused +forbidden/);
    await expect(pasteStep(/^An administrator/)).resolves.toMatchObject({
      status: 200,
      body: { told: { 'X-User-ID': 'carol' } },
    });
  });

  // macOS has no second loopback address unless it is added; the demo then says that it skips this.
  it('lets nobody reach a service around the gateway', async () => {
    if (process.platform !== 'linux') {
      expect(demo.output()).toContain('skipped: this machine has no 127.0.0.2');
      return;
    }
    const { status, exitCode } = await pasteStep(/around the gateway/);
    expect(status).toBe(0);
    // The reset reaches curl while it connects, sends or reads (its exit codes 7, 55 and 56).
    expect([7, 55, 56]).toContain(exitCode);
    await demo.printed(/reset by the service +127\.0\.0\.1 is not the gateway/);
  });

  it('prints a command that gives Alice a fresh token', async () => {
    const command = demo
      .output()
      .split('\n')
      .find((line) => line.startsWith('ALICE=$('))!;
    const stale = variables.replace(/eyJ\S+/g, 'stale');
    await expect(paste(`${stale}\n${command}\n${commandFor('orders', 'alice')}`)).resolves.toMatchObject({
      status: 200,
    });
  });

  it('explains the refusal of Alice as the README shows', async () => {
    const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
    const [, shown = ''] = /^```text\n(route +admin[\s\S]*?)^```/m.exec(readme) ?? [];
    const token = join(folder, 'alice.jwt');
    writeFileSync(token, /^ALICE=(\S+)/m.exec(demo.output())![1]!);
    // The demo of this spec has ports of its own, and so has its identity provider.
    const file = join(folder, 'explained.yml');
    writeFileSync(file, readFileSync(kongFile, 'utf8').replaceAll('http://127.0.0.1:8010', provider()));
    const command = [join(ROOT, 'dist/src/cli/main.js'), 'explain', file, '--path', '/admin', '--token', token];
    const ended = await run(process.execPath, command).catch((error: unknown) => error as { stdout: string });
    /** What changes with each run: port, key, size of the token, times. */
    const withoutTimes = (text: string): string =>
      text
        .replace(/127\.0\.0\.1:\d+/g, '127.0.0.1:…')
        .replace(/"[\w-]{43}"/g, '"…"')
        .replace(/\d+ bytes/g, '… bytes')
        .replace(/[-\d]+T[\d:.]+Z, \d+ s/g, '…');
    rmSync(token);
    rmSync(file);
    expect(shown).toContain('decision   refuse with 403');
    expect(withoutTimes(ended.stdout)).toBe(withoutTimes(shown));
  });

  it('refuses a token that the provider has revoked, and takes it again when that is undone', async () => {
    const answers = async (status: number): Promise<CurlResult> => {
      let result: CurlResult;
      // The gateway reads the list every second.
      do result = await pasteStep(/^It is then rejected/);
      while (result.status !== status);
      return result;
    };
    await answers(200);
    await expect(pasteStep(/^A stolen token/)).resolves.toMatchObject({ status: 200, body: { revoked: true } });
    await expect(answers(401)).resolves.toMatchObject({ body: { code: 'token_revoked' } });
    await demo.printed(/GET \/orders +orders +401 refused +token_revoked/);
    await expect(pasteStep(/can be undone$/)).resolves.toMatchObject({ status: 200, body: { revoked: false } });
    await answers(200);
  });

  it('goes on with old and new tokens when keys are rotated, and drops stolen keys', async () => {
    const before = await logIn();
    await expect(orders(before)).resolves.toMatchObject({ status: 200 });
    await expect(pasteStep(/^Keys can be rotated/)).resolves.toMatchObject({ status: 200 });
    await demo.printed(/The provider signs with the key \S+ from now on and publishes 3 keys/);
    const after = await logIn();
    await expect(orders(after)).resolves.toMatchObject({ status: 200 });
    await expect(orders(before)).resolves.toMatchObject({ status: 200 });

    await paste(`curl -i -X POST '${provider()}/rotate?stolen'`);
    let refused: CurlResult;
    do {
      // The gateway looks for new keys when a token names one, at most once a second.
      await paste(`curl -i -X POST '${provider()}/rotate?stolen'`);
      await orders(await logIn());
      refused = await orders(before);
    } while (refused.status === 200);
    expect(refused).toMatchObject({ status: 401, body: { code: 'token_untrusted' } });
  }, 60_000);

  it('prints the very lines that the README shows', () => {
    const [, block = ''] = /^```text\n(nobody[\s\S]*?)^```/m.exec(readFileSync(join(ROOT, 'README.md'), 'utf8')) ?? [];
    const lines = block.trimEnd().split('\n');
    expect(lines.length).toBeGreaterThan(3);
    // They are of the specs above.
    const isExpected = (line: string): boolean => process.platform === 'linux' || !line.includes('a connection');
    for (const line of lines.filter(isExpected)) expect(demo.output()).toContain(`${line}\n`);
  });

  it('applies a kong.yml that was edited, and says what is wrong with one that cannot be used', async () => {
    const token = await logIn();
    const shipped = readFileSync(kongFile, 'utf8');
    writeFileSync(kongFile, shipped.replace('- roles: [admin]', '- roles: [user]'));
    await demo.printed(/kong\.yml has changed and is in force/);
    await expect(get('/admin', token)).resolves.toMatchObject({ status: 200 });
    writeFileSync(kongFile, shipped.replace('- roles: [admin]', '- rolls: [admin]'));
    await demo.printed(/cannot be used; the previous version stays in use:\n.*rolls/);
    await expect(get('/admin', token)).resolves.toMatchObject({ status: 200 });
  });

  it('does not start with a kong.yml that cannot be used, and says why', async () => {
    const file = join(folder, 'bad.yml');
    writeFileSync(file, '_format_version: "3.0"\nserfices: []\n');
    const bad = runDemo(folder, '--base-port', '0', file);
    await expect(bad.ended).resolves.toBe(1);
    expect(bad.output()).toMatch(/bad\.yml: serfices/);
    expect(bad.output()).not.toMatch(/^ +at /m);
    rmSync(file);
  });

  it('names the port that is in use, and ends', async () => {
    const port = Number(/:(\d+)$/.exec(provider())![1]);
    const second = runDemo(folder, '--base-port', String(port - 10));
    await expect(second.ended).resolves.toBe(1);
    expect(second.output()).toMatch(`127.0.0.1:${port} (identity provider) is in use by another program.`);
    expect(second.output()).not.toMatch(/^ +at /m);
  });

  it('ends with Ctrl-C and leaves no process, no port and no file behind', async () => {
    const { stdout } = await run('ps', ['-A', '-o', 'pid=,ppid=']);
    const rows = stdout.split('\n').map((line) => line.trim().split(/\s+/).map(Number));
    const descendants = (pid: number): number[] =>
      rows.flatMap(([child = 0, parent]) => (parent === pid ? [child, ...descendants(child)] : []));
    const children = descendants(demo.pid);
    expect(children.length).toBeGreaterThan(0);
    const ports = [...demo.output().matchAll(/http:\/\/127\.0\.0\.1:(\d+)\//g)].map(([, port]) => Number(port));

    demo.interrupt();
    await expect(demo.ended).resolves.toBe(0);
    for (const pid of children) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    for (const port of new Set(ports)) await expect(connects(port)).resolves.toBe(false);
    expect(readdirSync(folder)).toEqual(['kong.yml']);
  });
});

function connects(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => {
      resolve(false);
    });
  });
}
