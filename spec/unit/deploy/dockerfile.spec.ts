import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
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

  it('ends as a user who is not root', () => {
    expect([...lastStage.matchAll(/^USER (.+)$/gm)].map(([, user]) => user)).toEqual(['kong']);
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
