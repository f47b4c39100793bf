import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync, mkdirSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as main from '../../package.json';
import * as node from '../../packages/node/package.json';

const ROOT = resolve(__dirname, '../..');

describe('the package kong-jwt-identity-node', () => {
  let folder: string;
  let installed: string;
  let files: readonly string[];

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'node-package-'));
    const packArguments = ['pack', './packages/node', '--json', '--pack-destination', folder];
    const output = execFileSync('npm', packArguments, { cwd: ROOT, encoding: 'utf8' });
    const [packed] = Object.values(
      JSON.parse(output) as Record<string, { filename: string; files: { path: string }[] }>,
    );
    files = packed!.files.map(({ path }) => path);
    installed = join(folder, 'node_modules', node.name);
    mkdirSync(installed, { recursive: true });
    execFileSync('tar', ['-xzf', join(folder, packed!.filename), '-C', installed, '--strip-components=1']);
    // What npm would install beside it, and nothing else. `yaml` and `@redis/client` are optional.
    for (const name of Object.keys(node.dependencies)) {
      symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name));
    }
    writeFileSync(join(folder, 'package.json'), '{}');
  }, 120_000);
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  const run = (source: string, type: 'module' | 'commonjs'): string =>
    execFileSync(process.execPath, [`--input-type=${type}`, '--eval', source], { cwd: folder, encoding: 'utf8' });

  it('has the version of the plugin, and the ranges of its dependencies', () => {
    expect(node.version).toBe(main.version);
    expect(node.engines).toEqual(main.engines);
    const ranges: Readonly<Record<string, string>> = main.dependencies;
    for (const [name, range] of Object.entries({ ...node.dependencies, ...node.peerDependencies })) {
      expect([name, range]).toEqual([name, ranges[name]]);
    }
  });

  it('holds code, type declarations, README and LICENSE, and nothing of the plugin server, its gateway or its commands', () => {
    const allowed =
      /^(package\.json|README\.md|LICENSE|dist\/(schema|src\/(bff|core|documents|files|gatekeeper|guard|keys|kong|policies|revocation|telemetry)|src\/protocol\/line-budget).*\.(js|d\.ts))$/;
    expect(files.filter((path) => !allowed.test(path))).toEqual([]);
    expect(files).toEqual(expect.arrayContaining(['README.md', 'LICENSE']));
  });

  it('depends on the packages that its files load, and on no other', () => {
    const loaded = new Set<string>();
    for (const path of files.filter((file) => file.endsWith('.js'))) {
      const text = readFileSync(join(installed, path), 'utf8');
      for (const [, name] of text.matchAll(/\brequire\(["']([^"'./][^"']*)["']\)/g)) loaded.add(name!);
    }
    const packages = [...loaded].filter((name) => !name.startsWith('node:') && !builtinModules.includes(name));
    expect(packages.toSorted()).toEqual(Object.keys({ ...node.dependencies, ...node.peerDependencies }).toSorted());
  });

  const NEED_YAML = ['./bff/route-config', './bff/door'];
  it.each(Object.keys(node.exports).filter((name) => !NEED_YAML.includes(name)))(
    'exports %s to import and require, without yaml',
    (name) => {
      const specifier = name.replace('.', node.name);
      const options = name.endsWith('.json') ? `, { with: { type: 'json' } }` : '';
      expect(run(`await import('${specifier}'${options}); console.log('ok')`, 'module')).toBe('ok\n');
      expect(run(`require('${specifier}'); console.log('ok')`, 'commonjs')).toBe('ok\n');
    },
  );

  it('exports ./bff/route-config and ./bff/door where yaml is installed', () => {
    symlinkSync(join(ROOT, 'node_modules/yaml'), join(folder, 'node_modules/yaml'));
    const source = `const { routeConfig } = require('${node.name}/bff/route-config');
      console.log(routeConfig('routes: [{ name: r }]\\nplugins: [{ name: jwt-identity, config: { issuers: [{ issuer: "https://a/", audiences: [x], jwks_uri: "https://a/jwks" }] } }]', 'r').issuers.length)`;
    expect(run(source, 'commonjs')).toBe('1\n');
    expect(run(`console.log(typeof require('${node.name}/bff/door').createDoor)`, 'commonjs')).toBe('function\n');
    rmSync(join(folder, 'node_modules/yaml'));
  });

  it.each([
    ['an ES module', 'consumer.mts'],
    ['a CommonJS module', 'consumer.cts'],
  ])(
    'has types for %s in strict TypeScript',
    (_kind, file) => {
      const entries = Object.keys(node.exports).filter((name) => !name.endsWith('.json'));
      const source = entries.map((name, i) => `import * as m${i} from '${name.replace('.', node.name)}';`).join('\n');
      const wrong = `import { createGuard } from '${node.name}/guard';\n// @ts-expect-error -- a guard needs proofs\ncreateGuard({});`;
      writeFileSync(join(folder, file), `${source}\n${wrong}\nvoid [${entries.map((_, i) => `m${i}`).join(', ')}];\n`);
      const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
      const types = ['--types', 'node', '--typeRoots', join(ROOT, 'node_modules/@types')];
      const flags = ['--noEmit', '--strict', '--module', 'node20', '--target', 'es2023', '--skipLibCheck', 'false'];
      const compile = (): string =>
        execFileSync(process.execPath, [tsc, ...flags, ...types, file], { cwd: folder, encoding: 'utf8' });
      expect(existsSync(join(folder, file))).toBe(true);
      expect(compile()).toBe('');
    },
    120_000,
  );
});
