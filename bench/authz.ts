/**
 * What a decision costs gateways other than Kong: the decision server alone, and behind nginx, Traefik and Envoy, beside the
 * same gateways without a decision, with oauth2-proxy, and with Envoy's own filter for tokens. Tokens are known (RS256).
 * What is not on PATH is left out, with its reason. The rows of a table are measured in one run, in turns.
 *
 *     npm run bench:authz [-- --short]
 */
import { type ChildProcess, fork, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import type { GatewayName } from '../src/server/decisions/gateways';
import { type RunningGateway, startGateway, whyAbsent } from '../spec/support/gateways/gateway-process';
import { SHIPPED_GATEWAYS } from '../spec/support/gateways/shipped-gateways';
import { IdentityProvider } from '../spec/support/identity-provider';
import { runCommand, type RunningCommand } from '../spec/support/server-process';
import { publicJwk, signingKey, signToken } from '../spec/support/tokens';
import { hasWrk, runWrk } from './gateway/wrk';
import { descendantsOf, usageOf } from './process-meter';

const isShort = process.argv.includes('--short');
const ROUNDS = isShort ? 1 : 5;
const SECONDS = isShort ? 1 : 3;
const REFUSALS = isShort ? 20_000 : 1_000_000;

/** Something that answers requests, and the processes whose time counts. */
interface Target {
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

const stops: (() => unknown)[] = [];

async function main(): Promise<void> {
  if (!hasWrk()) throw new Error('there is no wrk on PATH');
  process.stdout.write(
    `${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, Node ${process.version}, load average ${loadavg()[0]?.toFixed(1) ?? '?'} at the start\nwrk, 32 connections, ${SECONDS} s a row, median of ${ROUNDS}; everything on this machine\n`,
  );
  const provider = await IdentityProvider.start();
  const key = signingKey('RS256', 'k1');
  provider.keys = [publicJwk(key)];
  stops.push(() => provider.stop());
  const exp = Math.floor(Date.now() / 1000) + 3_600;
  const token = await signToken(key, {
    iss: provider.issuer,
    aud: 'shop',
    sub: 'ada',
    email: 'ada@shop.test',
    email_verified: true,
    exp,
  });
  const headers = [`Authorization: Bearer ${token}`];
  const config = {
    issuers: [{ issuer: provider.issuer, audiences: ['shop'], jwks: JSON.stringify({ keys: [publicJwk(key)] }) }],
  };
  const service = fork(join(__dirname, 'gateway/service.js'), { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] });
  stops.push(() => service.kill());
  const [line] = (await once(service.stdout!, 'data')) as [Buffer];
  const servicePort = Number(line.toString());
  const jwksText = JSON.stringify({ keys: [publicJwk(key)] });

  const folder = mkdtempSync(join(tmpdir(), 'bench-authz-'));
  stops.push(() => {
    rmSync(folder, { recursive: true });
  });
  const policies = join(folder, 'policies.yml');
  writeFileSync(policies, JSON.stringify({ policies: { orders: config } }));
  const authz = async (gateway: GatewayName, strips: string): Promise<{ command: RunningCommand; port: number }> => {
    const flags = ['--gateway', gateway, '--gateway-strips', strips, '--policies', policies, '--listen', '127.0.0.1:0'];
    const command = runCommand(['authz', ...flags, '--workers', '2', '--until-stdin-ends']);
    stops.push(() => command.process.kill());
    const [, port] = await command.logged(/notice: deciding .*address=127\.0\.0\.1:(\d+)/);
    return { command, port: Number(port) };
  };
  const pidsOf = (pid: number) => (): number[] => descendantsOf(pid).map((each) => each.pid);
  const none = (): number[] => [];
  const oauth2Proxy = await startOauth2Proxy(provider.issuer);

  const direct: Target[] = [];
  const nginxAuthz = await authz('nginx', 'answered');
  const asNginx = ['X-Original-Method: GET', 'X-Original-URI: /'];
  const own = {
    gatewayPids: none,
    decisionPids: pidsOf(nginxAuthz.command.pid),
    url: `http://127.0.0.1:${nginxAuthz.port}/orders`,
  };
  direct.push({ title: 'authz: a known token', headers: [...asNginx, ...headers], passes: true, ...own });
  direct.push({ title: 'authz: no token', headers: asNginx, passes: false, ...own });
  if (oauth2Proxy !== undefined) {
    const theirs = {
      gatewayPids: none,
      decisionPids: pidsOf(oauth2Proxy.process.pid!),
      url: `http://${oauth2Proxy.host}:${oauth2Proxy.port}/oauth2/auth`,
    };
    direct.push({ title: 'oauth2-proxy: the same token', headers, passes: true, ...theirs });
    direct.push({ title: 'oauth2-proxy: no token', headers: [], passes: false, ...theirs });
  }
  await report('The decision server alone', direct);

  for (const name of ['nginx', 'traefik', 'envoy'] as const) {
    const shipped = SHIPPED_GATEWAYS.find((each) => each.name === name)!;
    const absence = whyAbsent(shipped);
    if (absence !== undefined) {
      process.stdout.write(`\n${name}: left out, ${absence}\n`);
      continue;
    }
    const targets: Target[] = [];
    const add = async (
      title: string,
      decisions: { readonly host?: string; readonly port: number; readonly pid: number } | undefined,
      edit?: (text: string, file: string) => string,
      readyStatus?: number,
      kind = shipped,
    ): Promise<void> => {
      const addresses = {
        decisions: { host: decisions?.host ?? '127.0.0.1', port: decisions?.port ?? 9 },
        service: { host: '127.0.0.1', port: servicePort },
      };
      const gateway: RunningGateway = await startGateway(kind, addresses, edit, readyStatus);
      stops.push(() => gateway.stop());
      targets.push({
        ...{ title, url: `http://${gateway.host}:${gateway.port}/orders`, headers, passes: true },
        gatewayPids: pidsOf(gateway.process.pid!),
        decisionPids: decisions === undefined ? none : pidsOf(decisions.pid),
      });
    };
    await add(`${name} without a decision`, undefined, WITHOUT[name], 200);
    const { command, port } = name === 'nginx' ? nginxAuthz : await authz(name, shipped.strips);
    await add(`${name} + authz`, { port, pid: command.pid });
    if (name === 'envoy') {
      const grpc = await authz('envoy-grpc', 'nothing');
      const kind = SHIPPED_GATEWAYS.find((each) => each.name === 'envoy-grpc')!;
      await add('envoy + authz over gRPC', { port: grpc.port, pid: grpc.command.pid }, undefined, undefined, kind);
      await add('envoy + its own jwt_authn', undefined, withJwtAuthn(provider.issuer, jwksText));
    } else if (oauth2Proxy !== undefined) {
      const edit = (text: string): string => text.replace(/(decisions|:\d+|}})\/orders/, '$1/oauth2/auth');
      const theirs = { ...oauth2Proxy, pid: oauth2Proxy.process.pid! };
      await add(`${name} + oauth2-proxy`, theirs, edit, name === 'nginx' ? 500 : 401);
    }
    await report(`Behind ${name}`, targets);
  }
  await reportMemory(own, asNginx);
}

/** What makes a copy of the shipped files pass everything on. */
const WITHOUT: Readonly<Record<'nginx' | 'traefik' | 'envoy', (text: string, file: string) => string>> = {
  nginx: (text) => text.replace(/^ *auth_request \/.*$/m, ''),
  traefik: (text) => text.replace(/^ *middlewares: \[.*$/m, ''),
  envoy: (text, file) => (file === 'envoy.yaml' ? withFilters(text, () => []) : text),
};

interface EnvoyFilter {
  readonly name: string;
}

/** Replaces the filter that asks for decisions. */
function withFilters(text: string, filters: () => readonly object[]): string {
  const file = parse(text) as {
    static_resources: {
      listeners: { filter_chains: { filters: { typed_config: { http_filters: EnvoyFilter[] } }[] }[] }[];
    };
  };
  const manager = file.static_resources.listeners[0]!.filter_chains[0]!.filters[0]!.typed_config;
  const rest = manager.http_filters.filter(({ name }) => !name.includes('ext_authz'));
  manager.http_filters = [...(filters() as EnvoyFilter[]), ...rest];
  return stringify(file);
}

function withJwtAuthn(issuer: string, jwks: string): (text: string, file: string) => string {
  const filter = {
    name: 'envoy.filters.http.jwt_authn',
    typed_config: {
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication',
      providers: {
        shop: {
          issuer,
          audiences: ['shop'],
          local_jwks: { inline_string: jwks },
          claim_to_headers: [{ header_name: 'x-user-id', claim_name: 'sub' }],
          jwt_cache_config: { jwt_cache_size: 1_000 },
        },
      },
      rules: [{ match: { prefix: '/' }, requires: { provider_name: 'shop' } }],
    },
  };
  return (text, file) => (file === 'envoy.yaml' ? withFilters(text, () => [filter]) : text);
}

async function report(title: string, targets: readonly Target[]): Promise<void> {
  const rounds = new Map<string, Row[]>(targets.map((target) => [target.title, []]));
  // The first round only warms up.
  for (let round = 0; round <= ROUNDS; round++) {
    for (const target of targets) {
      const row = await measure(target);
      if (round > 0) rounds.get(target.title)?.push(row);
    }
  }
  process.stdout.write(`\n${title}\n`);
  console.table(Object.fromEntries([...rounds].map(([name, rows]) => [name, median(rows)])));
}

async function measure({ title, url, headers, passes, gatewayPids, decisionPids }: Target): Promise<Row> {
  const usage = (): [number, number] => [usageOf(gatewayPids()).cpuNs, usageOf(decisionPids()).cpuNs];
  const before = usage();
  const load = await runWrk(url, headers, SECONDS);
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

/** Resident memory of the decision server's processes before and after many refusals. */
async function reportMemory(own: Pick<Target, 'url' | 'decisionPids'>, headers: readonly string[]): Promise<void> {
  const megabytes = (): string => `${Math.round(usageOf(own.decisionPids()).residentBytes / 1024 / 1024)} MB`;
  const marks = [megabytes()];
  for (let refused = 0; refused < REFUSALS;) {
    const goal = refused + REFUSALS / 4;
    while (refused < goal) refused += (await runWrk(own.url, headers, 1)).requests;
    marks.push(megabytes());
  }
  process.stdout.write(
    `\nResident memory, all processes, before ${REFUSALS} refusals and after each quarter: ${marks.join(', ')}\n`,
  );
}

const OAUTH2_PORT = 4180;

interface Oauth2Proxy {
  readonly process: ChildProcess;
  readonly host: string;
  readonly port: number;
}

async function startOauth2Proxy(issuer: string): Promise<Oauth2Proxy | undefined> {
  if (spawnSync('oauth2-proxy', ['--version']).error !== undefined) {
    process.stdout.write(
      'oauth2-proxy: left out, it is not on PATH (go install github.com/oauth2-proxy/oauth2-proxy/v7@latest)\n',
    );
    return undefined;
  }
  const secret = '0123456789abcdef'.repeat(2);
  // It cannot be told to take a free port: an address that no other run has.
  const host = `127.99.${(process.pid >> 8) & 255}.${process.pid & 255 || 1}`;
  const flags = ['--provider=oidc', `--oidc-issuer-url=${issuer}`, '--client-id=shop', '--client-secret=none'];
  flags.push(
    `--cookie-secret=${secret}`,
    '--email-domain=*',
    '--skip-jwt-bearer-tokens=true',
    '--set-xauthrequest=true',
  );
  flags.push(
    `--http-address=${host}:${OAUTH2_PORT}`,
    '--upstream=static://200',
    '--reverse-proxy=true',
    '--trusted-proxy-ip=127.0.0.1',
  );
  flags.push('--request-logging=false', '--auth-logging=false', '--standard-logging=false');
  const child = spawn('oauth2-proxy', flags, { stdio: ['ignore', 'inherit', 'inherit'] });
  stops.push(() => child.kill());
  await listening(host, OAUTH2_PORT);
  return { process: child, host, port: OAUTH2_PORT };
}

/** Waits until a server listens. */
async function listening(host: string, port: number): Promise<void> {
  for (let looks = 0; looks < 600; looks++) {
    if (await takesConnections(host, port)) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`nobody listens at ${host}:${port}`);
}

function takesConnections(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => {
      resolve(false);
    });
  });
}

main()
  .catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  })
  .finally(() => {
    for (const stop of stops.toReversed()) stop();
    setTimeout(() => process.exit(), 1_000);
  });
