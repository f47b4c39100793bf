/**
 * What an event costs in the plugin server: this one, with one and more workers and instances, beside the stock one and
 * the least that a server can do, in one run. The load plays Kong's side over the real socket and takes a processor of
 * its own, so "events / CPU s" says more than "events / s" on a machine with few.
 *
 *     npm run bench:server [-- --short]
 */
import { availableParallelism, cpus } from 'node:os';
import { runLoad } from './kong/load';
import { usageOf } from './process-meter';
import { ALGORITHMS, cachedToken, forgedToken, noOp, noToken, type Scenario, uncachedTokens } from './scenarios';
import { type BenchServer, startFloor, startOurs, startStock } from './servers';

const CONNECTIONS = 32;
const isShort = process.argv.includes('--short');
const EVENTS = isShort ? 3_000 : 100_000;
const ROUNDS = isShort ? 1 : 3;
const SIGNED_EVENTS = isShort ? 200 : 2_000;
/** Where the plugins are; exactly one in each folder, as the stock server wants it. */
const FOLDERS = { 'no-op': 'bench/plugins', 'jwt-identity': 'dist/plugin' };

interface Row {
  readonly 'events/s': number;
  readonly 'events / CPU s': number;
  readonly 'CPU µs': number;
  readonly 'p99 ms': number;
  readonly 'writes/event': number;
  readonly 'RSS MB': number;
}

async function measure(server: BenchServer, scenario: Scenario, instances = 1): Promise<Row> {
  const instanceIds: number[] = [];
  for (let route = 0; route < instances; route++) {
    instanceIds.push(await server.startInstance(scenario.plugin, { ...scenario.config, realm: `route-${route}` }));
  }
  const load = { ...scenario, connections: CONNECTIONS, instanceIds };
  const connect = (): ReturnType<BenchServer['connect']> => server.connect();
  // The compiler gets its time first. Tokens that must be new are not shown for it.
  const warmUp = { ...load, events: EVENTS / 5 };
  if (!scenario.title.includes('new token')) await runLoad(warmUp, connect);
  const pids = server.pids();
  const before = usageOf(pids);
  const { events, seconds, latency } = await runLoad(load, connect);
  const after = usageOf(pids);
  const cpuSeconds = (after.cpuNs - before.cpuNs) / 1e9;
  return {
    'events/s': Math.round(events / seconds),
    'events / CPU s': Math.round(events / cpuSeconds),
    'CPU µs': round((cpuSeconds / events) * 1e6),
    'p99 ms': round(latency.percentile(99) / 1e6),
    'writes/event': round((after.writes - before.writes) / events),
    'RSS MB': Math.round(after.residentBytes / 1_048_576),
  };
}

async function measureAll(
  start: () => Promise<BenchServer>,
  scenarios: readonly Scenario[],
  instances?: number,
): Promise<Map<string, Row>> {
  const rows = new Map<string, Row>();
  const server = await start();
  try {
    for (const scenario of scenarios) rows.set(scenario.title, await measure(server, scenario, instances));
  } finally {
    await server.stop();
  }
  return rows;
}

/** A row for each scenario: this server beside the stock one. */
async function compare(scenarios: readonly Scenario[]): Promise<Record<string, object>> {
  const plugin = scenarios[0]!.plugin;
  const folder = FOLDERS[plugin];
  const ours = await measureAll(() => startOurs(folder, plugin, 1), scenarios);
  const stock = await measureAll(() => startStock(folder), scenarios);
  const rows = scenarios.map(({ title }) => {
    const [mine, theirs] = [ours.get(title)!, stock.get(title)!];
    return [title, { ...side('ours', mine), ...side('stock', theirs), ratio: ratio(mine, theirs) }] as const;
  });
  return Object.fromEntries(rows);
}

function side(server: string, row: Row): Record<string, number> {
  const columns = ['CPU µs', 'p99 ms', 'RSS MB'] as const;
  return Object.fromEntries(columns.map((column) => [`${server}: ${column}`, row[column]]));
}

/** The event that matters most, in turns, so that whatever else the machine does befalls all alike. */
async function compareAccepted(scenario: Scenario): Promise<void> {
  const rows = new Map<string, Row[]>();
  for (let turn = 0; turn < ROUNDS; turn++) {
    for (const [server, start] of Object.entries({
      'kong-jwt-identity': () => startOurs(FOLDERS['jwt-identity'], 'jwt-identity', 1),
      'kong-js-pluginserver': () => startStock(FOLDERS['jwt-identity']),
      'minimal plugin server': startFloor,
    })) {
      const row = (await measureAll(start, [scenario])).get(scenario.title)!;
      rows.set(server, [...(rows.get(server) ?? []), row]);
    }
  }
  const [ours, stock, floor] = [...rows.values()].map(median) as [Row, Row, Row];
  const servers = { 'kong-jwt-identity': ours, 'kong-js-pluginserver': stock, 'minimal plugin server': floor };
  print(`${scenario.title}, median of ${ROUNDS}`, servers);
  console.log(`ratio of events / CPU s to the stock server: ${ratio(ours, stock)}, target: 2`);
  console.log(`writes an event: ${ours['writes/event']}, target: 2`);
}

async function grow(title: string, counts: readonly number[], rowOf: (count: number) => Promise<Row>): Promise<void> {
  const rows: Record<string, Row> = {};
  for (const count of counts) rows[count] = await rowOf(count);
  print(title, rows);
}

function print(title: string, rows: Readonly<Record<string, Row>>): void {
  console.log(`\n${title}`);
  console.table(rows);
}

function ratio(mine: Row, theirs: Row): number {
  return round(mine['events / CPU s'] / theirs['events / CPU s']);
}

function median(rows: readonly Row[]): Row {
  return rows.toSorted((a, b) => a['CPU µs'] - b['CPU µs'])[Math.floor(rows.length / 2)]!;
}

async function main(): Promise<void> {
  console.log(`${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, Node ${process.version}`);
  console.log(`${CONNECTIONS} connections, one worker, CPU of the server's processes`);
  const cached = await cachedToken(EVENTS);
  await compareAccepted(cached);
  const nothing = await compare([noOp(EVENTS)]);
  const scenarios = [noToken(EVENTS / 2), await forgedToken(EVENTS / 5)];
  const algorithms = isShort ? ALGORITHMS.filter((alg) => alg.endsWith('256')) : ALGORITHMS;
  for (const alg of algorithms) scenarios.push(await uncachedTokens(alg, SIGNED_EVENTS));
  console.log('\nkong-jwt-identity beside kong-js-pluginserver; ratio of events / CPU s');
  console.table({ ...nothing, ...(await compare(scenarios)) });

  const row = async (workers: number, routes?: number): Promise<Row> => {
    const start = (): Promise<BenchServer> => startOurs(FOLDERS['jwt-identity'], 'jwt-identity', workers);
    return (await measureAll(start, [cached], routes)).get(cached.title)!;
  };
  const workers = Array.from({ length: Math.ceil(Math.log2(availableParallelism() + 1)) }, (_, power) => 2 ** power);
  await grow(`${cached.title}, by workers`, workers, (count) => row(count));
  await grow(`${cached.title}, by routes with a configuration of their own`, [1, 10, 100, 1_000], (count) =>
    row(1, count),
  );
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
