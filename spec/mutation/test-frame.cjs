// @ts-check
'use strict';

/** A spec may replace them. */
const { setTimeout, clearTimeout } = globalThis;

/**
 * The part of Jest's interface that the unit specs use, in the process of whoever calls it: mutation tests run the specs
 * some thousand times, and Jest itself needs a second each time to set up a world of its own (docs/MUTATION.md).
 *
 * @typedef {{ name: string, fn: () => unknown, timeoutMs: number, isSkipped: boolean }} Test
 * @typedef {{ fn: () => unknown, timeoutMs: number }} Hook
 * @typedef {'beforeAll' | 'beforeEach' | 'afterEach' | 'afterAll'} HookName
 * @typedef {{ name: string, isSkipped: boolean, children: (Block | Test)[], hooks: Record<HookName, Hook[]> }} Block
 */

/** @type {(name: string, isSkipped: boolean) => Block} */
const emptyBlock = (name, isSkipped) => ({
  ...{ name, isSkipped, children: [] },
  hooks: { beforeAll: [], beforeEach: [], afterEach: [], afterAll: [] },
});

/**
 * Returns an empty file of specs, and what `@jest/globals` exports for it.
 *
 * @param {NodeJS.Require} require - finds Jest's own packages
 * @param {number} timeoutMs - of a test or a hook that names none
 */
exports.createFrame = function createFrame(require, timeoutMs) {
  const { bind } = require('jest-each');
  const { ModuleMocker } = require('jest-mock');
  const { jestExpect } = require('@jest/expect');
  const mocker = new ModuleMocker(globalThis);
  const root = emptyBlock('', false);
  let block = root;
  /** @type {(isSkipped: boolean) => (name: string, fn: () => unknown) => void} */
  const describing = (isSkipped) => (name, fn) => {
    const outer = block;
    block = emptyBlock(`${outer.name} ${name}`.trim(), outer.isSkipped || isSkipped);
    outer.children.push(block);
    fn();
    block = outer;
  };
  /** @type {(isSkipped: boolean) => (name: string, fn: () => unknown, timeout?: number) => void} */
  const testing =
    (isSkipped) =>
    (name, fn, timeout = timeoutMs) => {
      block.children.push({
        ...{ name: `${block.name} ${name}`.trim(), fn, timeoutMs: timeout },
        isSkipped: block.isSkipped || isSkipped,
      });
    };
  /** @type {(name: HookName) => (fn: () => unknown, timeout?: number) => void} */
  const hooking =
    (name) =>
    (fn, timeout = timeoutMs) =>
      void block.hooks[name].push({ fn, timeoutMs: timeout });
  /** @template {Function} F @type {(make: (isSkipped: boolean) => F) => F & { each: unknown, skip: F & { each: unknown } }} */
  const withEach = (make) =>
    Object.assign(make(false), {
      each: bind(make(false), false),
      skip: Object.assign(make(true), { each: bind(make(true), false) }),
    });
  const it = withEach(testing);
  const globals = {
    ...{ describe: withEach(describing), it, test: it, expect: jestExpect },
    ...{ beforeAll: hooking('beforeAll'), beforeEach: hooking('beforeEach') },
    ...{ afterEach: hooking('afterEach'), afterAll: hooking('afterAll') },
    jest: {
      ...{ fn: mocker.fn.bind(mocker), spyOn: mocker.spyOn.bind(mocker), mocked: (/** @type {unknown} */ it) => it },
      ...{ clearAllMocks: () => mocker.clearAllMocks(), restoreAllMocks: () => mocker.restoreAllMocks() },
    },
  };
  return { root, globals, restore: () => mocker.restoreAllMocks() };
};

/**
 * @typedef {{ test: Test, error: unknown, durationMs: number }} Result
 * @typedef {{
 *   isWanted: (test: Test) => boolean,
 *   onEnter: (what: Test | Block) => void,
 *   onResult: (result: Result) => void,
 *   isOver: () => boolean,
 * }} Run
 */

/**
 * Runs the tests of a block that are wanted, in Jest's order, until the run is over; hooks that clean up always run.
 *
 * @param {Block} block
 * @param {Run} run
 * @param {readonly Block[]} outer
 */
exports.runBlock = async function runBlock(block, run, outer = []) {
  const tests = testsOf(block).filter((test) => !test.isSkipped && run.isWanted(test));
  if (tests.length === 0 || run.isOver()) return;
  const blocks = [...outer, block];
  run.onEnter(block);
  const broken = await inOrder(block.hooks.beforeAll);
  if (broken !== undefined) for (const test of tests) run.onResult({ test, error: broken.error, durationMs: 0 });
  else {
    for (const child of block.children) {
      if ('children' in child) await exports.runBlock(child, run, blocks);
      else if (tests.includes(child) && !run.isOver()) await runTest(child, run, blocks);
    }
  }
  const left = await inOrder(block.hooks.afterAll, run);
  const last = tests.at(-1);
  if (left !== undefined && last !== undefined) run.onResult({ test: last, error: left.error, durationMs: 0 });
};

/** @param {Test} test @param {Run} run @param {readonly Block[]} blocks */
async function runTest(test, run, blocks) {
  run.onEnter(test);
  const began = performance.now();
  const failed = (await inOrder(blocks.flatMap(({ hooks }) => hooks.beforeEach))) ?? (await inOrder([test]));
  if (failed !== undefined) run.onResult({ test, error: failed.error, durationMs: performance.now() - began });
  const left = await inOrder(
    blocks.toReversed().flatMap(({ hooks }) => hooks.afterEach),
    run,
  );
  if (failed === undefined) run.onResult({ test, error: left?.error, durationMs: performance.now() - began });
}

/** @type {(block: Block) => Test[]} */
const testsOf = ({ children }) => children.flatMap((child) => ('children' in child ? testsOf(child) : [child]));
exports.testsOf = testsOf;

/** What went wrong outside of any test since the last look. @type {{ error: unknown } | undefined} */
let stray;
for (const name of /** @type {const} */ (['uncaughtException', 'unhandledRejection'])) {
  process.on(name, (error) => {
    stray ??= { error: error ?? new Error(name) };
  });
}

/** Forgets what went wrong outside of any test: what the specs for one mutant leave behind says nothing about the next. */
exports.forgetStray = function forgetStray() {
  stray = undefined;
};

/** What cleans up after a failure need not be waited for: nobody asks for the rest. */
const CLEAN_UP_MS = 300;

/**
 * Runs functions one after the other. Returns the first error, if there is one.
 *
 * @param {readonly Hook[]} hooks
 * @param {Run} [run] - given for hooks that clean up
 * @returns {Promise<{ error: unknown } | undefined>}
 */
async function inOrder(hooks, run) {
  for (const hook of hooks) {
    const { fn } = hook;
    const timeoutMs = run?.isOver() === true ? CLEAN_UP_MS : hook.timeoutMs;
    /** @type {NodeJS.Timeout | undefined} */
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error(`took longer than ${timeoutMs} ms`)), timeoutMs);
    });
    try {
      await Promise.race([fn(), late]);
    } catch (error) {
      return { error: error ?? new Error('nothing was thrown') };
    } finally {
      clearTimeout(timer);
    }
    const found = stray;
    stray = undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}
