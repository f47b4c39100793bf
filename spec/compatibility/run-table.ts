import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One run of specs, and what came of it. A later run of the same specs on the same programs replaces it. */
export interface Run {
  /** `Kong 3.9.3`, `Kong 3.9.3, Docker 26.1.5`, `development gateway`, or `none` for specs without a gateway. */
  readonly gateway: string;
  /** Whether Kong loaded the handler inside its worker. */
  readonly handler: boolean;
  /** Version of Node. */
  readonly node: string;
  /** The specs by name: those of the run's report, or the name of a group. */
  readonly specs: string;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** The day, as in ISO 8601. */
  readonly date: string;
}

/** What is read of a report that `jest --json` has written. */
export interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly { readonly name: string; readonly status: string }[];
}

/** The runs that docs/COMPATIBILITY.md shows. */
export const RUNS_FILE = join(__dirname, 'runs.json');
/** The document that shows them, between {@link MARKS}. */
export const DOCUMENT = join(__dirname, '../../docs/COMPATIBILITY.md');
const MARKS = [
  '<!-- Made from spec/compatibility/runs.json by `npm run docs`. -->',
  '<!-- End of the runs. -->',
] as const;

/** What the image says of the one that it was built on: `docker.io/library/kong:3.9.3`. */
const BASE_IMAGE = '{{index .Config.Labels "org.opencontainers.image.base.name"}}';

/** Reads the recorded runs. */
export function recordedRuns(): readonly Run[] {
  return JSON.parse(readFileSync(RUNS_FILE, 'utf8')) as Run[];
}

/**
 * Returns what a report says, about the gateway that `KONG_TARGET` and `KONG_HANDLER` name and this version of Node;
 * `undefined` where that gateway is not there. Then specs that need no gateway may have passed all the same.
 */
export function runOf(
  report: Report,
  specs: string | undefined,
  environment: NodeJS.ProcessEnv,
  date: string,
): Run | undefined {
  const gateway = gatewayOf(environment);
  if (gateway === undefined) return undefined;
  const names = report.testResults.map(({ name }) => /([^/]+)\.spec\.ts$/.exec(name)?.[1] ?? name);
  const broken = report.testResults.filter(({ status }) => status === 'failed').length;
  return {
    gateway,
    // The image always has it.
    handler:
      environment['KONG_TARGET'] === 'docker' ||
      (environment['KONG_TARGET'] === 'native' && environment['KONG_HANDLER'] !== 'off'),
    node: process.versions.node,
    specs: specs ?? names.sort().join(', '),
    passed: report.numPassedTests,
    // A file that cannot be run has no test that failed.
    failed: Math.max(report.numFailedTests, broken > 0 ? 1 : 0),
    skipped: report.numPendingTests,
    date,
  };
}

function gatewayOf(environment: NodeJS.ProcessEnv): string | undefined {
  const ask = (command: string, ...args: string[]): string | undefined => {
    const { status, stdout } = spawnSync(command, args, { encoding: 'utf8', env: environment });
    return status === 0 ? stdout.trim() : undefined;
  };
  switch (environment['KONG_TARGET']) {
    case undefined:
      return 'none';
    case 'native': {
      const version = ask('kong', 'version');
      return version === undefined ? undefined : `Kong ${version}`;
    }
    case 'docker': {
      const engine = environment['CONTAINER_ENGINE'] ?? 'docker';
      const image = environment['KONG_IMAGE'] ?? 'kong-plugin-jwt-identity:3.9.3';
      const base = ask(engine, 'image', 'inspect', '--format', BASE_IMAGE, image);
      if (base === undefined) return undefined;
      const [version = '?'] = /\d+\.\d+\.\d+/.exec(ask(engine, '--version') ?? '') ?? [];
      return `Kong ${base.replace(/^.*:/, '')}, ${engine === 'podman' ? 'Podman' : 'Docker'} ${version}`;
    }
    default:
      return 'development gateway';
  }
}

/** Returns the runs with another one, in the order of the table. */
export function withRun(runs: readonly Run[], run: Run): readonly Run[] {
  const key = ({ gateway, handler, node, specs }: Run): string => [gateway, handler, node, specs].join();
  const others = runs.filter((other) => key(other) !== key(run));
  return [...others, run].sort((a, b) => key(b).localeCompare(key(a), 'en', { numeric: true }));
}

/** Returns the document with the table of these runs in its place. @throws Error when it has no place for it */
export function withTable(document: string, runs: readonly Run[]): string {
  const [begin, end] = MARKS.map((mark) => document.indexOf(mark)) as [number, number];
  if (begin < 0 || end < begin) throw new Error('docs/COMPATIBILITY.md has no place for the runs');
  return `${document.slice(0, begin + MARKS[0].length)}\n\n${table(runs)}\n\n${document.slice(end)}`;
}

function table(runs: readonly Run[]): string {
  const rows = runs.map(({ gateway, handler, node, specs, passed, failed, skipped, date }) => [
    gateway,
    handler ? 'on' : gateway.startsWith('Kong') ? 'off' : '–',
    node,
    specs,
    String(passed),
    String(failed),
    String(skipped),
    date,
  ]);
  const heads = ['gateway', 'handler', 'Node', 'specs', 'passed', 'failed', 'skipped', 'date'];
  const widths = heads.map((head, column) =>
    Math.max(...[heads, ...rows].map((row) => row[column]!.length), head.length),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((text, column) => text.padEnd(widths[column]!)).join(' | ')} |`;
  return [line(heads), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
