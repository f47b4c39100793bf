import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { CONFIG_RECORD, PLUGIN_NAME } from '../../../schema/parse-config';
import { bundledPlugins } from '../../../src/gateway/plugins/bundled/bundled-plugins';
import { warnAboutRoutes } from '../../../src/gateway/route-warnings';
import { readDeclaration } from '../../../src/kong/declarative/declaration';
import { readYaml } from '../../../src/kong/declarative/yaml';

const ROOT = join(__dirname, '../../..');
const ours = {
  name: PLUGIN_NAME,
  priority: 985,
  schema: { type: 'record', fields: [{ config: CONFIG_RECORD }] },
} as const;

/** Returns what is said of a file when it is loaded; every route without the plugin, or with allow_missing, is open. */
function warnings(text: string): string[] {
  const said: string[] = [];
  const declaration = readDeclaration(readYaml(text), {
    environment: {},
    findPlugin: (name) => [ours, ...bundledPlugins].find((kind) => kind.name === name),
    nowSeconds: 0,
  });
  warnAboutRoutes(
    declaration,
    ({ name, config }) => name === PLUGIN_NAME && config['allow_missing'] !== true,
    (_, message, fields) => said.push(`${message} ${JSON.stringify(fields)}`),
  );
  return said;
}

describe('no open route comes before a guarded one', () => {
  it.each(['kong.yml', 'deploy/compose/kong.yml', 'examples/nextjs-bff/kong.yml'])('in %s', (file) => {
    expect(warnings(readFileSync(join(ROOT, file), 'utf8'))).toEqual([]);
  });

  it('in a file in which one does, which is noticed', () => {
    const text = readFileSync(join(ROOT, 'kong.yml'), 'utf8');
    expect(warnings(text.replace('paths: [/catalog]', 'hosts: [shop.test]'))).toHaveLength(3);
  });
});
