/**
 * What the door of a BFF costs a request, beside a route that only passes requests on in the same process. The rows are
 * measured in turns. With `--next`, the same in route handlers of a real `next start` (examples/nextjs-bff: npm ci).
 *
 *     npm run bench:door [-- --short] [--next]
 */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { availableParallelism, cpus } from 'node:os';
import { join } from 'node:path';
import { createSessions } from '../src/bff/session/session';
import { publicJwk, signingKey, signToken } from '../spec/support/tokens';
import { hasWrk, runWrk, type Load } from './gateway/wrk';
import { startNextFront } from './door/next-front';
import { familyOf, usageOf } from './process-meter';

const isShort = process.argv.includes('--short');
const hasNext = process.argv.includes('--next');
const ROUNDS = isShort ? 1 : 5;
const SECONDS = isShort ? 1 : 3;
const ISSUER = 'https://auth.test/';
const SECRET = 'for benchmarks and for nothing else than benchmarks';

/** A server with the ways of door/handlers.js. */
interface Front {
  readonly url: string;
  readonly pid: number;
}

interface Row {
  readonly way: string;
  readonly path: string;
  readonly headers: readonly string[];
  /** Whether every answer is a refusal. */
  readonly isRefused?: boolean;
}

async function started(script: string, env: Record<string, string> = {}): Promise<[ChildProcess, string]> {
  const child = fork(join(__dirname, script), {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: { ...process.env, JWT_IDENTITY_LOG_LEVEL: 'error', ...env },
  });
  const [port] = (await once(child.stdout!, 'data')) as [Buffer];
  return [child, `http://127.0.0.1:${port.toString().trim()}`];
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

async function main(): Promise<void> {
  if (!hasWrk()) throw new Error('needs wrk (Debian: the package of this name)');
  const key = signingKey('ES256', 'k');
  const claims = { iss: ISSUER, aud: 'shop', sub: 'ada', roles: ['admin'], exp: 4_000_000_000 };
  const token = await signToken(key, claims);
  const [service, serviceUrl] = await started('gateway/service.js');
  const issuers = [{ issuer: ISSUER, audiences: ['shop'], jwks: JSON.stringify({ keys: [publicJwk(key)] }) }];
  const plugins = [{ name: 'jwt-identity', config: { issuers } }];
  const routes = [{ name: 'all', paths: ['/door', '/session'], plugins }];
  const kongYml = JSON.stringify({ _format_version: '3.0', services: [{ url: serviceUrl, routes }] });
  const settings = { FRONT: JSON.stringify({ kongYml, service: serviceUrl, secret: SECRET }) };
  const [front, url] = await started('door/front.js', settings);
  const next = hasNext ? await startNextFront({ JWT_IDENTITY_LOG_LEVEL: 'error', ...settings }) : undefined;
  const sessions = createSessions({
    origin: 'http://shop.test',
    secrets: [SECRET],
    refresh: () => Promise.resolve(undefined),
  });
  const cookies = await sessions.begin({ accessToken: token, expiresInSeconds: 86_400 });
  const cookie = cookies[0]!.split(';')[0]!;
  const ways: Row[] = [
    { way: 'a bare proxy route', path: '/bare', headers: [] },
    { way: 'the door, bearer token', path: '/door', headers: [`Authorization: Bearer ${token}`] },
    { way: 'the door, encrypted cookie', path: '/session', headers: [`Cookie: ${cookie}`] },
    { way: 'the door, no token: 401', path: '/door', headers: [], isRefused: true },
  ];
  const fronts: (Front & { readonly name: string })[] = [{ name: '', url, pid: front.pid! }];
  if (next !== undefined) fronts.push({ name: 'next start: ', url: next.url, pid: next.child.pid! });
  const rows = fronts.flatMap(({ name, ...at }) => ways.map((row) => ({ ...row, ...at, way: name + row.way })));
  const found = new Map(rows.map(({ way }) => [way, [] as (Load & { cpuUs: number })[]]));
  // The first round only warms up.
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const { way, url, pid, path, headers, isRefused = false } of rows) {
      const before = usageOf(familyOf(pid)).cpuNs;
      const load = await runWrk(url + path, headers, SECONDS);
      const cpuUs = (usageOf(familyOf(pid)).cpuNs - before) / 1000 / load.requests;
      if (isRefused !== load.refused > 0) throw new Error(`${way}: ${load.refused} of ${load.requests} refused`);
      if (round > 0) found.get(way)!.push({ ...load, cpuUs });
    }
  }
  process.stdout.write(`Node ${process.version}, ${availableParallelism()} × ${cpus()[0]?.model ?? 'unknown'}\n`);
  console.table(
    Object.fromEntries(
      [...found].map(([way, loads]) => [
        way,
        {
          'requests/s': Math.round(median(loads.map(({ perSecond }) => perSecond))),
          'CPU µs': Math.round(median(loads.map(({ cpuUs }) => cpuUs))),
          'p50 ms': median(loads.map(({ p50Ms }) => p50Ms)),
          'p99 ms': median(loads.map(({ p99Ms }) => p99Ms)),
        },
      ]),
    ),
  );
  await next?.stop();
  front.disconnect();
  service.disconnect();
}

void main();
