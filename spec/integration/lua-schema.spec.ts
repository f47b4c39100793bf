import { execFileSync, spawnSync, type ExecFileSyncOptionsWithStringEncoding } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { CONFIG_RECORD } from '../../schema/parse-config';
import { luaSchema } from '../../schema/generate/lua';
import { validate } from '../../src/kong/schema-language/validation';
import { randomConfig } from '../support/random-config';
import { COMMAND } from '../support/server-process';

const SCRIPT = join(__dirname, '../fixtures/kong-schema-verdicts.lua');
const CONFIGS = 1_000;

/** What Kong says of a configuration with one schema. */
interface Verdict {
  readonly accepted: boolean;
  readonly problems: unknown;
  /** The configuration with its defaults, `null` when it is refused. */
  readonly config: unknown;
}

const hasKong = spawnSync('resty', ['-e', 'require "kong.db.schema.metaschema"'], { stdio: 'ignore' }).status === 0;
if (!hasKong) console.log('SKIPPED: the schema.lua is compared by Kong itself; there is no `resty` with Kong on PATH');
const describeWithKong = hasKong ? describe : describe.skip;

/** Needs the build. */
describe('kong-jwt-identity schema --lua', () => {
  const print = (): string => execFileSync(process.execPath, [COMMAND, 'schema', '--lua'], { encoding: 'utf8' });

  it('prints one Lua file that requires no other module', () => {
    expect(print()).toBe(luaSchema());
    expect(luaSchema()).not.toMatch(/\brequire\b *[("'[]/);
    expect(luaSchema()).toMatch(/^[\x20-\x7e\n]+$/);
  });

  it('names --lua when it is called without it', () => {
    const { status, stderr } = spawnSync(process.execPath, [COMMAND, 'schema'], { encoding: 'utf8' });
    expect(status).toBe(2);
    expect(stderr).toContain("required option '--lua' not specified");
  });
});

describeWithKong("Kong's own schema code, given schema.lua and the dump of the plugin server", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'lua-schema-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  /** A configuration as Kong has it after it read the JSON that an Admin API takes: its lists and maps, no prototypes. */
  const asJson = (config: unknown): unknown => JSON.parse(JSON.stringify(config));

  function verdicts(configs: readonly unknown[]): Record<'lua' | 'dump', Verdict>[] {
    const file = (name: string, text: string): string => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const dump = execFileSync(process.execPath, [COMMAND, 'dump'], { encoding: 'utf8' });
    const files = [file('schema.lua', luaSchema()), file('dump.json', dump), file('in.json', JSON.stringify(configs))];
    const options: ExecFileSyncOptionsWithStringEncoding = {
      encoding: 'utf8',
      maxBuffer: 256 * 1024 * 1024,
      stdio: ['ignore', 'pipe', 'ignore'],
    };
    return JSON.parse(execFileSync('resty', [SCRIPT, ...files], options)) as Record<'lua' | 'dump', Verdict>[];
  }

  it(`gives ${CONFIGS} random configurations the same verdict, problems and defaults, and so does the parser`, () => {
    const configs = fc.sample(randomConfig, { numRuns: CONFIGS, seed: 20_261_125 }).map(asJson);
    const answers = verdicts(configs);
    expect(answers).toHaveLength(CONFIGS);
    const different = configs.flatMap((config, i) => {
      const { lua, dump } = answers[i]!;
      const ours = validate(CONFIG_RECORD, config, 'config', 'user').violations;
      const isSame = JSON.stringify(lua) === JSON.stringify(dump) && lua.accepted === (ours.length === 0);
      return isSame ? [] : [{ config, lua, dump, ours }];
    });
    expect(different.slice(0, 3)).toEqual([]);
    const accepted = answers.filter(({ lua }) => lua.accepted).length;
    expect(accepted).toBeGreaterThan(100);
    expect(CONFIGS - accepted).toBeGreaterThan(100);
  });

  it('fills in the defaults that the parser fills in', () => {
    const config = { issuers: [{ issuer: 'https://a/', audiences: ['x'], jwks_uri: 'https://a/jwks' }] };
    const [answer] = verdicts([config]);
    const ours = validate(CONFIG_RECORD, config, 'config', 'user').value;
    expect(withoutEmpty(answer!.lua.config)).toEqual(withoutEmpty(ours));
  });
});

/** Lua has no null members and one kind of empty table. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (typeof value !== 'object' || value === null) return value;
  const isEmpty = (member: unknown): boolean =>
    member === null || (typeof member === 'object' && Object.keys(member).length === 0);
  const members = Object.entries(value).filter(([, member]) => !isEmpty(member));
  return Object.fromEntries(members.map(([name, member]) => [name, withoutEmpty(member)]));
}
