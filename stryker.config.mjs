// @ts-check
import { posix } from 'node:path';
import { declareFactoryPlugin, declareValuePlugin, PluginKind, tokens } from '@stryker-mutator/api/plugin';
import { SpecRunner } from './spec/mutation/runner.mjs';

/**
 * Rooms: the sources, and the specs that must find their mutants. A room is measured by its own specs, and where a request
 * is decided by the table that runs through every door: a mutant that only a distant spec finds is as good as not found.
 */
const ROOMS = {
  plugin: ['plugin/jwt-identity/*', 'plugin/*'],
  core: ['src/core/*', 'core/*', 'core/authorization/*', 'core/identity/*', 'core/verification/revocation', 'bff/*'],
  'core/request': ['src/core/request/*', 'core/request/*'],
  'core/verification': ['src/core/verification/*', 'core/verification/*', 'core/rfc-vectors*', 'gatekeeper/issuer-*'],
  'core/authorization': ['src/core/authorization/*', 'core/authorization/*'],
  'core/identity': ['src/core/identity/*', 'core/identity/*'],
  'core/refusal': ['src/core/refusal/*', 'core/refusal/*'],
  gatekeeper: ['src/gatekeeper/*', 'gatekeeper/*', 'bff/*', 'revocation/logout'],
  guard: ['src/guard/*', 'guard/*'],
  bff: ['src/bff/*', 'bff/*', 'revocation/logout'],
  'bff/door': ['src/bff/door/*', 'bff/door/*'],
  'bff/session': ['src/bff/session/*', 'bff/session/*', 'bff/door/*'],
  keys: ['src/keys/*', 'keys/*'],
  documents: ['src/documents/*', 'documents/*'],
  files: ['src/files/*', 'files/*'],
  revocation: ['src/revocation/*', 'revocation/*'],
  protocol: ['src/protocol/*', 'protocol/*'],
  pluginserver: ['src/server/pluginserver/*', 'server/pluginserver/*', '../contract/pluginserver'],
};

const room = /** @type {keyof typeof ROOMS} */ (process.env['ROOM'] ?? 'core');
if (!Object.hasOwn(ROOMS, room)) throw new Error(`ROOM must be one of ${Object.keys(ROOMS).join(', ')}`);
const [source, ...ownSpecs] = ROOMS[room];
const specs = ownSpecs.map((pattern) => posix.join('spec/unit', pattern));
const reports = `.stryker/${room}`;
/**
 * A mutant that leaves a request without an answer is found when its spec has waited this long, in milliseconds. On a busy
 * machine, a spec may take that long without a mutant.
 */
const MAX_TEST_MS = Number(process.env['MUTATION_TEST_MS'] ?? 8_000);

/**
 * Mutation tests (docs/MUTATION.md): `npm run mutation` for all rooms, `ROOM=guard npx stryker run` for one. Add
 * `--mutate FILE` for one file.
 *
 * @type {import('@stryker-mutator/api/core').PartialStrykerOptions}
 */
export default {
  mutate: [`${source}.ts`],
  ignorers: ['texts-for-people'],
  // This file is a plugin of Stryker, too.
  plugins: ['@stryker-mutator/jest-runner', './stryker.config.mjs'],
  testRunner: process.env['MUTATION_RUNNER'] ?? 'specs',
  // Integration specs run dist/, which holds no mutants.
  // Which specs reach a mutant, the first run finds out; Jest's own guess leaves most of them out.
  jest: {
    config: {
      testMatch: specs.map((pattern) => `<rootDir>/${pattern}.spec.ts`),
      testTimeout: MAX_TEST_MS,
    },
    enableFindRelatedTests: false,
  },
  coverageAnalysis: 'perTest',
  concurrency: 1,
  // A mutant in the top level of a module asks for every spec of the room: `--ignoreStatic false` has the time for it.
  ignoreStatic: true,
  incremental: true,
  incrementalFile: `${reports}/incremental.json`,
  tempDirName: `${reports}/sandbox`,
  ignorePatterns: ['/dist', '/coverage', '/bench', '/deploy', '/.stryker', '/examples/nextjs-bff'],
  reporters: ['clear-text', 'progress-append-only', 'html', 'json'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  htmlReporter: { fileName: `${reports}/report.html` },
  jsonReporter: { fileName: `${reports}/report.json` },
  timeoutMS: 30_000,
};

function specRunner() {
  return new SpecRunner(specs, MAX_TEST_MS);
}
specRunner.inject = tokens();

export const strykerPlugins = [
  declareFactoryPlugin(PluginKind.TestRunner, 'specs', specRunner),
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
