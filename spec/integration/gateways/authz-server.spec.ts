/** The decision server beside its decisions: its health, a server that replaces another, and metadata of resources. */
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { runCommand, type RunningCommand } from '../../support/server-process';
import { publicJwk, signingKey } from '../../support/tokens';

const key = signingKey('ES256', 'k1');
const RESOURCE = 'https://api.example.com/orders';
const DOCUMENT_PATH = '/.well-known/oauth-protected-resource/orders';
const config = (resource: object = {}): object => ({
  issuers: [
    {
      issuer: 'https://auth.test/',
      audiences: [RESOURCE],
      jwks: JSON.stringify({ keys: [publicJwk(key)] }),
    },
  ],
  resource_metadata: { resource: RESOURCE, ...resource },
});

let folder: string;
let file: string;
let socketPath: string;
const running: RunningCommand[] = [];
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'authz-'));
  file = join(folder, 'policies.yml');
  socketPath = join(folder, 'authz.sock');
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

function write(policies: object): void {
  writeFileSync(`${file}.new`, JSON.stringify({ policies }));
  renameSync(`${file}.new`, file);
}
async function start(...flags: readonly string[]): Promise<RunningCommand> {
  write({ orders: config() });
  const command = runCommand([
    'authz',
    '--workers',
    '2',
    '--log-level',
    'info',
    '--until-stdin-ends',
    '--policies',
    file,
    ...flags,
  ]);
  running.push(command);
  await command.logged(/notice: serving decisions /);
  return command;
}
async function addressOf(command: RunningCommand): Promise<string> {
  const [, address = ''] = await command.logged(/notice: serving decisions .*address=(\S+)/);
  return address;
}
const health = async (...flags: readonly string[]): Promise<[number | string | null, string]> => {
  const command = runCommand(['health', ...flags]);
  return [await command.ended, command.stdout() + command.stderr()];
};

describe('the health command for a decision server', () => {
  it('succeeds when a worker answers, over TCP', async () => {
    const address = await addressOf(await start('--gateway', 'nginx', '--listen', '127.0.0.1:0'));
    expect(await health('--authz', address)).toEqual([0, 'deciding; policies: 1\n']);
  });

  it('succeeds when a worker answers, on a Unix socket', async () => {
    await start('--gateway', 'nginx', '--listen', socketPath);
    expect(await health('--authz', socketPath)).toEqual([0, 'deciding; policies: 1\n']);
  });

  it('succeeds when a worker answers, over gRPC', async () => {
    const address = await addressOf(await start('--gateway', 'envoy-grpc', '--listen', '127.0.0.1:0'));
    expect(await health('--authz', address, '--grpc')).toEqual([0, 'deciding\n']);
  });

  it.each([
    ['--gateway nginx', []],
    ['--gateway envoy-grpc', ['--grpc']],
  ])('fails when every worker of %s stands still', async (gateway, flags) => {
    const server = await start(...gateway.split(' '), '--listen', '127.0.0.1:0');
    const address = await addressOf(server);
    const workers = [1, 2].map((place) => server.logged(new RegExp(`worker serving worker=${place} pid=(\\d+)`)));
    const pids = (await Promise.all(workers)).map(([, pid]) => Number(pid));
    for (const pid of pids) process.kill(pid, 'SIGSTOP');
    const [exitCode, output] = await health('--authz', address, ...flags);
    for (const pid of pids) process.kill(pid, 'SIGCONT');
    expect([exitCode, output]).toEqual([1, 'error: the decision server: no answer within 5000 ms\n']);
  });

  it('fails when nobody listens', async () => {
    const [exitCode, output] = await health('--authz', join(folder, 'none.sock'));
    expect([exitCode, output]).toEqual([1, expect.stringMatching(/^error: .*none\.sock/)]);
  });

  it('fails when somebody else answers', async () => {
    const other = createServer((_, response) => response.end('{"policies":1}')).listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    const answer = await health('--authz', `127.0.0.1:${(other.address() as AddressInfo).port}`);
    other.close();
    expect(answer).toEqual([1, 'error: the decision server: the answer is not one of a decision server\n']);
  });

  it('fails and says what is missing when nobody is named', async () => {
    expect(await health()).toEqual([1, 'error: say whom to ask: --socket PATH or --authz ADDRESS\n']);
  });
});

describe('a decision server that replaces another', () => {
  it('leaves no request without an answer, also on connections that are kept open', async () => {
    const first = await start('--gateway', 'nginx', '--listen', socketPath);
    const agent = new Agent({ keepAlive: true, maxSockets: 4 });
    const outcomes = new Set<string>();
    let isOver = false;
    const client = async (): Promise<void> => {
      while (!isOver) outcomes.add(await ask(agent));
    };
    const clients = Array.from({ length: 4 }, client);
    const second = await start('--gateway', 'nginx', '--listen', socketPath, '--take-over');
    await first.logged(/another server took the socket over/);
    expect(await first.ended).toBe(0);
    isOver = true;
    await Promise.all(clients);
    agent.destroy();
    expect([...outcomes]).toEqual(['401']);
    expect(second.process.exitCode).toBeNull();
    expect(await health('--authz', socketPath)).toEqual([0, 'deciding; policies: 1\n']);
  });

  it('is refused without --take-over, and on TCP', async () => {
    await start('--gateway', 'nginx', '--listen', socketPath);
    const flags = ['authz', '--gateway', 'nginx', '--policies', file];
    const second = runCommand([...flags, '--listen', socketPath]);
    expect([await second.ended, second.stderr()]).toEqual([1, expect.stringContaining('--take-over replaces it')]);
    const tcp = runCommand([...flags, '--listen', '127.0.0.1:0', '--take-over']);
    expect([await tcp.ended, tcp.stderr()]).toEqual([1, expect.stringContaining('--take-over needs a Unix socket')]);
  });

  /** Asks as nginx does, without a token. */
  const ask = (agent: Agent): Promise<string> =>
    new Promise((resolve) => {
      const headers = { 'x-original-method': 'GET', 'x-original-uri': '/' };
      request({ socketPath, agent, path: '/orders', headers }, (response) => {
        response.resume().on('end', () => {
          resolve(String(response.statusCode));
        });
      })
        .on('error', (error) => {
          resolve(error.message);
        })
        .end();
    });
});

describe('the metadata of a resource', () => {
  const DOCUMENT = {
    resource: RESOURCE,
    authorization_servers: ['https://auth.test/'],
    bearer_methods_supported: ['header'],
  };

  it('is served where the challenge says, at an address of its own, and follows the policies', async () => {
    const listening = ['--listen', '127.0.0.1:0', '--resource-metadata', '127.0.0.1:0'];
    const server = await start('--gateway', 'nginx', ...listening);
    const [, port] = await server.logged(/publishing resource metadata address=127\.0\.0\.1 port=(\d+)/);
    const ask = (path: string, method = 'GET'): Promise<Response> =>
      fetch(`http://127.0.0.1:${port!}${path}`, { method });
    const asked = { 'x-original-method': 'GET', 'x-original-uri': '/' };
    const refused = await fetch(`http://${await addressOf(server)}/orders`, { headers: asked });
    expect(refused.headers.get('x-refusal-challenge')).toBe(
      `Bearer realm="service", resource_metadata="https://api.example.com${DOCUMENT_PATH}"`,
    );
    const response = await ask(`${DOCUMENT_PATH}?x`);
    expect([response.status, response.headers.get('access-control-allow-origin')]).toEqual([200, '*']);
    expect(await response.json()).toEqual(DOCUMENT);
    const statuses = ['HEAD', 'OPTIONS', 'POST'].map(async (method) => (await ask(DOCUMENT_PATH, method)).status);
    expect(await Promise.all(statuses)).toEqual([200, 204, 405]);
    expect((await ask('/orders')).status).toBe(404);
    // No permission, whoever asks for it where decisions are made.
    expect((await fetch(`http://${await addressOf(server)}${DOCUMENT_PATH}`, { headers: asked })).ok).toBe(false);
    write({ orders: config({ resource_name: 'Orders' }) });
    await server.logged(/policies reloaded/);
    expect(await (await ask(DOCUMENT_PATH)).json()).toEqual({ ...DOCUMENT, resource_name: 'Orders' });
  });

  it('is refused at the start when two policies have other documents at one path', async () => {
    write({ orders: config(), others: config({ resource: 'https://other.example.com/orders' }) });
    const flags = ['--gateway', 'nginx', '--listen', '127.0.0.1:0', '--resource-metadata', '127.0.0.1:0'];
    const server = runCommand(['authz', '--policies', file, ...flags]);
    expect([await server.ended, server.stderr()]).toEqual([
      1,
      expect.stringContaining('another policy has another document at the same path'),
    ]);
  });
});
