import { describe, expect, it } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { version } from '../../../package.json';

const ROOT = resolve(__dirname, '../../..');
const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
const lastStage = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));

describe('the Dockerfile', () => {
  it('is labelled with the version of the package', () => {
    expect(lastStage).toContain(`org.opencontainers.image.version="${version}"`);
  });

  it('is labelled with the revision that it is told', () => {
    expect(lastStage).toMatch(/^ARG REVISION=unknown$[^]*org\.opencontainers\.image\.revision="\$\{REVISION\}"/m);
  });

  it('installs without scripts, from the lock file, and brings its SBOM and licence along', () => {
    const installs = [...dockerfile.matchAll(/\bnpm (?:ci|i|install)\b.*/g)].map(String);
    expect(installs.filter((command) => !/^npm ci .*--ignore-scripts/.test(command))).toEqual([]);
    expect(installs).toHaveLength(2);
    expect(dockerfile).toMatch(/^COPY --from=build \/build\/sbom\.cdx\.json \.\/$/m);
    expect(dockerfile).toMatch(/^COPY LICENSE \.\/$/m);
  });

  it.each(['Dockerfile', 'deploy/compose/demo.Dockerfile'])(
    'takes base images in %s by registry and tag, so that Podman finds them and a digest may follow',
    (path) => {
      const bases = [...readFileSync(join(ROOT, path), 'utf8').matchAll(/^FROM (\S+)/gm)].map(([, base]) => base);
      expect(bases.length).toBeGreaterThan(1);
      for (const base of bases) expect(base).toMatch(/^docker\.io\/library\/(kong:\$\{KONG|node:\$\{NODE)_VERSION\}$/);
    },
  );

  it('ends as a user with a number, so that Kubernetes can check runAsNonRoot', () => {
    expect([...lastStage.matchAll(/^USER (.+)$/gm)].map(([, user]) => user).at(-1)).toBe('1000');
  });

  describe('gives kong the number 1000', () => {
    const [, script = ''] = /^USER root\nRUN ([^]*?)\nUSER 1000$/m.exec(lastStage) ?? [];

    /** Runs the step with users as a base image has them. Returns what it changed. */
    function changes(users: Readonly<Record<string, number>>): { status: number | null; called: string[] } {
      const folder = mkdtempSync(join(tmpdir(), 'dockerfile-'));
      const log = join(folder, 'log');
      writeFileSync(log, '');
      const passwd = Object.entries(users).map(([name, uid]) => `${name}:${uid}`);
      writeFileSync(join(folder, 'passwd'), `${passwd.join('\n')}\n`);
      const tools = {
        id: `case $1 in
          -u) sed -n "s/^$2://p" '${folder}/passwd' ;;
          -un) grep ":$2$" '${folder}/passwd' | cut -d : -f 1 | grep . ;;
        esac`,
        ...Object.fromEntries(['userdel', 'usermod', 'chown'].map((name) => [name, `echo "${name} $*" >> '${log}'`])),
      };
      for (const [name, text] of Object.entries(tools)) {
        writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
      }
      const { status } = spawnSync('sh', ['-c', script], { env: { PATH: `${folder}:/usr/bin:/bin` } });
      const called = readFileSync(log, 'utf8').split('\n').filter(Boolean);
      rmSync(folder, { recursive: true });
      return { status, called };
    }
    const renumbered = ['usermod --uid 1000 kong', 'chown -R kong:0 /usr/local/kong /usr/local/bin/kong'];

    it.each<[string, Record<string, number>, string[]]>([
      ['where it has it already', { kong: 1000 }, []],
      ['where nobody has it', { kong: 999 }, renumbered],
      [
        'where another user has it, as on Ubuntu 24.04',
        { ubuntu: 1000, kong: 1001 },
        ['userdel ubuntu', ...renumbered],
      ],
    ])('%s', (_, users, expected) => {
      expect(changes(users)).toEqual({ status: 0, called: expected });
    });
  });

  it('takes nothing into the image but the package made for it', () => {
    expect([...lastStage.matchAll(/^(?:COPY|ADD) .+$/gm)].map(String)).toEqual(['COPY --from=package /package/ /']);
  });

  it('tells Kong about one socket, and the plugin server about the same', () => {
    const [, socket] = /SOCKET=(\S+)/.exec(lastStage) ?? [];
    expect(lastStage).toContain(`serve --socket ${socket ?? ''} --take-over"`);
  });

  it('lets Kong load the handler inside its worker', () => {
    expect(lastStage).toContain('KONG_LUA_PACKAGE_PATH="/opt/kong-plugin-jwt-identity/dist/lua/?.lua;;"');
  });

  it('checks the health of the plugin server, not only of Kong', () => {
    expect(lastStage).toMatch(/^HEALTHCHECK [^]*CMD kong health && kong-jwt-identity health /m);
  });
});

describe('.dockerignore', () => {
  it('keeps out everything that is not named', () => {
    const lines = readFileSync(join(ROOT, '.dockerignore'), 'utf8').trim().split('\n');
    const [first, ...rest] = lines.filter((line) => !line.startsWith('#'));
    expect(first).toBe('*');
    expect(rest.filter((line) => !line.startsWith('!'))).toEqual([]);
  });
});
