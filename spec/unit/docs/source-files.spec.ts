import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const ROOT = join(__dirname, '../../..');
const MOST_LINES = 250;
const FEWEST_LINES = 20;

/** Why a source file may be shorter: by its kind, or for itself. */
const SHORT: readonly (readonly [files: RegExp, reason: string])[] = [
  [/^schema\/presets\//, 'the data of one provider'],
  [/(-error|-failure)\.ts$/, 'a kind of exception, which several rooms throw or catch'],
  [/\/(entry|write-configuration-docs)\.ts$/, 'an entry point, which only calls'],
  [/^src\/cli\/schema\.ts$/, 'a command of one line'],
  [
    /\/(violation|list-source|signing-key|request-view|revocation|server-settings|doctor\/finding)\.ts$/,
    'a contract: types that more than one file implements or reads',
  ],
  [
    /\/(product|server-start|hangup|output-release|back-off|header-name|byte-string|listen-address|request-line|plugin-option|repeatable-option)\.ts$/,
    'one function or constant that is no part of the files that use it',
  ],
  [/^src\/bff\/door\/other-plugins\.ts$/, 'one rule, with the attack that it prevents'],
];

const sources = ['plugin', 'schema', 'src', 'packages/node']
  .flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' }).map((name) => `${folder}/${name}`),
  )
  .filter((name) => name.endsWith('.ts') && !/\/(dist|node_modules)\/|\.d\.ts$/.test(name))
  .map((name): [name: string, lines: number] => [name, readFileSync(join(ROOT, name), 'utf8').split('\n').length - 1]);

describe('a source file', () => {
  it(`has at most ${MOST_LINES} lines`, () => {
    expect(sources.length).toBeGreaterThan(200);
    expect(sources.filter(([, lines]) => lines > MOST_LINES)).toEqual([]);
  });

  it(`has at least ${FEWEST_LINES} lines, or a reason for less`, () => {
    const short = sources.filter(([, lines]) => lines < FEWEST_LINES).map(([name]) => name);
    expect(short.filter((name) => !SHORT.some(([files]) => files.test(name)))).toEqual([]);
    for (const [files, reason] of SHORT)
      expect([reason, short.some((name) => files.test(name))]).toEqual([reason, true]);
  });
});
