import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const ROOT = join(__dirname, '../..');

/** Runs a module as somebody who installed the package would write it; needs the build. */
function run(source: string, type: 'module' | 'commonjs'): string {
  return execFileSync(process.execPath, [`--input-type=${type}`, '--eval', source], { cwd: ROOT, encoding: 'utf8' });
}

describe('kong-plugin-jwt-identity/bff', () => {
  it('can be imported by name and reads a kong.yml', () => {
    const source = `import { readFileSync } from 'node:fs';
      import { createGatekeeper, routeConfig } from 'kong-plugin-jwt-identity/bff';
      const gatekeeper = createGatekeeper(routeConfig(readFileSync('kong.yml', 'utf8'), 'orders'));
      console.log((await gatekeeper.decide(new Request('http://bff.test/'))).code);`;
    expect(run(source, 'module')).toBe('token_missing\n');
  });
});

describe('kong-plugin-jwt-identity/guard', () => {
  it('can be imported and required by name', () => {
    const names = '{ createGuard, gatewayAddresses, requireRole }';
    const use = `createGuard({ proofs: [gatewayAddresses(['10.0.0.1'])] }).middleware(requireRole('a')); console.log('ok')`;
    expect(run(`import ${names} from 'kong-plugin-jwt-identity/guard'; ${use}`, 'module')).toBe('ok\n');
    expect(run(`const ${names} = require('kong-plugin-jwt-identity/guard'); ${use}`, 'commonjs')).toBe('ok\n');
  });

  it('loads nothing of the plugin, its servers or its key sources', () => {
    const loaded = run(
      `require('kong-plugin-jwt-identity/guard'); console.log(JSON.stringify(Object.keys(require.cache)))`,
      'commonjs',
    );
    const modules = (JSON.parse(loaded) as string[]).map((path) => path.replace(`${ROOT}/`, ''));
    const packages = modules.filter((path) => path.startsWith('node_modules/'));
    expect(packages).toEqual(['node_modules/ipaddr.js/lib/ipaddr.js']);
    const rooms = modules
      .filter((path) => path.startsWith('dist/'))
      .map((path) => path.split('/').slice(0, 3).join('/'));
    expect(new Set(rooms)).toEqual(new Set(['dist/src/guard', 'dist/src/core', 'dist/src/telemetry']));
  });
});
