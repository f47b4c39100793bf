import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startEchoService } from '../support/echo-service';
import type { Kong } from '../support/kong';
import { startKongItself } from '../support/kong-itself';
import { launchKongWith } from '../support/kong-native';
import { ROOT } from '../support/running-process';

const hasKong = spawnSync('kong', ['version']).status === 0;
if (!hasKong) console.log('SKIPPED: the printed kong.conf is not driven; there is no `kong` on PATH');
const describeWithKong = hasKong ? describe : describe.skip;

const SECRET = 'a secret of at least thirty-two bytes, for HS256';
const run = (command: string, ...args: readonly string[]): { stdout: string; stderr: string } => {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return { stdout, stderr };
};

/** Needs the build. */
describe('the package, installed from its tarball into an empty prefix', () => {
  let folder: string;
  let command: string;
  let said: { readonly stdout: string; readonly stderr: string };

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'install-'));
    const [tarball] = execFileSync(process.execPath, ['deploy/pack.mjs', folder], {
      cwd: ROOT,
      encoding: 'utf8',
    }).split('\n');
    const prefix = join(folder, 'prefix');
    said = run('npm', 'install', '-g', '--prefix', prefix, '--no-audit', '--no-fund', '--prefer-offline', tarball!);
    command = join(prefix, 'bin/kong-jwt-identity');
  }, 240_000);
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const install = (...flags: readonly string[]): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(command, ['install', ...flags], { encoding: 'utf8' });
  const self = ['--user', 'root'];

  it('was installed without a warning', () => {
    expect(said.stderr).toBe('');
  });

  it('prints absolute paths to itself that exist', () => {
    const { stdout } = install();
    const [, node, script] = /query_cmd = (\S+) (\S+) dump\n/.exec(stdout) ?? [];
    expect(existsSync(node!)).toBe(true);
    expect(readFileSync(script!, 'utf8')).toMatch(/^#!/);
    expect(stdout).not.toContain('systemd');
  });

  it('writes kong.conf once, and says that it is right the second time', () => {
    const conf = join(folder, 'kong.conf');
    const sockets = join(folder, 'sockets');
    mkdirSync(sockets, { mode: 0o700 });
    writeFileSync(conf, 'log_level = info\n', { mode: 0o640 });
    const flags = ['--write', '--kong-conf', conf, '--socket', join(sockets, 'a.socket'), ...self];
    expect(install(...flags)).toMatchObject({ status: 0, stdout: `wrote ${conf}\nNext: kong restart\n` });
    expect(readFileSync(conf, 'utf8')).toMatch(/^log_level = info\n[^]*plugins = bundled,jwt-identity\n/);
    expect(install(...flags).stdout).toContain('is as it must be');
  });

  it('writes nothing when another user may write to the folder of the socket, and names the folder', () => {
    const conf = join(folder, 'never.conf');
    const open = join(folder, 'open');
    mkdirSync(open);
    chmodSync(open, 0o777);
    const { status, stderr } = install('--write', '--kong-conf', conf, '--socket', join(open, 'a.socket'), ...self);
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringContaining(`others may write to ${open} (mode 0777)`),
    });
    expect(existsSync(conf)).toBe(false);
  });

  describeWithKong('on a Kong that has the printed lines and its listeners as its kong.conf', () => {
    let kong: Kong;
    let service: Awaited<ReturnType<typeof startEchoService>>;
    beforeAll(async () => {
      service = await startEchoService();
      const sockets = join(folder, 'run');
      mkdirSync(sockets, { mode: 0o700 });
      const lines = install('--socket', join(sockets, 'jwt_identity.socket')).stdout;
      const plugin = `{ name: jwt-identity, config: { issuers: [{ issuer: 'https://a/', audiences: [x], secret: '${SECRET}' }] } }`;
      const declarativeConfig = `_format_version: '3.0'\nservices: [{ name: s, url: '${service.url}', routes: [{ name: r, paths: [/] }] }]\nplugins: [${plugin}]`;
      kong = await startKongItself({ declarativeConfig }, (settings) => launchKongWith(lines, settings));
    }, 120_000);
    afterAll(async () => {
      await kong.stop();
      await service.stop();
    });

    it('a request without a token is rejected by the plugin', async () => {
      const response = await fetch(kong.proxyUrl);
      expect(response.status).toBe(401);
      expect(await response.json()).toMatchObject({ code: 'token_missing' });
    });

    it('the handler of the package runs inside the worker, and Kong logs which file it loaded', () => {
      expect(kong.log()).toContain(
        join(folder, 'prefix/lib/node_modules/kong-plugin-jwt-identity/dist/lua/kong/plugins'),
      );
    });
  });
});
