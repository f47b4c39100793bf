import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { unitFile } from '../../../../src/cli/install/unit-file';

const placement = {
  node: process.execPath,
  command: '/usr/lib/main.js',
  luaFolder: '/usr/lib/lua',
  socket: '/run/kong-jwt-identity/a.socket',
};
const unit = unitFile(placement, 'root');
const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0;
if (!hasSystemd) console.log('SKIPPED: systemd does not check the unit file; there is no systemd-analyze on PATH');
const itWithSystemd = hasSystemd ? it : it.skip;

function analyze(...args: readonly string[]): { readonly status: number | null; readonly output: string } {
  const folder = mkdtempSync(join(tmpdir(), 'unit-'));
  try {
    const file = join(folder, 'kong-jwt-identity.service');
    writeFileSync(file, unit);
    const { status, stdout, stderr } = spawnSync('systemd-analyze', [...args, file], { encoding: 'utf8' });
    return { status, output: stdout + stderr };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe('the unit file of the plugin server', () => {
  it('runs the command with the socket, as the user of Kong, and lets it write in no other folder', () => {
    expect(unit).toContain(
      `ExecStart=${process.execPath} /usr/lib/main.js serve --socket /run/kong-jwt-identity/a.socket --take-over\n`,
    );
    expect(unit).toContain('User=root\n');
    expect(unit).toContain('RuntimeDirectory=kong-jwt-identity\nRuntimeDirectoryMode=0700\n');
    expect(unit).toContain('ProtectSystem=strict\n');
    expect(unit).not.toContain('ReadWritePaths');
  });

  it('lets it write in the folder of a socket that is elsewhere', () => {
    const elsewhere = unitFile({ ...placement, socket: '/srv/kong/a.socket' }, 'kong');
    expect(elsewhere).toContain('ReadWritePaths=/srv/kong\n');
    expect(elsewhere).not.toContain('RuntimeDirectory');
  });

  it('does not start a server again that another one took over, and leaves that one the folder of the socket', () => {
    expect(unit).toContain('Restart=on-failure\n');
    expect(unit).toContain('RuntimeDirectoryPreserve=yes\n');
  });

  it('is started again however often it ended', () => {
    expect(unit).toContain('StartLimitIntervalSec=0\n\n[Service]');
  });

  itWithSystemd('is accepted by systemd without a warning', () => {
    expect(analyze('verify')).toEqual({ status: 0, output: '' });
  });

  itWithSystemd('gets a low exposure from systemd', () => {
    const { output } = analyze('security', '--offline=true');
    expect(Number(/exposure level for .*: ([\d.]+)/.exec(output)?.[1])).toBeLessThan(2.5);
  });
});
