import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
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

  const report: Report = {
    numPassedTests: 2,
    numFailedTests: 0,
    numPendingTests: 0,
    testResults: [{ name: '/x/spec/unit/a.spec.ts', status: 'failed' }],
  };

  it.each([
    ['docker', 'Docker version 26.1.5+dfsg1, build a72d7cd', 'Kong 3.9.3, Docker 26.1.5'],
    ['podman', 'podman version 5.4.2', 'Kong 3.9.3, Podman 5.4.2'],
  ])('in a container names the Kong below the image, and the version of %s', (engine, says, gateway) => {
    const folder = mkdtempSync(join(tmpdir(), 'engine-'));
    const script = `#!/bin/sh\n[ "$1" = image ] && echo docker.io/library/kong:3.9.3 || echo '${says}'\n`;
    writeFileSync(join(folder, engine), script, { mode: 0o755 });
    const environment = { PATH: folder, KONG_TARGET: 'docker', CONTAINER_ENGINE: engine };
    expect(runOf(report, undefined, environment, '2026-11-26')).toMatchObject({ gateway, handler: true });
    rmSync(folder, { recursive: true });
  });

  it.each(['native', 'docker'])('is none where there is no gateway for KONG_TARGET=%s', (target) => {
    expect(runOf(report, 'all', { PATH: '/nowhere', KONG_TARGET: target }, '2026-11-26')).toBeUndefined();
  });

  it('counts a file that could not be run as a failure', () => {
    expect(runOf(report, undefined, {}, '2026-11-26')).toMatchObject({
      gateway: 'none',
      specs: 'a',
      passed: 2,
      failed: 1,
    });
  });
});
