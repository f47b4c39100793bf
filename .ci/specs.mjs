// Runs a command that ends in Jest with a limit, and writes Jest's report to REPORT:
//
//   node .ci/specs.mjs REPORT MINUTES npm test -- --coverage
//
// Spec files that fail are run once more, alone. What fails only once is shown as `FAILED ONCE` and does not fail the run:
// a program that the specs use may stall. What fails twice does. A run with `FAILED ONCE` says nothing about coverage: the
// second run measures none. When the limit is reached, the processes that still
// run and the spec files that have no result are shown, then everything that Jest started is ended.
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

const [report, minutes, ...command] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'specs-'));
const deadline = Date.now() + Number(minutes) * 60_000;

/** Shows the processes that are not older than this one, such as a Kong that a spec has started. */
function showProcesses() {
  const columns = 'etimes,pid,ppid,stat,time,wchan:20,args:150';
  const { stdout } = spawnSync('ps', ['-eo', columns, '--forest'], { encoding: 'utf8', timeout: 10_000 });
  const isNew = (line) => !(Number.parseInt(line, 10) > performance.now() / 1000);
  console.log((stdout ?? '').split('\n').filter(isNew).join('\n'));
}

/** Resolves with the report of a run, `undefined` when there is none: it was ended at the limit, or could not begin. */
function run(name, [program, ...args]) {
  const file = join(folder, `${name}.json`);
  const running = join(folder, `${name}.running`);
  const reporters = ['--reporters=default', `--reporters=${join(import.meta.dirname, 'running-specs.cjs')}`];
  const child = spawn(program, [...args, '--ci', '--forceExit', '--json', `--outputFile=${file}`, ...reporters], {
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, RUNNING_SPECS: running },
    detached: true,
  });
  const limit = setTimeout(() => {
    console.log(
      `TIMED OUT: no result after ${minutes} minutes in ${existsSync(running) ? readFileSync(running, 'utf8') : '?'}`,
    );
    showProcesses();
    process.kill(-child.pid, 'SIGKILL');
  }, deadline - Date.now());
  return new Promise((resolve) => {
    child.on('close', () => {
      clearTimeout(limit);
      resolve(existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined);
    });
  });
}

const failedFiles = ({ testResults }) =>
  testResults.filter(({ status }) => status === 'failed').map(({ name }) => name);

/** The report with the results of the second run in the place of the first one's. */
function withRepeated(first, second) {
  const again = new Map(second.testResults.map((result) => [result.name, result]));
  const testResults = first.testResults.map((result) => again.get(result.name) ?? result);
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  const count = (...statuses) => tests.filter(({ status }) => statuses.includes(status)).length;
  return {
    ...first,
    testResults,
    numPassedTests: count('passed'),
    numFailedTests: count('failed'),
    numPendingTests: count('pending', 'skipped', 'todo'),
    success: testResults.every(({ status }) => status !== 'failed'),
  };
}

let result = await run('first', command);
const failed = result === undefined ? [] : failedFiles(result);
if (failed.length > 0) {
  const second = await run('second', [
    process.execPath,
    'node_modules/jest/bin/jest.js',
    '--runInBand',
    '--runTestsByPath',
    ...failed,
  ]);
  if (second !== undefined) {
    const twice = new Set(failedFiles(second));
    for (const file of failed.filter((name) => !twice.has(name))) {
      const { assertionResults } = result.testResults.find(({ name }) => name === file);
      const names = assertionResults.filter(({ status }) => status === 'failed').map(({ fullName }) => fullName);
      console.log(`FAILED ONCE: ${relative('.', file)}: ${names.join('; ') || 'the file could not be run'}`);
    }
    result = withRepeated(result, second);
  }
}
if (result !== undefined) writeFileSync(report, JSON.stringify(result));
rmSync(folder, { recursive: true });
process.exitCode = result?.success === true ? 0 : 1;
