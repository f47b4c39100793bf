import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describePlugin, loadPlugin, PluginModuleError } from '../../../../src/server/pluginserver/plugin-module';

const GOOD = {
  Plugin: 'class { constructor(config) { this.config = config; } access() {} log() {} helper() {} }',
  Name: "'my-plugin'",
  Version: "'1.0'",
  Priority: '985',
  Schema: '[{ tag: { type: "string" } }]',
};

describe('the module of a plugin', () => {
  let folder: string;
  let written = 0;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'plugin-module-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  /** Writes a module and returns its path. */
  const module = (changes: Readonly<Record<string, string | undefined>> = {}, text = ''): string => {
    const path = join(folder, `${(written += 1)}.js`);
    const members = Object.entries<string | undefined>({ ...GOOD, ...changes }).filter(
      ([, value]) => value !== undefined,
    );
    writeFileSync(path, `${text}\nmodule.exports = {${members.map((pair) => pair.join(': ')).join(',\n')}};`);
    return path;
  };

  it('is described to Kong with the phases that it has, and nothing that it has not', () => {
    const plugin = loadPlugin(module());
    expect(describePlugin(plugin)).toEqual({
      Protocol: 'ProtoBuf:1',
      Plugins: [
        {
          Name: 'my-plugin',
          Version: '1.0',
          Priority: 985,
          Phases: ['log', 'access'],
          Schema: {
            name: 'my-plugin',
            fields: [{ config: { type: 'record', fields: [{ tag: { type: 'string' } }] } }],
          },
        },
      ],
    });
    expect(plugin.instantiate({ tag: 'a' })).toMatchObject({ config: { tag: 'a' } });
  });

  it('may have checks across its fields', () => {
    const checks = [{ at_least_one_of: ['tag'] }];
    const plugin = loadPlugin(module({ EntityChecks: JSON.stringify(checks) }));
    expect(describePlugin(plugin)).toMatchObject({
      Plugins: [{ Schema: { fields: [{ config: { entity_checks: checks } }] } }],
    });
  });

  it.each([
    ['no class', { Plugin: undefined }, 'exports no class "Plugin"'],
    ['a class without a phase', { Plugin: 'class { helper() {} }' }, '"Plugin" has no method for any of the phases'],
    ['no name', { Name: undefined }, 'exports no "Name"'],
    ['a name in upper case', { Name: "'My-Plugin'" }, 'exports no "Name" in lower case'],
    ['a name with a blank after it', { Name: "'my-plugin '" }, 'exports no "Name" in lower case'],
    ['a version that is a number', { Version: '1' }, 'exports no text "Version"'],
    ['a priority that is a text', { Priority: "'985'" }, 'exports no integer "Priority"'],
    ['a priority that is a fraction', { Priority: '0.5' }, 'exports no integer "Priority"'],
    ['a schema that is an object', { Schema: '{}' }, 'exports no list "Schema"'],
    ['checks that are an object', { EntityChecks: '{}' }, 'exports "EntityChecks" that are no list'],
  ])('is refused with %s, and the message says which', (_, changes, message) => {
    const path = module(changes);
    expect(() => loadPlugin(path)).toThrow(PluginModuleError);
    expect(() => loadPlugin(path)).toThrow(`${path}: ${message}`);
  });

  it('is refused when it is not there, or cannot be loaded', () => {
    const missing = join(folder, 'missing');
    expect(() => loadPlugin(missing)).toThrow(`${missing}: there is no module here`);
    const broken = module({}, "throw new Error('first line\\nsecond line');");
    expect(() => loadPlugin(broken)).toThrow(`${broken}: cannot be loaded: first line`);
    expect(() => loadPlugin(broken)).not.toThrow('second line');
  });
});
