import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import {
  DOCUMENT,
  recordedRuns,
  runOf,
  withRun,
  withTable,
  type Report,
  type Run,
} from '../../compatibility/run-table';

const run: Run = {
  gateway: 'Kong 3.9.3',
  handler: true,
  node: '20.20.2',
  specs: 'worker-handler',
  passed: 10,
  failed: 0,
  skipped: 1,
  date: '2026-11-26',
};

describe('docs/COMPATIBILITY.md', () => {
  const text = readFileSync(DOCUMENT, 'utf8');

  it('shows the recorded runs, as `npm run docs` writes them', () => {
    expect(text).toBe(withTable(text, recordedRuns()));
    expect(recordedRuns().length).toBeGreaterThan(3);
  });

  it('has a place for the table, or is not written', () => {
    expect(() => withTable('no place', [run])).toThrow('no place');
    expect(withTable(text, [run])).toMatch(
      /\| Kong 3\.9\.3 \| on +\| 20\.20\.2 \| worker-handler \| 10 +\| 0 +\| 1 +\|/,
    );
  });
});

describe('a recorded run', () => {
  it('takes the place of an earlier one of the same specs, gateway and Node, and of no other', () => {
    const others = [
      { ...run, handler: false },
      { ...run, node: '24.0.0' },
    ];
    const runs = withRun([...others, { ...run, passed: 3 }], run);
    expect(runs).toHaveLength(3);
    expect(runs).toEqual(expect.arrayContaining([...others, run]));
  });

  it('counts a file that could not be run as a failure', () => {
    const report: Report = {
      numPassedTests: 2,
      numFailedTests: 0,
      numPendingTests: 0,
      testResults: [{ name: '/x/spec/unit/a.spec.ts', status: 'failed' }],
    };
    expect(runOf(report, undefined, {}, '2026-11-26')).toMatchObject({
      gateway: 'none',
      specs: 'a',
      passed: 2,
      failed: 1,
    });
  });
});
