// @ts-check
import { declareValuePlugin, PluginKind } from '@stryker-mutator/api/plugin';

/** Folders of spec/unit whose specs reach the mutated code. */
const ROOMS = ['core', 'gatekeeper', 'plugin', 'keys', 'documents', 'protocol', 'server/pluginserver', 'guard', 'bff'];

/**
 * Mutation tests (docs/MUTATION.md): `npm run mutation` for all rooms, `npm run mutation -- --mutate 'src/guard/**'` for
 * one.
 *
 * @type {import('@stryker-mutator/api/core').PartialStrykerOptions}
 */
export default {
  mutate: [
    'plugin/**/*.ts',
    'src/{core,keys,documents,gatekeeper,protocol,guard,bff}/**/*.ts',
    'src/server/pluginserver/**/*.ts',
  ],
  ignorers: ['texts-for-people'],
  // This file is a plugin of Stryker, too.
  plugins: ['@stryker-mutator/jest-runner', './stryker.config.mjs'],
  testRunner: 'jest',
  // Integration specs run dist/, which holds no mutants.
  // Which specs reach a mutant, the first run finds out; Jest's own guess leaves most of them out.
  jest: {
    config: { roots: ROOMS.map((room) => `<rootDir>/spec/unit/${room}`), coverageThreshold: undefined },
    enableFindRelatedTests: false,
  },
  coverageAnalysis: 'perTest',
  concurrency: 1,
  incremental: true,
  incrementalFile: '.stryker/incremental.json',
  tempDirName: '.stryker/sandbox',
  ignorePatterns: ['/dist', '/coverage', '/bench', '/deploy', '/.stryker', '/examples/nextjs-bff'],
  reporters: ['clear-text', 'progress-append-only', 'html', 'json'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  htmlReporter: { fileName: '.stryker/report.html' },
  jsonReporter: { fileName: '.stryker/report.json' },
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
