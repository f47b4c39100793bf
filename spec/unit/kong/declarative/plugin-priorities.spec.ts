import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { bundledPlugins } from '../../../../src/gateway/plugins/bundled/bundled-plugins';
import { priorityOf } from '../../../../src/kong/declarative/plugin-priorities';

/** The folder of Kong's plugins, where Kong is installed. */
function pluginFolder(): string | undefined {
  try {
    const search = 'print(package.searchpath("kong.plugins.acl.handler", package.path) or "")';
    const found = execFileSync('resty', ['-e', search], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return found.trim() === '' ? undefined : dirname(dirname(found.trim()));
  } catch {
    return undefined;
  }
}

const folder = pluginFolder();
if (folder === undefined) process.stderr.write('SKIPPED: priorities of Kong’s plugins need Kong itself\n');

/** What the handler of a plugin says in its text. */
function writtenPriority(name: string): number {
  const text = readFileSync(join(folder ?? '', name, 'handler.lua'), 'utf8');
  return Number(/PRIORITY *= *(-?\d+)/.exec(text)?.[1] ?? /_handler"\)\((-?\d+)\)/.exec(text)?.[1]);
}

describe('the priorities of Kong’s plugins', () => {
  (folder === undefined ? it.skip : it)('are those of the installed Kong, for each of its plugins', () => {
    const names = readdirSync(folder ?? '');
    expect(names.length).toBeGreaterThan(40);
    expect(names.map((name) => [name, priorityOf(name)])).toEqual(names.map((name) => [name, writtenPriority(name)]));
  });

  it('are those of the development gateway', () => {
    for (const { name, priority } of bundledPlugins) expect([name, priorityOf(name)]).toEqual([name, priority]);
  });

  it.each(['acme-audit', 'toString', '__proto__', ''])('are unknown for the plugin %j', (name) => {
    expect(priorityOf(name)).toBeUndefined();
  });
});
