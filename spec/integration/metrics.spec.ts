import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { IdentityProvider } from '../support/identity-provider';
import { KongDouble } from '../support/kong-double';
import { type ServerProcess, startServer } from '../support/server-process';
import { signingKey, signToken } from '../support/tokens';

const PLUGIN = resolve(__dirname, '../../dist/plugin/jwt-identity');
const [first, second] = [signingKey('ES256', 'first'), signingKey('ES256', 'second')];

/** What `/metrics` says about the plugin, when it runs in the real server. */
describe('the metrics of the plugin', () => {
  let provider: IdentityProvider;
  let server: ServerProcess;
  let kong: KongDouble;
  beforeAll(async () => {
    provider = await IdentityProvider.start();
    provider.keys = [first, second];
    server = await startServer('--plugin', PLUGIN, '--workers', '1', '--metrics', '127.0.0.1:0');
    kong = new KongDouble(server.socketPath, 'jwt-identity');
  });
  afterAll(async () => {
    await kong.close();
    await server.stop();
    await provider.stop();
  });

  const fetchMetrics = async (): Promise<Response> => {
    const [, address] = await server.logged(/publishing metrics address=(\S+)/);
    return fetch(`http://${address!}/metrics`);
  };

  it('count decisions by code, keys by their use, looks into the cache and what the shadow rules refuse', async () => {
    const issuers = [{ issuer: provider.issuer, audiences: ['shop'], jwks_uri: provider.jwksUri }];
    const route = { issuers, allow_missing: true };
    const shadowed = { issuers, authorize_shadow: [{ roles: ['admin'] }] };
    const claims = { iss: provider.issuer, sub: 'ada', aud: 'shop', exp: Math.floor(Date.now() / 1000) + 600 };
    const bearer = async (...[key, more]: [typeof first, object?]): Promise<Record<string, string>> => ({
      host: 'shop',
      authorization: `Bearer ${await signToken(key, { ...claims, ...more })}`,
    });
    const [known, other] = [await bearer(first), await bearer(second)];
    const statuses: number[] = [];
    for (const [config, headers] of [
      [route, known],
      [route, known],
      [route, other],
      [route, { host: 'shop' }],
      [route, await bearer(first, { exp: 1 })],
      [shadowed, known],
      [shadowed, await bearer(first, { roles: ['admin'] })],
    ] as const) {
      statuses.push((await kong.request(config, headers)).status);
    }
    expect(statuses).toEqual([200, 200, 200, 200, 401, 200, 200]);

    const text = await (await fetchMetrics()).text();
    const samples = [...text.matchAll(/^jwt_identity_(\w+)\{(.*)\} (\S+)$/gm)]
      .filter(([, name]) => !/event_duration|_state$|_age_seconds$/.test(name!))
      .map(([, name, labels, value]) => `${name!} ${labels!.replace(`issuer="${provider.issuer}",`, '')} ${value!}`);
    expect(samples.sort()).toEqual([
      expect.stringMatching(/^build_info version="\d+\.\d+\.\d+",node="v\d+[^"]*",worker="1" 1$/),
      'decisions_total outcome="proceed",code="anonymous",worker="1" 1',
      'decisions_total outcome="proceed",code="proceed",worker="1" 5',
      'decisions_total outcome="refuse",code="token_expired",worker="1" 1',
      'handler_instances worker="1" 0',
      'instances worker="1" 2',
      'key_fetches_total outcome="ok",worker="1" 1',
      'key_uses_total kid="first",worker="1" 4',
      'key_uses_total kid="second",worker="1" 1',
      'keys worker="1" 2',
      'live_events worker="1" 0',
      'shadow_refusals_total code="forbidden",worker="1" 1',
      'token_cache_lookups_total result="hit",worker="1" 2',
      'token_cache_lookups_total result="miss",worker="1" 4',
      'unusable_instances worker="1" 0',
    ]);
    const age = new RegExp(
      `^jwt_identity_key_set_age_seconds\\{issuer="${provider.issuer}",worker="1"\\} ([0-9.]+)$`,
      'm',
    );
    expect(Number(age.exec(text)?.[1])).toBeLessThan(600);
    expect(text).not.toMatch(/ada|eyJ/);
  });

  it('count the workers, and those that were replaced', async () => {
    process.kill(await server.workerPid(1), 'SIGKILL');
    await server.logged(/(worker serving worker=1[^]*){2}/);
    const text = await (await fetchMetrics()).text();
    expect(text).toMatch(/^jwt_identity_workers 1$/m);
    expect(text).toMatch(/^jwt_identity_worker_restarts_total 1$/m);
  });

  it('are not to be had while a worker hangs, and then they are', async () => {
    const pid = await server.workerPid(1);
    process.kill(pid, 'SIGSTOP');
    try {
      expect((await fetchMetrics()).status).toBe(503);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
    expect((await fetchMetrics()).status).toBe(200);
  });
});
