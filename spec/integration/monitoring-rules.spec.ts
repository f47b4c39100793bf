import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { HANDLER_MEMBER, PACKAGE_VERSION } from '../../src/protocol/verdict';
import { FAULTS, IdentityProvider } from '../support/identity-provider';
import { KongDouble } from '../support/kong-double';
import { KongSide } from '../support/kong-side';
import { type RunningCommand, runCommand, startServer, type ServerProcess } from '../support/server-process';
import { signingKey, signToken } from '../support/tokens';

const PLUGIN = resolve(__dirname, '../../dist/plugin/jwt-identity');
const RULES = resolve(__dirname, '../../deploy/monitoring/rules.yml');
const key = signingKey('ES256', 'k1');

const hasPromtool = spawnSync('promtool', ['--version']).error === undefined;
if (!hasPromtool) process.stderr.write('promtool is SKIPPED: it is not on PATH (Debian: prometheus)\n');

/** A sample of `/metrics`: its name with its labels, and its value. */
type Sample = readonly [series: string, value: number];

/** The samples of a scrape, with the labels that Prometheus adds. */
function samplesOf(text: string, job: string): Sample[] {
  return [...text.matchAll(/^([a-z_]+)(?:\{(.*)\})? (\S+)$/gm)]
    .filter(([, name]) => name!.startsWith('jwt_identity_'))
    .map(([, name, labels, value]) => {
      const all = [`job="${job}"`, `instance="${job}:9102"`, ...(labels ? [labels] : [])];
      return [`${name!}{${all.join(',')}}`, Number(value)] as const;
    });
}

const MINUTES = 20;

/**
 * Series that go on for some minutes as they went from one scrape to the next: counters rise by as much each half minute,
 * gauges stay as they are.
 */
function seriesOf(before: readonly Sample[], after: readonly Sample[]): object[] {
  const earlier = new Map(before);
  return after.map(([series, value]) => {
    const isCounter = /^\w+_(total|count|sum|bucket)\{/.test(series);
    const rise = isCounter ? value - (earlier.get(series) ?? 0) : 0;
    return { series, values: `${value}${rise < 0 ? '-' : '+'}${Math.abs(rise)}x${MINUTES * 2}` };
  });
}

/** What fires, by the rules that ship, after {@link MINUTES} of such series. */
function firing(series: readonly object[]): string[] {
  const folder = mkdtempSync(join(tmpdir(), 'rules-'));
  copyFileSync(RULES, join(folder, 'rules.yml'));
  const test = (expected: readonly object[]): object => ({
    interval: '30s',
    input_series: series,
    promql_expr_test: [
      {
        expr: 'count by (alertname) (ALERTS{alertstate="firing"})',
        eval_time: `${MINUTES - 1}m`,
        exp_samples: expected,
      },
    ],
  });
  writeFileSync(
    join(folder, 'test.yml'),
    JSON.stringify({
      rule_files: ['rules.yml'],
      evaluation_interval: '30s',
      tests: [test([{ labels: '{alertname="none"}', value: 1 }])],
    }),
  );
  const { stdout, stderr } = spawnSync('promtool', ['test', 'rules', 'test.yml'], { cwd: folder, encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  // It always fails, and says what there is instead.
  const [, got] = /got:\s*([^]*)/.exec(stdout + stderr) ?? [];
  if (got === undefined) throw new Error(stdout + stderr);
  return [...got.matchAll(/alertname="(\w+)"/g)]
    .map(([, name]) => name!)
    .filter((name) => name !== 'none')
    .sort();
}

(hasPromtool ? describe : describe.skip)('the rules for Prometheus, with what real servers publish', () => {
  let provider: IdentityProvider;
  let server: ServerProcess;
  let authz: RunningCommand;
  let folder: string;
  let kong: KongDouble;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'monitored-'));
    provider = await IdentityProvider.start();
    provider.keys = [key];
    server = await startServer('--plugin', PLUGIN, '--workers', '1', '--metrics', '127.0.0.1:0');
    kong = new KongDouble(server.socketPath, 'jwt-identity');
    const policies = join(folder, 'policies.yml');
    writeFileSync(policies, JSON.stringify({ policies: { orders: { issuers: [trust()] } } }));
    const flags = ['--listen', '127.0.0.1:0', '--workers', '1', '--metrics', '127.0.0.1:0', '--until-stdin-ends'];
    authz = runCommand(['authz', '--gateway', 'nginx', '--policies', policies, ...flags]);
    await authz.logged(/notice: serving decisions/);
  }, 60_000);
  afterAll(async () => {
    await kong.close();
    await server.stop();
    authz.process.kill('SIGTERM');
    await authz.ended;
    await provider.stop();
    rmSync(folder, { recursive: true });
  });

  const trust = (changes: object = {}): object => ({
    issuer: provider.issuer,
    audiences: ['shop'],
    jwks_uri: provider.jwksUri,
    ...changes,
  });
  const handled = (id: string, issuers: readonly object[], changes: object = {}): object => ({
    issuers,
    ...changes,
    __plugin_id: id,
    __seq__: 1,
    [HANDLER_MEMBER]: PACKAGE_VERSION,
  });
  const bearer = async (claims: object = {}): Promise<Record<string, string>> => {
    const exp = Math.floor(Date.now() / 1000) + 600;
    const token = await signToken(key, { iss: provider.issuer, sub: 'ada', aud: 'shop', exp, ...claims });
    return { host: 'shop', authorization: `Bearer ${token}` };
  };
  const published = new Set<string>();
  const scrape = async (): Promise<Sample[]> => {
    const all = [server, authz].map(async (command, index) => {
      const [, address] = await command.logged(/publishing metrics address=(\S+)/);
      const answer = await fetch(`http://${address!}/metrics`);
      expect(answer.status).toBe(200);
      return samplesOf(await answer.text(), index === 0 ? 'kong' : 'authz');
    });
    const samples = (await Promise.all(all)).flat();
    for (const [series] of samples) published.add(series.slice(0, series.indexOf('{')));
    return samples;
  };
  /** What fires when things go on as they do meanwhile. */
  const alertsOf = async (happens: () => Promise<unknown>): Promise<string[]> => {
    const before = await scrape();
    await happens();
    return firing(seriesOf(before, await scrape()));
  };

  it('raise nothing while requests pass, also for a decision server, which has no handler', async () => {
    const config = handled('sound', [trust()]);
    const alerts = await alertsOf(async () => {
      for (let request = 0; request < 5; request += 1) await kong.request(config, await bearer());
      const [, address] = await authz.logged(/notice: serving decisions .*address=(\S+)/);
      const headers = { 'x-original-method': 'GET', 'x-original-uri': '/', ...(await bearer()) };
      expect((await fetch(`http://${address!}/orders`, { headers })).status).toBe(200);
    });
    expect(alerts).toEqual([]);
  });

  it('raise JwtIdentityManyUntrusted for tokens of another issuer', async () => {
    const config = handled('untrusted', [trust()]);
    const alerts = await alertsOf(async () => {
      for (let request = 0; request < 5; request += 1)
        await kong.request(config, await bearer({ iss: 'https://else.test/' }));
    });
    expect(alerts).toEqual(['JwtIdentityManyUntrusted']);
  });

  it('raise JwtIdentityEventsFail for an answer of Kong that cannot be read', async () => {
    const alerts = await alertsOf(async () => {
      const connection = await KongSide.connect(server.socketPath);
      const id = await connection.start(handled('broken', [trust()]), 'jwt-identity');
      await connection.event(id!, { 'kong.request.get_headers': Buffer.from([0xff, 0xff, 0xff]) });
      await connection.close();
    });
    expect(alerts).toEqual(['JwtIdentityEventsFail']);
  });

  it('raise JwtIdentityKeysUnavailable for keys that cannot be fetched, and JwtIdentityKeysStale for those that get too old', async () => {
    const other = await IdentityProvider.start();
    other.keys = [key];
    const entry = {
      issuer: other.issuer,
      jwks_uri: other.jwksUri,
      key_fetch: { ttl: 1, min_ttl: 1, max_ttl: 1, cooldown: 1 },
    };
    const config = handled('stale', [trust(entry)]);
    const nobody = { issuer: 'https://nobody.test/', jwks_uri: 'http://127.0.0.1:1/jwks' };
    const alerts = await alertsOf(async () => {
      const token = await bearer({ iss: other.issuer });
      expect((await kong.request(config, token)).status).toBe(200);
      other.fault = FAULTS.error;
      await kong.request(handled('gone', [trust(nobody)]), await bearer({ iss: nobody.issuer }));
      // Used until the first renewal has failed.
      for (;;) {
        await kong.request(config, token);
        if (/state="stale",worker="1"\} 1$/m.test(await textOf())) break;
        await new Promise((onTime) => setTimeout(onTime, 50));
      }
    });
    await other.stop();
    expect(alerts).toEqual(['JwtIdentityKeysStale', 'JwtIdentityKeysUnavailable']);
  }, 60_000);

  it('raise the alerts for workers that die, entries that cannot be used, a missing handler and a list that is too old', async () => {
    const list = join(folder, 'revoked.json');
    const now = Math.floor(Date.now() / 1000);
    writeFileSync(list, JSON.stringify({ iat: now - 60, exp: now - 30, revocations: [] }), { mode: 0o600 });
    const alerts = await alertsOf(async () => {
      for (let death = 1; death <= 3; death += 1) {
        process.kill(await server.workerPid(1), 'SIGKILL');
        await server.logged(new RegExp(`(worker serving worker=1[^]*){${death + 1}}`));
      }
      const statusOf = async (config: object): Promise<number> => (await kong.request(config, await bearer())).status;
      expect(await statusOf({ issuers: [trust()] })).toBe(200);
      await statusOf(handled('unusable', [trust({ jwks_uri: undefined, jwks: '{"keys":[]}' })]));
      await statusOf(handled('listed', [trust()], { revocation_lists: [{ file: list }] }));
    });
    expect(alerts).toEqual([
      'JwtIdentityConfigurationUnusable',
      'JwtIdentityHandlerMissing',
      'JwtIdentityRevocationListOld',
      'JwtIdentityWorkersRestart',
    ]);
  }, 60_000);

  it('name no metric that the servers did not publish meanwhile', () => {
    const { groups } = parse(readFileSync(RULES, 'utf8')) as { groups: { rules: { expr: string }[] }[] };
    const named = groups.flatMap(({ rules }) => rules.flatMap(({ expr }) => expr.match(/jwt_identity_\w+/g) ?? []));
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter((name) => !published.has(name))).toEqual([]);
  });

  const textOf = async (): Promise<string> => {
    const [, address] = await server.logged(/publishing metrics address=(\S+)/);
    return (await fetch(`http://${address!}/metrics`)).text();
  };
});
