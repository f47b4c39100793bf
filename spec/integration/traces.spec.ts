import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { IdentityProvider } from '../support/identity-provider';
import { KongDouble } from '../support/kong-double';
import { startOtlpReceiver, type OtlpReceiver } from '../support/otlp-receiver';
import { runCommand, startServer, type ServerProcess } from '../support/server-process';
import { signingKey, signToken } from '../support/tokens';

const PLUGIN = resolve(__dirname, '../../dist/plugin/jwt-identity');
const key = signingKey('ES256', 'k1');
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

/** What is to be stopped after a spec, the last one first. */
const opened: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const stop of opened.splice(0).reverse()) await stop();
});

interface Place {
  readonly receiver: OtlpReceiver;
  readonly provider: IdentityProvider;
  readonly server: ServerProcess;
  readonly send: (headers?: Readonly<Record<string, string>>) => Promise<number>;
}

/** A plugin server that sends spans, soon, to a receiver. */
async function startTraced(variables: Readonly<Record<string, string>> = {}, receiver?: OtlpReceiver): Promise<Place> {
  const provider = await IdentityProvider.start();
  opened.push(() => provider.stop());
  provider.keys = [key];
  const given = receiver ?? (await startOtlpReceiver());
  opened.push(() => given.stop());
  const settings = { OTEL_BSP_SCHEDULE_DELAY: '50', ...variables };
  Object.assign(process.env, settings);
  const server = await startServer('--plugin', PLUGIN, '--workers', '1', '--traces', given.url);
  for (const name of Object.keys(settings)) Reflect.deleteProperty(process.env, name);
  opened.push(() => server.stop());
  const kong = new KongDouble(server.socketPath, 'jwt-identity');
  opened.push(() => kong.close());
  const config = {
    issuers: [{ issuer: provider.issuer, audiences: ['shop'], jwks_uri: provider.jwksUri }],
    authorize: [{ roles: ['admin'] }],
  };
  return {
    receiver: given,
    provider,
    server,
    send: async (headers = {}) => (await kong.request(config, { host: 'shop', ...headers })).status,
  };
}

const bearer = async (provider: IdentityProvider, claims: object = {}): Promise<string> => {
  const exp = Math.floor(Date.now() / 1000) + 600;
  const all = { iss: provider.issuer, sub: 'SECRETSUB', aud: 'shop', exp, roles: ['admin', 'SECRETROLE'], ...claims };
  return `Bearer ${await signToken(key, all)}`;
};
const isDecision = ({ name }: { name: string }): boolean => name === 'jwt_identity.decision';

describe('the spans of a plugin server', () => {
  it('for a request that passes: a decision below the span of traceparent, with its steps, and the fetch of the keys', async () => {
    const { receiver, provider, send } = await startTraced();
    const authorization = await bearer(provider);
    expect(await send({ authorization, traceparent: `00-${TRACE}-${PARENT}-01` })).toBe(200);
    const [decision] = await receiver.received(isDecision);
    expect(decision).toMatchObject({
      traceId: TRACE,
      parentSpanId: PARENT,
      attributes: {
        'jwt_identity.outcome': 'proceed',
        'jwt_identity.code': 'proceed',
        'jwt_identity.issuer': provider.issuer,
        'jwt_identity.kid': 'k1',
      },
    });
    const steps = await receiver.received(({ parentSpanId }) => parentSpanId === decision!.spanId, 4);
    expect(steps.map(({ name }) => name)).toEqual(
      expect.arrayContaining(
        ['request', 'verification', 'authorization', 'identity'].map((step) => `jwt_identity.${step}`),
      ),
    );
    for (const { traceId, startTimeUnixNano, endTimeUnixNano } of steps) {
      expect(traceId).toBe(TRACE);
      expect(BigInt(startTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(decision!.startTimeUnixNano));
      expect(BigInt(endTimeUnixNano)).toBeLessThanOrEqual(BigInt(decision!.endTimeUnixNano));
    }
    const [fetched] = await receiver.received(({ name }) => name === 'jwt_identity.fetch_keys');
    expect(fetched).toMatchObject({
      kind: 3,
      attributes: { 'jwt_identity.issuer': provider.issuer, 'jwt_identity.outcome': 'ok', 'jwt_identity.keys': 1 },
    });
    expect(receiver.resources[0]).toMatchObject({ 'service.name': 'kong-jwt-identity' });
    expect(receiver.bodies.join()).not.toMatch(/SECRET|eyJ/);
  });

  it('for refusals have the code and the status, and an error only where the gateway is at fault', async () => {
    const { receiver, provider, send } = await startTraced();
    expect(await send()).toBe(401);
    expect(await send({ authorization: await bearer(provider, { roles: ['SECRETROLE'] }) })).toBe(403);
    expect(await send({ authorization: await bearer(provider, { iss: 'https://SECRET.test/' }) })).toBe(401);
    const decisions = await receiver.received(isDecision, 3);
    expect(
      decisions.map(({ attributes, status, parentSpanId }) => [
        attributes['jwt_identity.code'],
        attributes['http.response.status_code'],
        status.code ?? 0,
        parentSpanId ?? '',
      ]),
    ).toEqual([
      ['token_missing', 401, 0, ''],
      ['forbidden', 403, 0, ''],
      ['token_untrusted', 401, 0, ''],
    ]);
    expect(receiver.bodies.join()).not.toMatch(/SECRET|eyJ/);
  });

  it('are not made for a trace that the client does not record, and are with a sampler that does not ask', async () => {
    const unsampled = `00-${TRACE}-${PARENT}-00`;
    const asking = await startTraced();
    expect(await asking.send({ traceparent: unsampled })).toBe(401);
    expect(await asking.send()).toBe(401);
    await asking.receiver.received(isDecision);
    expect(asking.receiver.spans.filter(isDecision).map(({ traceId }) => traceId)).not.toContain(TRACE);

    const always = await startTraced({ OTEL_TRACES_SAMPLER: 'always_on' });
    expect(await always.send({ traceparent: unsampled })).toBe(401);
    expect(await always.receiver.received(isDecision)).toMatchObject([{ traceId: TRACE }]);
  });

  it('wait in a bounded queue while the receiver hangs, and requests are decided meanwhile', async () => {
    const receiver = await startOtlpReceiver();
    receiver.fault = () => undefined;
    const { server, send } = await startTraced(
      { OTEL_BSP_MAX_QUEUE_SIZE: '50', OTEL_BSP_MAX_EXPORT_BATCH_SIZE: '10', OTEL_BSP_EXPORT_TIMEOUT: '2000' },
      receiver,
    );
    for (let request = 0; request < 300; request += 1) expect(await send()).toBe(401);
    const requests = receiver.requests;
    receiver.fault = undefined;
    await receiver.received(isDecision, 10);
    // At its end the server sends what is left.
    server.process.kill('SIGTERM');
    await server.ended;
    expect(requests).toBeGreaterThan(0);
    expect(receiver.spans.filter(isDecision).length).toBeLessThanOrEqual(60);
  }, 60_000);

  it.each<[string, OtlpReceiver['fault']]>([
    ['refuses', (_, response) => response.writeHead(400).end()],
    ['hangs up', (request) => request.socket.destroy()],
  ])(
    'are lost when the receiver %s, the log says so once, and requests are decided',
    async (_, fault) => {
      const { receiver, server, send } = await startTraced({ OTEL_EXPORTER_OTLP_TIMEOUT: '1000' });
      receiver.fault = fault;
      for (let request = 0; request < 20; request += 1) expect(await send()).toBe(401);
      await server.logged(/warn: spans could not be sent/);
      for (let request = 0; request < 20; request += 1) expect(await send()).toBe(401);
      receiver.fault = undefined;
      expect(await send()).toBe(401);
      await server.logged(/notice: spans can be sent again/);
    },
    60_000,
  );

  it('that are left are sent when the server ends', async () => {
    const { receiver, server, send } = await startTraced({ OTEL_BSP_SCHEDULE_DELAY: '60000' });
    expect(await send({ traceparent: `00-${TRACE}-${PARENT}-01` })).toBe(401);
    expect(receiver.spans).toEqual([]);
    server.process.kill('SIGTERM');
    expect(await receiver.received(isDecision)).toMatchObject([{ traceId: TRACE }]);
  });
});

describe('the spans of a decision server', () => {
  it('name the policy, below the span of traceparent', async () => {
    const receiver = await startOtlpReceiver();
    opened.push(() => receiver.stop());
    const folder = mkdtempSync(join(tmpdir(), 'traced-'));
    opened.push(() => {
      rmSync(folder, { recursive: true });
      return Promise.resolve();
    });
    const policies = join(folder, 'policies.json');
    const issuers = [{ issuer: 'https://auth.test/', audiences: ['shop'], secret: '0123456789abcdef'.repeat(2) }];
    writeFileSync(policies, JSON.stringify({ policies: { orders: { issuers } } }));
    const flags = ['--policies', policies, '--listen', '127.0.0.1:0', '--workers', '1', '--until-stdin-ends'];
    const command = runCommand(['authz', '--gateway', 'nginx', ...flags, '--traces', receiver.url], {
      OTEL_BSP_SCHEDULE_DELAY: '50',
    });
    opened.push(async () => {
      command.process.kill('SIGTERM');
      await command.ended;
    });
    const [, address] = await command.logged(/notice: serving decisions .*address=(\S+)/);
    const headers = {
      'x-original-method': 'GET',
      'x-original-uri': '/orders/1',
      traceparent: `00-${TRACE}-${PARENT}-01`,
    };
    expect((await fetch(`http://${address!}/orders`, { headers })).status).toBe(401);
    expect(await receiver.received(isDecision)).toMatchObject([
      {
        traceId: TRACE,
        parentSpanId: PARENT,
        attributes: { 'jwt_identity.policy': 'orders', 'jwt_identity.code': 'token_missing' },
      },
    ]);
  }, 60_000);
});

describe('serve and authz', () => {
  it.each([
    ['serve', '--socket', '/nowhere/x'],
    ['authz', '--gateway', 'nginx'],
  ])('%s refuses --traces without a URL', async (...args) => {
    const command = runCommand([...args, '--traces', '127.0.0.1:4318']);
    expect(await command.ended).toBe(2);
    expect(command.stderr()).toMatch(/--traces.*must be an http:\/\/ or https:\/\/ URL/s);
  });
});
