// @ts-check
import { declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin';

/**
 * Rooms, each with the folders of spec/unit that must find its mutants. A room is measured by its own specs and by the
 * table that runs through every door: a mutant that only a distant spec finds is as good as not found.
 */
const ROOMS = {
  plugin: { source: 'plugin', specs: ['plugin', 'bff'] },
  core: { source: 'src/core', specs: ['core', 'bff'] },
  gatekeeper: { source: 'src/gatekeeper', specs: ['gatekeeper', 'bff'] },
  guard: { source: 'src/guard', specs: ['guard'] },
  bff: { source: 'src/bff', specs: ['bff'] },
  keys: { source: 'src/keys', specs: ['keys'] },
  documents: { source: 'src/documents', specs: ['documents'] },
  protocol: { source: 'src/protocol', specs: ['protocol'] },
  pluginserver: { source: 'src/server/pluginserver', specs: ['server/pluginserver'] },
};

const room = process.env['ROOM'] ?? 'core';
if (!Object.hasOwn(ROOMS, room)) throw new Error(`ROOM must be one of ${Object.keys(ROOMS).join(', ')}`);
const { source, specs } = ROOMS[/** @type {keyof typeof ROOMS} */ (room)];
const reports = `.stryker/${room}`;

/**
 * Mutation tests (docs/MUTATION.md): `npm run mutation` for all rooms, `ROOM=guard npx stryker run` for one. Add
 * `--mutate FILE` for one file.
 *
 * @type {import('@stryker-mutator/api/core').PartialStrykerOptions}
 */
export default {
  mutate: [`${source}/**/*.ts`],
  ignorers: ['texts-for-people'],
  // This file is a plugin of Stryker, too.
  plugins: ['@stryker-mutator/jest-runner', './stryker.config.mjs'],
  testRunner: 'jest',
  // Integration specs run dist/, which holds no mutants.
  // Which specs reach a mutant, the first run finds out; Jest's own guess leaves most of them out.
  jest: {
    config: { roots: specs.map((folder) => `<rootDir>/spec/unit/${folder}`), coverageThreshold: undefined },
    enableFindRelatedTests: false,
  },
  coverageAnalysis: 'perTest',
  concurrency: 1,
  incremental: true,
  incrementalFile: `${reports}/incremental.json`,
  tempDirName: `${reports}/sandbox`,
  ignorePatterns: ['/dist', '/coverage', '/bench', '/deploy', '/.stryker', '/examples/nextjs-bff'],
  reporters: ['clear-text', 'progress-append-only', 'html', 'json'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  htmlReporter: { fileName: `${reports}/report.html` },
  jsonReporter: { fileName: `${reports}/report.json` },
  timeoutMS: 10_000,
};

export const strykerPlugins = [
  declareValuePlugin(PluginKind.Ignore, 'texts-for-people', { shouldIgnore: textForPeople }),
];

/** Calls and constructors whose texts are read by people: in a log, in `explain`, in the message of an exception. */
const SAYERS = new Set(['observe', 'log', 'Error', 'TypeError', 'RangeError', 'URIError', 'ConfigError', 'malformed']);

/**
 * Says why a text is not mutated, or nothing. The code of a refusal is mutated; its reason, which the log shows, is not.
 *
 * @param {import('@stryker-mutator/api/ignore').NodePath} path
 */
function textForPeople(path) {
  if (!path.isStringLiteral() && !path.isTemplateLiteral()) return undefined;
  const { parent } = path;
  if (!['CallExpression', 'OptionalCallExpression', 'NewExpression'].includes(parent.type)) return undefined;
  const name = parent.callee.name ?? parent.callee.property?.name;
  const isReason = name === 'Refusal' && parent.arguments[0] !== path.node;
  return isReason || SAYERS.has(name) ? 'a text for people' : undefined;
}
