// @ts-check
import crypto from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire, Module } from 'node:module';
import { basename, dirname, join, sep } from 'node:path';
import { determineHitLimitReached, DryRunStatus, MutantRunStatus, TestStatus } from '@stryker-mutator/api/test-runner';
import { createFrame, forgetStray, runBlock, testsOf } from './test-frame.cjs';

/**
 * Runs specs for Stryker in one process: the code and the specs are loaded anew for each mutant, the packages that they
 * use are not. Specs that replace modules or the clock (`jest.mock`, `jest.useFakeTimers`) are left out.
 *
 * @implements {import('@stryker-mutator/api/test-runner').TestRunner}
 */
export class SpecRunner {
  #root = process.cwd();
  #require = createRequire(join(this.#root, 'package.json'));
  /** @type {Map<string, string>} */
  #compiled = new Map();
  /** What the mutants that Stryker put into the code look at. @type {Record<string, any>} */
  #switch = /** @type {any} */ (globalThis.__stryker__ ??= {});
  #environment = { ...process.env };
  /** Takes back what the file of specs has replaced, also when it has not come to its end. */
  #restore = () => {};
  /** RSA keys that the file of specs has got, by their kind. @type {Map<string, number>} */
  #usedKeys = new Map();
  #timeoutMs;
  #files;

  /**
   * @param {readonly string[]} patterns - of specs: `spec/unit/core/*` and the like
   * @param {number} timeoutMs - of a test that names none
   */
  constructor(patterns, timeoutMs) {
    this.#timeoutMs = timeoutMs;
    this.#files = patterns.flatMap((pattern) => filesOf(this.#root, pattern)).filter(isOrdinary);
    const ts = this.#require('typescript');
    const { compilerOptions } = ts.readConfigFile(join(this.#root, 'tsconfig.json'), (/** @type {string} */ path) =>
      readFileSync(path, 'utf8'),
    ).config;
    const options = { ...compilerOptions, module: 'commonjs', moduleResolution: 'node10', ignoreDeprecations: '6.0' };
    /** @type {any} */ (Module)._extensions['.ts'] = (/** @type {any} */ module, /** @type {string} */ file) => {
      const compile = () =>
        ts.transpileModule(readFileSync(file, 'utf8'), { compilerOptions: options, fileName: file }).outputText;
      const text = this.#compiled.get(file) ?? compile();
      this.#compiled.set(file, text);
      module._compile(text, file);
    };
    // Random cases must not decide whether a mutant is found.
    this.#require('fast-check').configureGlobal({ seed: 1 });
    crypto.generateKeyPairSync = this.#pooled(crypto.generateKeyPairSync);
  }

  /**
   * RSA keys take longer to make than most specs: each file of specs gets the same ones again, no two of them alike.
   *
   * @param {any} generate
   */
  #pooled(generate) {
    /** @type {Map<string, unknown[]>} */
    const pools = new Map();
    return /** @type {any} */ (
      (/** @type {string} */ type, /** @type {object} */ options) => {
        if (type !== 'rsa') return generate(type, options);
        const kind = JSON.stringify(options);
        const pool = pools.get(kind) ?? [];
        const used = this.#usedKeys.get(kind) ?? 0;
        pools.set(kind, pool);
        this.#usedKeys.set(kind, used + 1);
        return (pool[used] ??= generate(type, options));
      }
    );
  }

  capabilities() {
    return { reloadEnvironment: true };
  }

  /** What a file or a hook reaches counts for each of its tests. */
  async dryRun() {
    /** @type {import('@stryker-mutator/api/test-runner').TestResult[]} */
    const tests = [];
    /** @type {Map<string, string[]>} */
    const ofBlock = new Map();
    const coverage = { static: {}, perTest: /** @type {Record<string, Record<string, number>>} */ ({}) };
    this.#switch.mutantCoverage = coverage;
    for (const file of this.#files) {
      this.#switch.currentTestId = `load ${file}`;
      const root = this.#load(file);
      const idOf = (/** @type {{ name: string }} */ { name }) => `${file.slice(this.#root.length + 1)} ${name}`;
      ofBlock.set(`load ${file}`, testsOf(root).map(idOf));
      await runBlock(root, {
        isWanted: () => true,
        isOver: () => false,
        onEnter: (what) => {
          const isBlock = 'children' in what;
          this.#switch.currentTestId = isBlock ? `block ${idOf(what)}` : idOf(what);
          if (isBlock) ofBlock.set(`block ${idOf(what)}`, testsOf(what).map(idOf));
        },
        onResult: ({ test, error, durationMs }) => {
          const about = { id: idOf(test), name: test.name, fileName: file, timeSpentMs: durationMs };
          if (error === undefined) tests.push({ ...about, status: TestStatus.Success });
          else tests.push({ ...about, status: TestStatus.Failed, failureMessage: textOf(error) });
        },
      });
    }
    for (const [block, ids] of ofBlock) {
      for (const id of ids) coverage.perTest[id] = { ...coverage.perTest[block], ...coverage.perTest[id] };
      delete coverage.perTest[block];
    }
    return { status: DryRunStatus.Complete, tests, mutantCoverage: coverage };
  }

  /** @param {import('@stryker-mutator/api/test-runner').MutantRunOptions} options */
  async mutantRun({ activeMutant, testFilter, hitLimit }) {
    Object.assign(this.#switch, {
      ...{ activeMutant: activeMutant.id, hitLimit, hitCount: hitLimit === undefined ? undefined : 0 },
      currentTestId: undefined,
    });
    const wanted = testFilter && new Set(testFilter);
    let nrOfTests = 0;
    /** @type {{ id: string, error: unknown } | undefined} */
    let failed;
    // The specs of the file itself find most of its mutants.
    const isOwn = (/** @type {string} */ file) => basename(file, '.spec.ts') === basename(activeMutant.fileName, '.ts');
    for (const file of this.#files.toSorted((a, b) => Number(isOwn(b)) - Number(isOwn(a)))) {
      const name = file.slice(this.#root.length + 1);
      const own = testFilter?.filter((id) => id.startsWith(`${name} `));
      if (failed !== undefined || own?.length === 0) continue;
      try {
        await runBlock(this.#load(file), {
          isWanted: (test) => wanted?.has(`${name} ${test.name}`) ?? true,
          isOver: () => failed !== undefined,
          onEnter: () => undefined,
          onResult: ({ test, error }) => {
            nrOfTests += 1;
            if (error !== undefined) failed ??= { id: `${name} ${test.name}`, error };
          },
        });
      } catch (error) {
        // The specs cannot be loaded with this mutant.
        failed = { id: own?.[0] ?? name, error };
      }
    }
    const timeout = determineHitLimitReached(this.#switch.hitCount, hitLimit);
    if (timeout !== undefined) return { status: MutantRunStatus.Timeout, reason: timeout.reason };
    if (failed === undefined) return { status: MutantRunStatus.Survived, nrOfTests };
    const { id, error } = failed;
    return { status: MutantRunStatus.Killed, killedBy: [id], failureMessage: textOf(error), nrOfTests };
  }

  /**
   * Loads a file of specs with all of this package's code that it uses.
   *
   * @param {string} file
   */
  #load(file) {
    for (const path of Object.keys(this.#require.cache)) {
      if (path.startsWith(this.#root + sep) && !path.includes('node_modules')) delete this.#require.cache[path];
    }
    for (const name of Object.keys(process.env)) if (!(name in this.#environment)) delete process.env[name];
    Object.assign(process.env, this.#environment);
    this.#usedKeys.clear();
    this.#restore();
    forgetStray();
    const frame = createFrame(this.#require, this.#timeoutMs);
    this.#restore = frame.restore;
    const globals = this.#require.resolve('@jest/globals');
    this.#require.cache[globals] = Object.assign(new Module(globals), { exports: frame.globals, loaded: true });
    this.#require(file);
    return frame.root;
  }
}

/** @param {string} folder @param {string} pattern */
function filesOf(folder, pattern) {
  const [beginning = '', isOpen] = [basename(pattern).replace(/\*$/, ''), pattern.endsWith('*')];
  const place = join(folder, dirname(pattern));
  if (!existsSync(place)) throw new Error(`there is no folder ${place}`);
  return readdirSync(place)
    .filter((name) =>
      isOpen ? name.startsWith(beginning) && name.endsWith('.spec.ts') : name === `${beginning}.spec.ts`,
    )
    .map((name) => join(place, name));
}

/** @param {string} file */
function isOrdinary(file) {
  return !/\bjest\.(?:mock|useFakeTimers)\(/.test(readFileSync(file, 'utf8'));
}

/** @param {unknown} error */
function textOf(error) {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
