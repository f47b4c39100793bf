import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

const PONGO = resolve(__dirname, '../../../pongo');

describe('pongo', () => {
  let path: string;
  beforeEach(() => {
    // A PATH with nothing on it but what the script itself needs.
    path = mkdtempSync(join(tmpdir(), 'pongo-'));
    for (const tool of ['env', 'bash', 'dirname', 'cat']) symlinkSync(`/usr/bin/${tool}`, join(path, tool));
  });
  afterEach(() => {
    rmSync(path, { recursive: true });
  });

  const pongo = (
    args: string[],
    env: Record<string, string> = {},
  ): { status: number | null; stdout: string; stderr: string } =>
    spawnSync(PONGO, args, { encoding: 'utf8', env: { PATH: path, ...env } });
  const addTool = (name: string, script: string): void => {
    writeFileSync(join(path, name), `#!/usr/bin/env bash\n${script}\n`);
    chmodSync(join(path, name), 0o755);
  };

  it('says what it can do', () => {
    const { status, stdout } = pongo(['--help']);
    expect(status).toBe(0);
    for (const command of ['up', 'probe', 'run', 'shell', 'logs', 'down', 'build']) {
      expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    }
  });

  it('fails on a command that it does not have', () => {
    expect(pongo(['fly'])).toMatchObject({ status: 2, stdout: '', stderr: expect.stringContaining('Usage:') });
  });

  it('says that there is no engine', () => {
    expect(pongo(['up'])).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^pongo: there is no docker or podman on PATH: install /),
    });
  });

  it('says which engine is missing when one was asked for', () => {
    addTool('docker', 'exit 0');
    expect(pongo(['build'], { CONTAINER_ENGINE: 'podman' }).stderr).toMatch(/^pongo: there is no podman on PATH/);
  });

  it('says what an engine that does not answer says', () => {
    addTool('docker', 'echo "permission denied" >&2; exit 1');
    const { status, stderr } = pongo(['up']);
    expect(status).toBe(1);
    expect(stderr).toMatch(
      /^pongo: docker is installed, but no engine answers.*\npermission denied|pongo: permission denied/m,
    );
  });

  it.each([
    ['podman', 'podman-compose', 'podman-compose -p jwt-identity logs'],
    ['podman', undefined, 'podman compose -p jwt-identity logs'],
    ['docker', 'docker-compose', 'docker compose -p jwt-identity logs'],
  ])('with %s takes the Compose that needs least, beside %s', (engine, other, command) => {
    const report = '[[ $* == *version || $* == info ]] || echo "${0##*/} $*"';
    addTool(engine, report);
    if (other !== undefined) addTool(other, report);
    expect(pongo(['logs']).stdout).toBe(`${command}\n`);
  });

  it.each([
    ['3.9.3', '3.9.3'],
    ['3.9.3@sha256:0123abcd', '3.9.3-sha256-0123abcd'],
  ])('builds on Kong %s an image with the tag %s', (version, tag) => {
    addTool('docker', '[[ $1 == info ]] || echo "$*"');
    expect(pongo(['build'], { KONG_VERSION: version }).stdout).toBe(
      `build --build-arg KONG_VERSION=${version} --tag kong-plugin-jwt-identity:${tag} .\n`,
    );
  });

  it('says what is missing when there is an engine without Compose', () => {
    addTool('docker', '[[ $1 == info ]]');
    expect(pongo(['up'])).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/^pongo: docker has no Compose: install /),
    });
  });
});
