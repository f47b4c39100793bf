import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { packages } from '../../package-lock.json';
import { bin, dependencies, exports as entries, name, version } from '../../package.json';

const ROOT = join(__dirname, '../..');

/** Needs the build. */
describe('the package', () => {
  let paths: readonly string[];
  beforeAll(() => {
    const output = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    // A list up to npm 11, a map by name after it.
    const [packed] = Object.values(JSON.parse(output) as Record<string, { files: { path: string }[] }>);
    paths = packed!.files.map(({ path }) => path);
  });

  const allowed = [
    /^(package\.json|README\.md|LICENSE|CHANGELOG\.md|SECURITY\.md)$/,
    /^dist\/package\.json$/,
    /^dist\/lua\/kong\/plugins\/jwt-identity\/handler\.lua$/,
    /^dist\/plugin\/jwt-identity\/[a-z-]+\.(js|d\.ts)$/,
    /^dist\/schema\/((fields|generate|presets|rules)\/)?[a-z0-9-]+\.(js|d\.ts)$/,
    /^dist\/src\/(bff|cli|core|diagnostics|documents|files|gatekeeper|gateway|guard|keys|kong|policies|revocation|server|protocol|telemetry)\/([a-z-]+\/){0,2}[a-z0-9-]+\.(js|d\.ts)$/,
  ];
  it('holds its code, type declarations and the documents that belong to a package, and nothing else', () => {
    expect(paths.filter((path) => !allowed.some((pattern) => pattern.test(path)))).toEqual([]);
    for (const pattern of allowed) expect(paths.some((path) => pattern.test(path))).toBe(true);
    expect(paths).toEqual(expect.arrayContaining(['README.md', 'LICENSE', 'CHANGELOG.md', 'SECURITY.md']));
  });

  it('holds nothing that only writes documents, and nothing whose source is gone', () => {
    expect(paths.filter((path) => /markdown|docs/.test(path))).toEqual([]);
    const sourceOf = (path: string): string =>
      join(ROOT, path.replace(/^dist\//, '').replace(/(\.d\.ts|\.js)$/, '.ts'));
    const code = paths.filter((path) => /^dist\/.*\.(js|ts)$/.test(path));
    expect(code.filter((path) => !existsSync(sourceOf(path)))).toEqual([]);
  });

  it('leads to no source map', () => {
    const scripts = paths.filter((path) => path.endsWith('.js'));
    expect(scripts.filter((path) => readFileSync(join(ROOT, path), 'utf8').includes('sourceMappingURL'))).toEqual([]);
  });

  it('holds every entry that package.json names', () => {
    const named = [...Object.values(bin), ...Object.values(entries).flatMap((entry) => Object.values(entry))];
    const files = named.filter((path) => path.length > 1).map((path) => path.replace('./', ''));
    expect(files.filter((path) => !paths.includes(path))).toEqual([]);
    expect(files.length).toBeGreaterThan(6);
  });
});

describe('the SBOM', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sbom-spec-'));
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });
  const written = (file: string): string => {
    execFileSync(process.execPath, ['deploy/write-sbom.mjs', join(folder, file)], { cwd: ROOT });
    return readFileSync(join(folder, file), 'utf8');
  };
  interface Sbom {
    readonly metadata: { readonly component: { readonly name: string; readonly version: string } };
    readonly components: readonly { readonly name: string; readonly version: string; readonly hashes: unknown }[];
    readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[];
  }

  it('lists exactly what is installed at run time, with the digests of the lock file, each time alike', () => {
    const text = written('a.json');
    expect(written('b.json')).toBe(text);
    const { metadata, components, dependencies: graph } = JSON.parse(text) as Sbom;
    expect(metadata.component).toMatchObject({ name, version });
    const all = packages as Readonly<
      Record<string, { version: string; integrity?: string; dependencies?: Record<string, string> }>
    >;
    // No run-time package is there twice: each is at the top of node_modules.
    const closure = new Set<string>();
    const add = (names: readonly string[]): void => {
      for (const one of names.filter((other) => !closure.has(other))) {
        closure.add(one);
        add(Object.keys(all[`node_modules/${one}`]!.dependencies ?? {}));
      }
    };
    add(Object.keys(dependencies));
    const expected = [...closure].toSorted().map((one) => {
      const { version: exact, integrity = '' } = all[`node_modules/${one}`]!;
      const content = Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex');
      return { name: one, version: exact, hashes: [{ alg: 'SHA-512', content }] };
    });
    const listed = components.map(({ name: one, version: exact, hashes }) => ({ name: one, version: exact, hashes }));
    expect(listed.toSorted((a, b) => (a.name < b.name ? -1 : 1))).toEqual(expected);
    const direct = graph.find(({ ref }) => ref === `${name}@${version}`)?.dependsOn ?? [];
    expect(direct.map((ref) => ref.replace(/@[^@]+$/, '')).toSorted()).toEqual(Object.keys(dependencies).toSorted());
  });
});
