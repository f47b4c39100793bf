import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

const ROOT = resolve(__dirname, '../../..');
// eslint-disable-next-line @typescript-eslint/no-require-imports -- the rules are CommonJS, as dependency-cruiser wants them
const { rooms } = require('../../../import-rules') as { readonly rooms: Readonly<Record<string, unknown>> };

/** What is wrong with the imports below a folder: `rule: from → to`. */
function brokenRules(folder: string, ...below: readonly string[]): Promise<readonly string[]> {
  const depcruise = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs');
  const flags = ['--config', join(ROOT, '.dependency-cruiser.js'), '--output-type', 'json', ...below];
  return new Promise((done, fail) => {
    execFile(process.execPath, [depcruise, ...flags], { cwd: folder, maxBuffer: 2 ** 28 }, (_, stdout, stderr) => {
      if (stderr !== '') fail(new Error(stderr));
      const { summary } = JSON.parse(stdout) as Report;
      done(summary.violations.map(({ rule, from, to }) => `${rule.name}: ${from} → ${to}`));
    });
  });
}
interface Report {
  readonly summary: {
    readonly violations: readonly {
      readonly rule: { readonly name: string };
      readonly from: string;
      readonly to: string;
    }[];
  };
}

/** Sources that break each rule once, and some that keep them. */
const BROKEN: Readonly<Record<string, string>> = {
  'src/core/policy.ts': "import './../keys/key';\nimport { request } from 'undici';",
  'src/core/request/upward.ts': "import '../verification/fine';",
  'src/core/new.ts': "import '../telemetry/log';",
  'src/server/endpoints/sideways.ts': "import '../processes/fine';",
  'src/telemetry/types.ts': "import type { Fine } from '../documents/fine';",
  'src/telemetry/one.ts': "import type { Two } from './two';\nexport type One = Two;",
  'src/telemetry/two.ts': "import type { One } from './one';\nexport type Two = One;",
  'src/common/homeless.ts': "import '../telemetry/log';",
  'src/core/verification/fine.ts': "import 'node:fs';\nimport 'jose';\nimport '../../telemetry/log';",
  ...Object.fromEntries(
    ['src/keys/key', 'src/server/processes/fine', 'src/documents/fine', 'src/telemetry/log'].map((name) => [
      `${name}.ts`,
      'export interface Fine { readonly a: string }\n',
    ]),
  ),
  'node_modules/undici/index.js': '',
  'node_modules/jose/index.js': '',
  'tsconfig.json': '{"compilerOptions":{"module":"node20"}}',
};

describe('the import rules', () => {
  it('are kept by the sources', async () => {
    expect(await brokenRules(ROOT, 'src', 'plugin', 'schema', 'examples/demo')).toEqual([]);
  }, 120_000);

  describe('in sources that break them', () => {
    let folder: string;
    let broken: readonly string[];
    beforeAll(async () => {
      folder = mkdtempSync(join(tmpdir(), 'rooms-'));
      for (const [path, text] of Object.entries(BROKEN)) {
        mkdirSync(dirname(join(folder, path)), { recursive: true });
        writeFileSync(join(folder, path), text);
      }
      broken = await brokenRules(folder, 'src');
    }, 120_000);
    afterAll(() => {
      rmSync(folder, { recursive: true });
    });

    it.each([
      ['the wrong room, however its path is written', 'src/core', 'src/core/policy.ts → src/keys/key.ts'],
      ['a package of others', 'src/core', 'src/core/policy.ts → node_modules/undici/index.js'],
      ['the wrong room inside core', 'src/core/request', 'src/core/request/upward.ts → src/core/verification/fine.ts'],
      [
        'the wrong room inside the server',
        'src/server/endpoints',
        'src/server/endpoints/sideways.ts → src/server/processes/fine.ts',
      ],
      ['types alone of the wrong room', 'src/telemetry', 'src/telemetry/types.ts → src/documents/fine.ts'],
    ])('refuse an import of %s', (_, room, edge) => {
      const found = broken.filter((line) => line.endsWith(`: ${edge}`));
      expect(found.join()).toContain(`${room} may import only `);
    });

    it('refuse a circle, also through types alone', () => {
      expect(broken).toContain('no circles: src/telemetry/one.ts → src/telemetry/two.ts');
    });

    it('refuse a file that is in no room, or has no place in the order of core', () => {
      expect(broken).toContain('every file has a room: src/common/homeless.ts → src/telemetry/log.ts');
      const placeless = 'every file of src/core has its place in the order: src/core/new.ts → src/telemetry/log.ts';
      expect(broken).toContain(placeless);
    });

    it('let a room import what is below it, its packages and Node’s modules', () => {
      expect(broken.filter((line) => line.includes('src/core/verification/fine.ts →'))).toEqual([]);
    });
  });
});

describe('docs/ARCHITECTURE.md', () => {
  const text = readFileSync(join(ROOT, 'docs/ARCHITECTURE.md'), 'utf8');

  it('lists each folder that has import rules, in their order', () => {
    const rows = [...text.matchAll(/^\| `([^`]+)` +\| [^|]+ \|$/gm)].map(([, folder]) => folder);
    expect(rows).toEqual(Object.keys(rooms));
  });

  it('gives each decision a choice and the fact that forces it', () => {
    const decisions = text.slice(text.indexOf('## Decisions')).split('\n- ').slice(1);
    expect(decisions.length).toBeGreaterThan(30);
    for (const decision of decisions) expect(decision).toMatch(/^_[^]+?\._ [\w`][^]+\./);
  });
});
