/**
 * What an event costs in the plugin server: this one, with one and more workers, beside the stock one, in one run.
 * The load plays Kong's side over the real socket and takes a processor of its own, so "events / CPU s" says more than
 * "events / s" on a machine with few.
 */
import { availableParallelism, cpus } from 'node:os';
import { runLoad } from './kong/load';
import { usageOf } from './process-meter';
import { ALGORITHMS, cachedToken, forgedToken, noOp, noToken, type Scenario, uncachedTokens } from './scenarios';
import { type BenchServer, startOurs, startStock } from './servers';

const CONNECTIONS = 32;
const isShort = process.argv.includes('--short');
const EVENTS = isShort ? 20_000 : 100_000;
const SIGNED_EVENTS = isShort ? 500 : 2_000;
/** Where the plugins are; exactly one in each folder, as the stock server wants it. */
const FOLDERS = { 'no-op': 'bench/plugins', 'jwt-identity': 'dist/plugin' };

interface Row {
  readonly 'events/s': number;
  readonly 'events / CPU s': number;
  readonly 'CPU µs': number;
  readonly 'p50 ms': number;
  readonly 'p99 ms': number;
  readonly 'p99.9 ms': number;
  readonly 'writes/event': number;
  readonly 'RSS MB': number;
}

async function measure(server: BenchServer, scenario: Scenario): Promise<Row> {
  const load = { ...scenario, connections: CONNECTIONS, instanceId: 0 };
  load.instanceId = await server.startInstance(scenario.plugin, scenario.config);
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
    'p50 ms': round(latency.percentile(50) / 1e6),
    'p99 ms': round(latency.percentile(99) / 1e6),
    'p99.9 ms': round(latency.percentile(99.9) / 1e6),
    'writes/event': round((after.writes - before.writes) / events),
    'RSS MB': Math.round(after.residentBytes / 1_048_576),
  };
}

async function measureAll(
  start: () => Promise<BenchServer>,
  scenarios: readonly Scenario[],
): Promise<Map<string, Row>> {
  const rows = new Map<string, Row>();
  const server = await start();
  try {
    for (const scenario of scenarios) rows.set(scenario.title, await measure(server, scenario));
  } finally {
    await server.stop();
  }
  return rows;
}

async function compare(scenarios: readonly Scenario[]): Promise<void> {
  const plugin = scenarios[0]!.plugin;
  const folder = FOLDERS[plugin];
  const ours = await measureAll(() => startOurs(folder, plugin, 1), scenarios);
  const stock = await measureAll(() => startStock(folder), scenarios);
  for (const { title } of scenarios) {
    const [mine, theirs] = [ours.get(title)!, stock.get(title)!];
    console.log(`\n${title}`);
    console.table({ 'kong-jwt-identity': mine, 'kong-js-pluginserver': theirs });
    console.log(`ratio of events / CPU s: ${(mine['events / CPU s'] / theirs['events / CPU s']).toFixed(2)}`);
  }
}

async function main(): Promise<void> {
  console.log(`${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, Node ${process.version}`);
  console.log(`${CONNECTIONS} connections, one worker, CPU of the server's processes`);
  await compare([noOp(EVENTS)]);
  const cached = await cachedToken(EVENTS);
  const scenarios = [cached, noToken(EVENTS / 2), await forgedToken(EVENTS / 5)];
  for (const alg of ALGORITHMS) scenarios.push(await uncachedTokens(alg, SIGNED_EVENTS));
  await compare(scenarios);
  console.log(`\n${cached.title}, by workers`);
  const byWorkers: Record<string, Row> = {};
  for (let workers = 1; workers <= availableParallelism(); workers *= 2) {
    const rows = await measureAll(() => startOurs(FOLDERS['jwt-identity'], 'jwt-identity', workers), [cached]);
    byWorkers[workers] = rows.get(cached.title)!;
  }
  console.table(byWorkers);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

void main();
