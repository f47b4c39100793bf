import { runWrk } from '../gateway/wrk';
import { usageOf } from '../process-meter';

/** Something that answers requests, and the processes whose time counts. */
export interface Target {
  readonly title: string;
  readonly url: string;
  readonly headers: readonly string[];
  readonly passes: boolean;
  readonly gatewayPids: () => readonly number[];
  readonly decisionPids: () => readonly number[];
}

interface Row {
  readonly 'requests/s': number;
  readonly 'gateway µs': number;
  readonly 'decision µs': number;
  readonly 'p50 ms': number;
  readonly 'p99 ms': number;
}

/** How often and how long each target is asked. */
export interface Effort {
  readonly rounds: number;
  readonly seconds: number;
}

/** Measures targets in turns, and prints the medians as a table. */
export async function report(
  title: string,
  targets: readonly Target[],
  { rounds: count, seconds }: Effort,
): Promise<void> {
  const rounds = new Map<string, Row[]>(targets.map((target) => [target.title, []]));
  // The first round only warms up.
  for (let round = 0; round <= count; round++) {
    for (const target of targets) {
      const row = await measure(target, seconds);
      if (round > 0) rounds.get(target.title)?.push(row);
    }
  }
  process.stdout.write(`\n${title}\n`);
  console.table(Object.fromEntries([...rounds].map(([name, rows]) => [name, median(rows)])));
}

async function measure(
  { title, url, headers, passes, gatewayPids, decisionPids }: Target,
  seconds: number,
): Promise<Row> {
  const usage = (): [number, number] => [usageOf(gatewayPids()).cpuNs, usageOf(decisionPids()).cpuNs];
  const before = usage();
  const load = await runWrk(url, headers, seconds);
  const after = usage();
  if (load.requests === 0 || load.refused !== (passes ? 0 : load.requests)) {
    throw new Error(`${title}: ${load.refused} of ${load.requests} requests were refused`);
  }
  const each = (index: 0 | 1): number => rounded((after[index] - before[index]) / 1_000 / load.requests);
  return {
    'requests/s': Math.round(load.perSecond),
    'gateway µs': each(0),
    'decision µs': each(1),
    'p50 ms': rounded(load.p50Ms),
    'p99 ms': rounded(load.p99Ms),
  };
}

function median(rows: readonly Row[]): Row {
  const middle = (name: keyof Row): number => rows.map((row) => row[name]).sort((a, b) => a - b)[rows.length >> 1]!;
  const names = Object.keys(rows[0]!) as (keyof Row)[];
  return Object.fromEntries(names.map((name) => [name, middle(name)])) as unknown as Row;
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
