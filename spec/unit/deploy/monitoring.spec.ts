import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';

const ROOT = resolve(__dirname, '../../..');
const FOLDER = join(ROOT, 'deploy/monitoring');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly annotations?: { readonly runbook?: string };
}
const rules = (parse(read('deploy/monitoring/rules.yml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(
  (group) => group.rules,
);
const dashboard = JSON.parse(read('deploy/monitoring/grafana-dashboard.json')) as {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[];
};
const queries = dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr));

const hasPromtool = spawnSync('promtool', ['--version']).error === undefined;
if (!hasPromtool) process.stderr.write('promtool is SKIPPED: it is not on PATH (Debian: prometheus)\n');
const itWithPromtool = hasPromtool ? it : it.skip;

const promtool = (folder: string, ...args: string[]): [status: number | null, output: string] => {
  const { status, stdout, stderr } = spawnSync('promtool', args, { cwd: folder, encoding: 'utf8' });
  return [status, stdout + stderr];
};

describe('the rules for Prometheus', () => {
  itWithPromtool('are accepted by promtool', () => {
    expect(promtool(FOLDER, 'check', 'rules', 'rules.yml')).toEqual([0, expect.stringContaining('SUCCESS: 14 rules')]);
  });

  itWithPromtool('raise each alert for its trouble, and none for a sound server', () => {
    expect(promtool(FOLDER, 'test', 'rules', 'rules.test.yml')).toEqual([0, expect.stringContaining('SUCCESS')]);
  });

  it('name for each alert a section of docs/RUNBOOK.md that says what to do', () => {
    const headings = [...read('docs/RUNBOOK.md').matchAll(/^### (JwtIdentity\w+)$/gm)].map(([, name]) => name);
    const alerts = rules.flatMap(({ alert }) => alert ?? []);
    expect(headings).toEqual(alerts);
    for (const { alert, annotations } of rules.filter((rule) => rule.alert !== undefined)) {
      expect(annotations?.runbook).toBe(`docs/RUNBOOK.md#${alert!.toLowerCase()}`);
    }
  });
});

describe('the dashboard for Grafana', () => {
  itWithPromtool('has queries that promtool accepts', () => {
    const folder = mkdtempSync(join(tmpdir(), 'dashboard-'));
    const recorded = queries.map((expr, index) => ({
      record: `panel:${index}`,
      expr: expr.replaceAll('$__rate_interval', '5m'),
    }));
    writeFileSync(join(folder, 'panels.yml'), JSON.stringify({ groups: [{ name: 'panels', rules: recorded }] }));
    const result = promtool(folder, 'check', 'rules', 'panels.yml');
    rmSync(folder, { recursive: true });
    expect(result).toEqual([0, expect.stringContaining('SUCCESS')]);
  });
});

it('rules and dashboard name only metrics that the servers have', () => {
  const source = read('src/server/endpoints/metrics.ts') + read('src/server/endpoints/metrics-endpoint.ts');
  const own = new Set([...source.matchAll(/'(jwt_identity_\w+)'/g)].map(([, name]) => name));
  const named = [...rules.map(({ expr }) => expr), ...queries].flatMap((expr) => expr.match(/jwt_identity_\w+/g) ?? []);
  expect(named.length).toBeGreaterThan(20);
  for (const name of named) expect(own).toContain(name.replace(/_(bucket|count|sum)$/, ''));
});
