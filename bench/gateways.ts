/**
 * What the plugin costs a request, end to end: through Kong where there is one (`kong` on PATH), with one worker of
 * Kong's, and through the development gateway; beside no plugin, plugins that decide nothing, the least that a plugin
 * server can do, Kong's own `jwt`, and the same plugin on the stock plugin server. All rows of a table but the last are
 * measured in one run, in turns.
 *
 *     npm run bench:gateways [-- --short]
 */
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { packagedServer, type NativePluginServer } from '../spec/support/kong-native';
import { startEmbeddedKong } from '../spec/support/kong-embedded';
import { type Processes, withKong } from './gateway/kong';
import { ON_STOCK, pluginServers } from './gateway/plugin-servers';
import {
  declaration,
  guarded,
  handlerRoutes,
  manyCallers,
  REMEMBERED,
  withCache,
  yardsticks,
  type BenchRoute,
} from './gateway/routes';
import { hasWrk, runWrk, type Load } from './gateway/wrk';
import { usageOf } from './process-meter';

const isShort = process.argv.includes('--short');
const ROUNDS = isShort ? 1 : 5;
const SECONDS = isShort ? 1 : 3;
const FLOOR = 'minimal plugin server';

interface Row {
  readonly 'requests/s': number;
  /** Of processor time a request; not of the development gateway. */
  readonly 'Kong µs'?: number;
  readonly 'plugin server µs'?: number;
  readonly 'p99 ms': number;
}

async function measure(
  proxyUrl: string,
  routes: readonly BenchRoute[],
  processes?: Processes,
  count = ROUNDS,
): Promise<Map<string, Row>> {
  const rounds = new Map<string, Row[]>(routes.map(({ title }) => [title, []]));
  // The first round only warms up.
  for (let round = 0; round <= count; round++) {
    for (const route of routes) {
      const row = await measureOnce(proxyUrl, route, processes);
      if (round > 0) rounds.get(route.title)?.push(row);
    }
  }
  return new Map([...rounds].map(([title, rows]) => [title, median(rows)]));
}

async function measureOnce(proxyUrl: string, route: BenchRoute, processes: Processes | undefined): Promise<Row> {
  const usage = (): [number, number] =>
    processes === undefined ? [0, 0] : [usageOf(processes.kong()).cpuNs, usageOf(processes.pluginServers()).cpuNs];
  const tokens = (await route.makeTokens?.()) ?? route.tokens;
  const before = usage();
  const paths = route.morePaths && [route.path, ...route.morePaths];
  const load = await runWrk(`${proxyUrl}${route.path}`, route.headers, SECONDS, tokens, paths);
  const after = usage();
  checkOutcome(route, load);
  const each = (index: 0 | 1): number => round((after[index] - before[index]) / 1_000 / load.requests);
  return {
    'requests/s': Math.round(load.perSecond),
    ...(processes !== undefined && { 'Kong µs': each(0), 'plugin server µs': each(1) }),
    'p99 ms': round(load.p99Ms),
  };
}

/** A bench of a gateway that lets the wrong requests through measures nothing. */
function checkOutcome({ title, passes }: BenchRoute, { requests, refused }: Load): void {
  if (requests === 0 || refused !== (passes ? 0 : requests)) {
    throw new Error(`${title}: ${refused} of ${requests} requests were refused`);
  }
}

function median(rows: readonly Row[]): Row {
  const sorted = rows.toSorted((a, b) => a['requests/s'] - b['requests/s']);
  return sorted[Math.floor(sorted.length / 2)]!;
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

async function throughKong(
  servers: readonly NativePluginServer[],
  routes: readonly BenchRoute[],
  servicePort: number,
  consumers: readonly object[] = [],
  rounds = ROUNDS,
  handler = true,
): Promise<Map<string, Row>> {
  return withKong(servers, declaration(routes, servicePort, consumers), handler, ({ proxyUrl, processes }) =>
    measure(proxyUrl, routes, processes, rounds),
  );
}

/** What the answers cost Kong's worker in memory that its handler remembers, up to its bound. */
async function compareMemory(servicePort: number): Promise<void> {
  const route = await manyCallers();
  const [none] = (await yardsticks()).routes;
  const table: Record<string, object> = {};
  for (const ttl of [0, 5]) {
    const routes = [none!, { ...route, plugins: withCache(route.plugins, ttl) }];
    await withKong(pluginServers().slice(0, 1), declaration(routes, servicePort), true, async (kong) => {
      const residentMb = (): number => Math.round(usageOf(kong.processes.workers()).residentBytes / 1_048_576);
      await measureOnce(kong.proxyUrl, none!, kong.processes);
      const before = residentMb();
      // Twice as many requests as callers, at the least, so that each has been seen.
      for (let sent = 0; sent < 2 * REMEMBERED;) {
        sent += (await runWrk(`${kong.proxyUrl}${route.path}`, route.headers, SECONDS, route.tokens)).requests;
      }
      table[`worker_cache_ttl: ${ttl}`] = { 'before, MB': before, 'after, MB': residentMb() };
    });
  }
  console.log(`\nResident memory of Kong's worker, ${REMEMBERED} callers with answers of nearly 4 KB`);
  console.table(table);
}

function print(title: string, rows: ReadonlyMap<string, Row>): void {
  console.log(`\n${title}`);
  console.table(Object.fromEntries(rows));
}

function ratio(
  name: string,
  rows: ReadonlyMap<string, Row>,
  ours: string,
  theirs: string,
  target?: number,
): [string, object] {
  const value = (rows.get(ours)?.['requests/s'] ?? 0) / (rows.get(theirs)?.['requests/s'] ?? Number.NaN);
  const rounded = Math.round(value * 100) / 100;
  return [name, target === undefined ? { ratio: rounded } : { ratio: rounded, target, met: value >= target }];
}

/** How much more of Kong's and the plugin server's time a row takes than no plugin. */
function above(rows: ReadonlyMap<string, Row>, title: string, target?: number): object {
  const of = (name: string): number => {
    const row = rows.get(name)!;
    return Number(row['Kong µs']) + Number(row['plugin server µs']);
  };
  const value = round(of(title) - of('no plugin'));
  return target === undefined ? { µs: value } : { µs: value, target, met: value <= target };
}

async function compareThroughKong(servicePort: number): Promise<void> {
  const { stdout } = spawnSync('kong', ['version'], { encoding: 'utf8' });
  const openssl = spawnSync('resty', ['-e', 'io.write(require("resty.openssl.version").version_text)'], {
    encoding: 'utf8',
  });
  console.log(`\nKong ${stdout.trim()}, ${openssl.stdout || 'its OpenSSL is not known'}`);
  const { routes, consumers } = await yardsticks();
  const ours = await guarded();
  const rows = await throughKong(
    pluginServers(),
    [...routes, ...ours, ...(await guarded(['HS256'], ON_STOCK))],
    servicePort,
    consumers,
  );
  print("Through Kong, one worker; one process of each plugin server; the handler in Kong's worker on", rows);
  const [none] = routes;
  const withoutHandler = [none!, ...ours];
  print(
    'The same without the handler',
    await throughKong(pluginServers().slice(0, 1), withoutHandler, servicePort, consumers, ROUNDS, false),
  );
  print(
    'With the handler: what makes a decision more expensive',
    await throughKong(pluginServers().slice(0, 1), [none!, ...(await handlerRoutes())], servicePort),
  );

  const accepted = 'jwt-identity, HS256, cached token';
  // As a service calls: `Host` and a token. A browser sends the dozen headers of the other rows.
  const few = [none!, ...ours.filter(({ title }) => title === accepted)].map((route) => ({
    ...route,
    headers: route.headers.filter((line) => line.startsWith('Authorization')),
  }));
  const rowsFew = await throughKong(pluginServers().slice(0, 1), few, servicePort);
  print('Without the headers of a browser', rowsFew);
  console.log('\nRatios of requests/s, and targets');
  console.table(
    Object.fromEntries([
      ratio('accepted : no plugin', rows, accepted, 'no plugin', 0.88),
      ratio('the same without the headers of a browser', rowsFew, accepted, 'no plugin', 0.88),
      ratio('accepted : plugin that does nothing', rows, accepted, 'external plugin that does nothing'),
      ratio("accepted : Kong's pre-function", rows, accepted, "Kong's pre-function that does nothing"),
      ratio("accepted : Kong's request-transformer", rows, accepted, "Kong's request-transformer, same headers"),
      ratio('accepted : the same on the stock server', rows, accepted, `${ON_STOCK}, HS256, cached token`),
      ratio("accepted : Kong's jwt, HS256", rows, accepted, "Kong's jwt, HS256", 1.6),
      ratio('refused, no token : accepted', rows, 'jwt-identity, refused, no token', accepted),
      ratio('minimal plugin server : does nothing', rows, FLOOR, 'external plugin that does nothing'),
    ]),
  );

  console.log("\nKong's processor time above no plugin, µs a request, and targets");
  console.table({
    [accepted]: above(rows, accepted, 5),
    'the same without the headers of a browser': above(rowsFew, accepted, 5),
    'jwt-identity, refused, no token': above(rows, 'jwt-identity, refused, no token', 10),
    // For comparison: what Kong charges for any plugin in its worker, and for these headers.
    "Kong's pre-function that does nothing": above(rows, "Kong's pre-function that does nothing"),
    "Kong's request-transformer, same headers": above(rows, "Kong's request-transformer, same headers"),
  });

  await compareMemory(servicePort);
  await compareByStart([...routes, ...ours], consumers, servicePort);

  const one = ours.filter(({ title }) => title === accepted);
  const byWorkers = new Map<string, Row>();
  for (let workers = 1; workers <= availableParallelism(); workers *= 2) {
    const server = packagedServer(['--workers', String(workers)]);
    byWorkers.set(`${workers}`, (await throughKong([server], one, servicePort)).get(accepted)!);
  }
  print(`Through Kong, one worker; ${accepted}, by workers of the plugin server`, byWorkers);
}

/** What Kong's jwt spends on a public key differs from start to start of Kong, so one start says nothing. */
async function compareByStart(
  all: readonly BenchRoute[],
  consumers: readonly object[],
  servicePort: number,
): Promise<void> {
  const [theirs, ours] = ["Kong's jwt, RS256", 'jwt-identity, RS256, cached token'];
  const routes = all.filter(({ title }) => title === theirs || title === ours);
  const starts: Record<string, object> = {};
  for (let start = 1; start <= ROUNDS; start++) {
    const rows = await throughKong(pluginServers().slice(0, 1), routes, servicePort, consumers, 1);
    const [jwt, identity] = [rows.get(theirs)!, rows.get(ours)!];
    starts[`start ${start}`] = {
      [`${theirs}: requests/s`]: jwt['requests/s'],
      [`${theirs}: Kong µs`]: jwt['Kong µs'],
      [`${ours}: requests/s`]: identity['requests/s'],
      ratio: round(identity['requests/s'] / jwt['requests/s']),
      target: 15,
    };
  }
  console.log("\nRS256 beside Kong's jwt, by starts of Kong");
  console.table(starts);
}

async function throughDevelopmentGateway(servicePort: number): Promise<void> {
  const { routes: all } = await yardsticks();
  const routes = [...all.filter(({ plugins }) => plugins.length === 0), ...(await guarded())];
  const gateway = await startEmbeddedKong({ declarativeConfig: declaration(routes, servicePort) });
  try {
    print('Through the development gateway', await measure(gateway.proxyUrl, routes));
  } finally {
    await gateway.stop();
  }
}

async function main(): Promise<void> {
  if (!hasWrk()) throw new Error('this bench needs wrk on PATH (Debian: apt-get install wrk)');
  console.log(`${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, Node ${process.version}`);
  console.log(`wrk, 32 connections, ${SECONDS} s a row, median of ${ROUNDS}; everything on this machine`);
  const service = fork(join(__dirname, 'gateway/service.js'), { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  const [printed] = (await once(service.stdout!, 'data')) as [Buffer];
  const port = Number(printed.toString());
  try {
    if (spawnSync('kong', ['version']).error === undefined) await compareThroughKong(port);
    else console.log('\nThrough Kong: SKIPPED, there is no `kong` command on PATH');
    await throughDevelopmentGateway(port);
  } finally {
    service.disconnect();
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
