import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as passed } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { shellCommand } from '../../src/gateway/plugins/pluginsocket/server-settings';
import { KongDouble } from '../support/kong-double';
import { ROOT } from '../support/running-process';
import { COMMAND, runCommand, SCRIPTED_PLUGIN, startServer } from '../support/server-process';

const PLUGINS = join(__dirname, '../fixtures/plugins');

describe('the command dump', () => {
  it('prints the plugin of this package as Kong wants it, and nothing else', async () => {
    const dump = runCommand(['dump']);
    await expect(dump.ended).resolves.toBe(0);
    expect(dump.stderr()).toBe('');
    expect(JSON.parse(dump.stdout())).toEqual({
      Protocol: 'ProtoBuf:1',
      Plugins: [
        {
          Name: 'jwt-identity',
          Version: expect.stringMatching(/^\d+\.\d+\.\d+$/),
          Priority: 985,
          Phases: ['access'],
          Schema: {
            name: 'jwt-identity',
            fields: [{ config: { type: 'record', fields: expect.any(Array), entity_checks: expect.any(Array) } }],
          },
        },
      ],
    });
  });

  it('keeps stdout clean whatever the module and the environment print', async () => {
    const dump = runCommand(['dump', '--plugin', join(PLUGINS, 'noisy')], { NODE_DEBUG: 'module', DEBUG: '*' });
    await expect(dump.ended).resolves.toBe(0);
    expect(JSON.parse(dump.stdout())).toMatchObject({ Plugins: [{ Name: 'scripted' }] });
    expect(dump.stderr()).toContain('a line that Kong must never read as JSON');
  });

  it.each([
    ['a module without a phase', join(PLUGINS, 'broken'), /^error: \S+broken: "Plugin" has no method[^\n]*\n$/],
    ['a path without a module', join(PLUGINS, 'missing'), /^error: \S+missing: there is no module here\n$/],
    ['a file that is no module', join(ROOT, 'kong.yml'), /^error: \S+kong\.yml: cannot be loaded: [^\n]+\n$/],
  ])('fails with one line and prints no JSON for %s', async (_, plugin, message) => {
    const dump = runCommand(['dump', '--plugin', plugin]);
    await expect(dump.ended).resolves.toBe(1);
    expect(dump.stdout()).toBe('');
    expect(dump.stderr()).toMatch(message);
  });
});

describe('the command serve', () => {
  it.each([
    [['serve'], 2, /--socket/],
    [['serve', '--socket', 's', '--workers', '0'], 2, /whole number from 1 to 256/],
    [['serve', '--socket', 's', '--deadline', '60'], 2, /--deadline 60 must be below 60/],
    [['serve', '--socket', 's', '--socket-mode', '888'], 2, /octal/],
    [['serve', '--socket', 's', '--metrics', 'here'], 2, /ADDRESS:PORT/],
    [['serve', '--socket', '/nowhere/at/all.sock'], 1, /^error: socket \S+: the folder \/nowhere\/at is missing\n$/],
    [
      ['serve', '--socket', join(PLUGINS, 'never.sock'), '--plugin', join(PLUGINS, 'broken')],
      1,
      /^error: the plugin cannot be loaded reason="\S+broken: \\"Plugin\\" has no method[^\n]*\n/,
    ],
  ])('%j ends with %d and says why', async (args, exitCode, message) => {
    const serve = runCommand(args);
    await expect(serve.ended).resolves.toBe(exitCode);
    expect(serve.stderr()).toMatch(message);
    expect(serve.stdout()).toBe('');
  });

  it.each(['while it loads its modules', 'while a worker loads its modules', 'before Node runs in a worker'])(
    'survives a SIGHUP %s',
    async (moment) => {
      const folder = mkdtempSync(join(tmpdir(), 'hangup-'));
      const hook = `--require ${join(__dirname, '../fixtures/hang-up.js')}`;
      const env = { NODE_OPTIONS: hook, HANG_UP: moment, HANG_UP_ONCE: join(folder, 'sent') };
      const serve = runCommand(
        ['serve', '--socket', join(folder, 'plugin.sock'), '--plugin', SCRIPTED_PLUGIN, '--workers', '2'],
        env,
      );
      await serve.logged(/serving socket=/);
      expect(existsSync(env.HANG_UP_ONCE)).toBe(true);
      serve.process.kill('SIGTERM');
      await expect(serve.ended).resolves.toBe(0);
      rmSync(folder, { recursive: true });
    },
  );

  it('ends in order when its terminal is closed, which also is a SIGHUP', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'terminal-'));
    const [socket, output] = [join(folder, 'plugin.sock'), join(folder, 'output')];
    const words = [process.execPath, COMMAND, 'serve', '--socket', socket, '--plugin', SCRIPTED_PLUGIN];
    const terminal = spawn('script', ['-qfec', shellCommand(words), output], { stdio: 'ignore' });
    const serving = /serving socket=\S+ workers=\d+ pid=(\d+)/;
    const printed = (): string => (existsSync(output) ? readFileSync(output, 'utf8') : '');
    while (!serving.test(printed())) await passed(10);
    terminal.kill('SIGKILL');
    const pid = Number(serving.exec(printed())?.[1]);
    // Only a server that ends in order removes its socket.
    while (existsSync(socket) || existsSync(`/proc/${pid}`)) await passed(10);
    rmSync(folder, { recursive: true });
  });

  it('ends with 1 when the port for metrics is taken', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const { port } = taken.address() as AddressInfo;
    const serve = runCommand(['serve', '--socket', join(PLUGINS, 'never.sock'), '--metrics', String(port)]);
    await expect(serve.ended).resolves.toBe(1);
    expect(serve.stderr()).toBe(`error: --metrics 127.0.0.1:${port}: cannot listen (EADDRINUSE)\n`);
    taken.close();
  });

  it('serves the metrics of all workers', async () => {
    const server = await startServer('--workers', '2', '--metrics', '127.0.0.1:0');
    await server.workerPid(2);
    const kong = new KongDouble(server.socketPath);
    const route = { behaviour: 'check-token' };
    await kong.request(route, { authorization: 'Bearer good' });
    await kong.request(route, {});
    const [, address] = await server.logged(/publishing metrics address=(\S+)/);
    const response = await fetch(`http://${address!}/metrics`);
    expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
    const text = await response.text();
    const sumOf = (metric: RegExp): number =>
      [...text.matchAll(new RegExp(`^${metric.source} (\\S+)$`, 'gm'))].reduce(
        (sum, match) => sum + Number(match[1]),
        0,
      );
    expect(sumOf(/jwt_identity_event_duration_seconds_count\{.*outcome="proceed".*\}/)).toBe(1);
    expect(sumOf(/jwt_identity_event_duration_seconds_count\{.*outcome="exit".*\}/)).toBe(1);
    expect(sumOf(/jwt_identity_live_events\{.*\}/)).toBe(0);
    expect(sumOf(/jwt_identity_instances\{.*\}/)).toBeGreaterThan(0);
    expect(sumOf(/jwt_identity_workers/)).toBe(2);
    expect(sumOf(/jwt_identity_worker_restarts_total/)).toBe(0);
    expect((await fetch(`http://${address!}/other`)).status).toBe(404);
    expect((await fetch(`http://${address!}/metrics`, { method: 'POST' })).status).toBe(405);
    await kong.close();
    await server.stop();
  });
});
