/**
 * What a decision costs gateways other than Kong: the decision server alone, and behind nginx, Traefik and Envoy, beside the
 * same gateways without a decision, with oauth2-proxy, and with Envoy's own filter for tokens; then side by side, with Kong.
 * Tokens are known (RS256). What is not on PATH is left out, with its reason. The rows of a table are measured in one run,
 * in turns.
 *
 *     npm run bench:authz [-- --short]
 */
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { GatewayName } from '../src/server/decisions/gateways';
import { type RunningGateway, startGateway, whyAbsent } from '../spec/support/gateways/gateway-process';
import { SHIPPED_GATEWAYS } from '../spec/support/gateways/shipped-gateways';
import { IdentityProvider } from '../spec/support/identity-provider';
import { runCommand, type RunningCommand } from '../spec/support/server-process';
import { publicJwk, signingKey, signToken } from '../spec/support/tokens';
import { WITHOUT_DECISION, withJwtAuthn } from './authz/gateway-files';
import { startOauth2Proxy } from './authz/oauth2-proxy';
import { report, type Target } from './authz/targets';
import { withKong } from './gateway/kong';
import { packagedServer } from '../spec/support/kong-native';
import { hasWrk, runWrk } from './gateway/wrk';
import { descendantsOf, usageOf } from './process-meter';

const isShort = process.argv.includes('--short');
const EFFORT = { rounds: isShort ? 1 : 5, seconds: isShort ? 1 : 3 };
const REFUSALS = isShort ? 20_000 : 1_000_000;

const stops: (() => unknown)[] = [];

async function main(): Promise<void> {
  if (!hasWrk()) throw new Error('there is no wrk on PATH');
  process.stdout.write(
    `${cpus()[0]?.model ?? 'unknown processor'}, ${availableParallelism()} cores, Node ${process.version}, load average ${loadavg()[0]?.toFixed(1) ?? '?'} at the start\nwrk, 32 connections, ${EFFORT.seconds} s a row, median of ${EFFORT.rounds}; everything on this machine\n`,
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
    const [, port] = await command.logged(/notice: serving decisions .*address=127\.0\.0\.1:(\d+)/);
    return { command, port: Number(port) };
  };
  const pidsOf = (pid: number) => (): number[] => descendantsOf(pid).map((each) => each.pid);
  const none = (): number[] => [];
  const oauth2Proxy = await startOauth2Proxy(provider.issuer);
  if (oauth2Proxy !== undefined) stops.push(() => oauth2Proxy.process.kill());

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
  await report('The decision server alone', direct, EFFORT);

  const sideBySide: Target[] = [];
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
    await add(`${name} without a decision`, undefined, WITHOUT_DECISION[name], 200);
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
    await report(`Behind ${name}`, targets, EFFORT);
    sideBySide.push(...targets.filter(({ title }) => !title.includes('oauth2-proxy')));
  }
  if (spawnSync('kong', ['version']).error === undefined) {
    const kongYml = JSON.stringify(kongOf(config, servicePort));
    await withKong([packagedServer(['--workers', '2'])], kongYml, true, async ({ proxyUrl, processes }) => {
      const pids = { gatewayPids: () => processes.kong(), decisionPids: () => processes.pluginServers() };
      sideBySide.push(
        { title: 'kong without a plugin', url: `${proxyUrl}/none`, headers, passes: true, ...pids },
        { title: 'kong + the handler in its worker', url: `${proxyUrl}/orders`, headers, passes: true, ...pids },
      );
      await report('Side by side', sideBySide, EFFORT);
    });
  } else {
    process.stdout.write('\nkong: left out, there is no `kong` command on PATH\n');
    await report('Side by side', sideBySide, EFFORT);
  }
  await reportMemory(own, asNginx);
}

/** A kong.yml with a route that is guarded and one that is not. */
function kongOf(config: object, servicePort: number): object {
  const routes = [
    { name: 'none', paths: ['/none'] },
    { name: 'orders', paths: ['/orders'], plugins: [{ name: 'jwt-identity', config }] },
  ];
  return { _format_version: '3.0', services: [{ name: 'service', url: `http://127.0.0.1:${servicePort}`, routes }] };
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

main()
  .catch((error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  })
  .finally(() => {
    for (const stop of stops.toReversed()) stop();
    setTimeout(() => process.exit(), 1_000);
  });
