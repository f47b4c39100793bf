import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { peerDependencies } from '../../../package.json';
import { runCommand, type RunningCommand } from '../../support/server-process';
import { publicJwk, signingKey, signToken } from '../../support/tokens';

const key = signingKey('ES256', 'k1');
const issuers = [
  { issuer: 'https://auth.test/', audiences: ['shop'], jwks: JSON.stringify({ keys: [publicJwk(key)] }) },
];
const token = (): Promise<string> =>
  signToken(key, { iss: 'https://auth.test/', aud: 'shop', sub: 'ada', exp: Math.floor(Date.now() / 1000) + 600 });

let folder: string;
let file: string;
const running: RunningCommand[] = [];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'authz-'));
  file = join(folder, 'policies.yml');
});
afterEach(async () => {
  for (const command of running.splice(0)) {
    command.process.kill('SIGTERM');
    await command.ended;
  }
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** Puts another file in the place of the policies at once. */
function write(policies: unknown): void {
  writeFileSync(`${file}.new`, typeof policies === 'string' ? policies : JSON.stringify({ policies }));
  renameSync(`${file}.new`, file);
}

async function start(...flags: readonly string[]): Promise<RunningCommand> {
  const common = ['authz', '--gateway', 'traefik', '--workers', '2', '--log-level', 'info', '--until-stdin-ends'];
  const command = runCommand([...common, '--policies', file, ...flags]);
  running.push(command);
  await command.logged(/notice: serving decisions /);
  return command;
}

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Asks as Traefik does. */
function ask(
  where: { socketPath: string } | { host: string; port: number },
  policy: string,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const forwarded = { 'x-forwarded-method': 'GET', 'x-forwarded-uri': '/', ...headers };
    httpRequest({ ...where, path: `/${policy}`, headers: forwarded, agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => (body += chunk.toString()));
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
      });
    })
      .on('error', reject)
      .end();
  });
}

async function portOf(command: RunningCommand): Promise<{ host: string; port: number }> {
  const [, host = '', port] = await command.logged(/notice: serving decisions .*address=([0-9.]+):(\d+)/);
  return { host, port: Number(port) };
}

describe('kong-jwt-identity authz', () => {
  it('decides by the policy that the gateway names, on a Unix socket', async () => {
    write({ orders: { issuers }, stock: { issuers, authorize: [{ roles: ['admin'] }] } });
    const socketPath = join(folder, 'socket', 'authz.sock');
    const command = await start('--listen', socketPath);
    const authorization = `Bearer ${await token()}`;
    expect(await ask({ socketPath }, 'orders', { authorization })).toMatchObject({
      status: 200,
      headers: { 'x-user-id': 'ada', 'cache-control': 'no-store' },
    });
    expect(await ask({ socketPath }, 'stock', { authorization })).toMatchObject({ status: 403 });
    const missing = await ask({ socketPath }, 'orders', {});
    expect(missing).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer realm="service"' } });
    expect(JSON.parse(missing.body)).toMatchObject({ code: 'token_missing' });
    command.process.kill('SIGTERM');
    expect(await command.ended).toBe(0);
  }, 60_000);

  it.each(['unknown', 'orders%2f', '', '../orders', '__proto__', 'toString', 'healthz', 'ping'])(
    'refuses a request for the policy %j, which does not exist',
    async (name) => {
      write({ orders: { issuers } });
      const where = await portOf(await start('--listen', '127.0.0.1:0'));
      const headers = { authorization: `Bearer ${await token()}`, 'user-agent': 'GoogleHC/1.0' };
      expect(await ask(where, name, headers)).toMatchObject({ status: 500 });
    },
    60_000,
  );

  it('applies a changed file, and keeps the old one while the new one has an error', async () => {
    write({ orders: { issuers } });
    const command = await start('--listen', '127.0.0.1:0');
    const where = await portOf(command);
    const headers = { authorization: `Bearer ${await token()}` };
    expect(await ask(where, 'orders', headers)).toMatchObject({ status: 200 });
    write({ orders: { issuers, authorize: [{ roles: [] }] } });
    command.process.kill('SIGHUP');
    await command.logged(/error: .*policies\.yml:1:\d+: authorize\[1\].* \(policy orders\)\n/);
    await command.logged(/error: file cannot be used, the previous version stays in use /);
    expect(await ask(where, 'orders', headers)).toMatchObject({ status: 200 });
    write({ orders: { issuers, authorize: [{ roles: ['root'] }] } });
    command.process.kill('SIGHUP');
    await command.logged(/notice: policies reloaded/);
    // The supervisor tells its workers before it says so; they have it in their queues.
    let answer = await ask(where, 'orders', headers);
    while (answer.status === 200) answer = await ask(where, 'orders', headers);
    expect(answer).toMatchObject({ status: 403 });
  }, 60_000);

  it('warns of likely mistakes with their place, at the start and when the file is read again', async () => {
    const warned = /warn: .*policies\.yml:1:\d+: leeway: accepts expired tokens for (\d+) s.* \(policy orders\)\n/;
    write({ orders: { issuers, leeway: 300 } });
    const command = await start('--listen', '127.0.0.1:0');
    expect((await command.logged(warned))[1]).toBe('300');
    write({ orders: { issuers, leeway: 290 } });
    command.process.kill('SIGHUP');
    await command.logged(new RegExp(warned.source.replace('(\\d+) s', '290 s')));
  }, 60_000);

  it('warns of each mistake once, however many workers there are', async () => {
    const leaked = { ...signingKey('ES256').privateKey.export({ format: 'jwk' }), kid: 'leaked' };
    const jwks = JSON.stringify({ keys: [publicJwk(key), leaked] });
    write({ orders: { issuers: [{ ...issuers[0], jwks }], leeway: 300 } });
    const command = await start('--listen', '127.0.0.1:0');
    await command.logged(/worker serving worker=2 /);
    const warnings = command.stderr().match(/^warn: .*$/gm) ?? [];
    expect(warnings).toHaveLength(2);
    expect(warnings).toContainEqual(
      expect.stringMatching(/policies\.yml:1:\d+: issuers\[1\]\.jwks: keys are not used: key 2: it is a private key/),
    );
    expect(warnings).toContainEqual(expect.stringMatching(/leeway: accepts expired tokens for 300 s/));
  }, 60_000);

  it('goes on when a worker is killed, and refuses when all are gone', async () => {
    write({ orders: { issuers } });
    const command = await start('--listen', '127.0.0.1:0');
    const where = await portOf(command);
    const headers = { authorization: `Bearer ${await token()}` };
    await command.logged(/worker serving worker=2 /);
    const [, pid] = await command.logged(/worker serving worker=1 pid=(\d+)/);
    process.kill(Number(pid), 'SIGKILL');
    await command.logged(/error: a worker died and is replaced/);
    expect(await ask(where, 'orders', headers)).toMatchObject({ status: 200 });
    command.process.kill('SIGKILL');
    await command.ended;
    let outcome = await ask(where, 'orders', headers).catch(() => 'nobody');
    while (outcome !== 'nobody') outcome = await ask(where, 'orders', headers).catch(() => 'nobody');
    expect(outcome).toBe('nobody');
  }, 60_000);

  it.each([
    [
      'a policy with an error',
      '{"policies":{"orders":{"issuers":[{"issuer":"x"}]}}}',
      /policies\.yml:1:\d+: issuers\[1\].* \(policy orders\)\n/,
    ],
    [
      'a policy that needs Kong',
      JSON.stringify({ policies: { o: { issuers, consumer_claim: 'sub' } } }),
      /policies\.yml:1:\d+: consumer_claim: needs Kong.* \(policy o\)\n/,
    ],
    [
      'a policy whose name cannot be in a URL',
      JSON.stringify({ policies: { 'a/b': { issuers } } }),
      /policies: each needs a name/,
    ],
    ['no policy', 'policies: {}', /policies: must be a map with at least one policy/],
    [
      'another member',
      `${JSON.stringify({ policies: { o: { issuers } } }).slice(0, -1)},"polices":{}}`,
      /policies\.yml:1:\d+: polices: unknown field; did you mean `policies`/,
    ],
    ['no YAML', 'policies: [', /not readable as YAML/],
    [
      'a query token that the gateway cannot take out',
      JSON.stringify({ policies: { o: { issuers, uri_param_names: ['t'] } } }),
      /policies\.yml:1:\d+: uri_param_names: this gateway cannot.* \(policy o\)\n/,
    ],
  ])(
    'does not start with %s, and names it',
    async (_, text, message) => {
      write(text);
      const command = runCommand(['authz', '--gateway', 'traefik', '--policies', file, '--listen', '127.0.0.1:0']);
      expect(await command.ended).toBe(1);
      expect(command.stderr()).toMatch(message);
      expect(command.stderr()).not.toContain('    at ');
    },
    60_000,
  );

  it('does not start with a kong.yml that it cannot use, and names the place in it', async () => {
    const plugins = [{ name: 'jwt-identity', config: { issuers, consumer_claim: 'sub' } }];
    const services = [{ url: 'http://orders.test', routes: [{ name: 'orders', paths: ['/orders'], plugins }] }];
    write(JSON.stringify({ _format_version: '3.0', services }));
    const command = runCommand(['authz', '--gateway', 'traefik', '--kong', file, '--listen', '127.0.0.1:0']);
    expect(await command.ended).toBe(1);
    expect(command.stderr()).toMatch(
      /^error: .*policies\.yml:1:\d+: config\.consumer_claim: needs Kong.* \(route orders\)\n$/,
    );
  }, 60_000);

  it.each([
    [['--listen', '0.0.0.0:0'], /--listen 0\.0\.0\.0 needs --peers/, 1],
    [['--listen', '127.0.0.1:0', '--peers', '0.0.0.0/0'], /0\.0\.0\.0\/0 is everybody/, 2],
    [['--listen', '127.0.0.1:0', '--peers', 'gateway.test'], /neither an address nor a CIDR range/, 2],
    [['--kong', 'kong.yml'], /--policies FILE or --kong FILE/, 1],
  ] as const)(
    'does not start with %j',
    async (flags, message, code) => {
      write({ orders: { issuers } });
      const command = runCommand(['authz', '--gateway', 'traefik', '--policies', file, ...flags]);
      expect(await command.ended).toBe(code);
      expect(command.stderr()).toMatch(message);
    },
    60_000,
  );

  it('does not start for Envoy over gRPC without the library, and says how to install it', async () => {
    write({ orders: { issuers } });
    const hook = join(folder, 'without-grpc.cjs');
    writeFileSync(
      hook,
      `const Module = require('node:module');
      const resolve = Module._resolveFilename;
      Module._resolveFilename = function (name, ...rest) {
        if (name.startsWith('@grpc/')) throw new Error('MODULE_NOT_FOUND');
        return resolve.call(this, name, ...rest);
      };`,
    );
    const env = { NODE_OPTIONS: `--require ${hook}` };
    const command = runCommand(['authz', '--gateway', 'envoy-grpc', '--policies', file], env);
    expect(await command.ended).toBe(1);
    expect(command.stderr()).toBe(
      `error: --gateway envoy-grpc needs a package that is not installed: npm install @grpc/grpc-js@${peerDependencies['@grpc/grpc-js']}\n`,
    );
  }, 60_000);

  it('closes the connection of a stranger without an answer', async () => {
    write({ orders: { issuers } });
    const where = await portOf(await start('--listen', '127.0.0.1:0', '--peers', '127.0.0.9'));
    await expect(ask(where, 'orders', { authorization: `Bearer ${await token()}` })).rejects.toThrow(
      /hang up|ECONNRESET/,
    );
  }, 60_000);

  it('takes the guarded routes of a kong.yml for policies', async () => {
    write(
      JSON.stringify({
        _format_version: '3.0',
        services: [
          {
            url: 'http://orders.test',
            routes: [
              { name: 'orders', paths: ['/orders'], plugins: [{ name: 'jwt-identity', config: { issuers } }] },
              { name: 'open', paths: ['/open'] },
            ],
          },
        ],
      }),
    );
    const command = runCommand([
      'authz',
      '--gateway',
      'traefik',
      '--kong',
      file,
      '--listen',
      '127.0.0.1:0',
      '--until-stdin-ends',
    ]);
    running.push(command);
    const where = await portOf(command);
    const headers = { authorization: `Bearer ${await token()}` };
    expect(await ask(where, 'orders', headers)).toMatchObject({ status: 200 });
    expect(await ask(where, 'open', headers)).toMatchObject({ status: 500 });
  }, 60_000);
});
