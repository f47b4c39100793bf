import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { askForHealth } from '../../src/server/processes/health';
import { KongDouble } from '../support/kong-double';
import { runCommand, startServer } from '../support/server-process';

const PLUGIN = resolve(__dirname, '../../dist/plugin/jwt-identity');

describe('the health command', () => {
  it('succeeds when a worker of the plugin server answers', async () => {
    const server = await startServer('--workers', '1');
    const health = runCommand(['health', '--socket', server.socketPath]);
    const exitCode = await health.ended;
    await server.stop();
    expect([exitCode, health.stdout()]).toEqual([0, 'serving scripted\n']);
  });

  it('fails and names the socket when nobody listens', async () => {
    const health = runCommand(['health', '--socket', '/nonexistent/plugin.sock']);
    await expect(health.ended).resolves.toBe(1);
    expect(health.stderr()).toMatch(/^error: socket \/nonexistent\/plugin\.sock: .*ENOENT.*\n$/);
    expect(health.stdout()).toBe('');
  });
});

describe('the health command for the plugin', () => {
  it('tells of an entry that cannot be used, and ends with 1 for it with --strict', async () => {
    const server = await startServer('--plugin', PLUGIN, '--workers', '1', '--metrics', '127.0.0.1:0');
    const kong = new KongDouble(server.socketPath, 'jwt-identity');
    const issuers = [{ issuer: 'https://auth.test/', audiences: ['shop'], jwks: '{"keys":[]}' }];
    expect((await kong.request({ issuers }, { host: 'shop' })).status).toBe(500);
    const seen: unknown[] = [];
    for (const flags of [[], ['--strict']]) {
      const health = runCommand(['health', '--socket', server.socketPath, ...flags]);
      seen.push(await health.ended);
      expect(health.stdout()).toMatch(
        /^serving jwt-identity; .*an entry refuses every request: .*config\.issuers.*jwks/,
      );
    }
    const [, address] = await server.logged(/publishing metrics address=(\S+)/);
    const metrics = await (await fetch(`http://${address!}/metrics`)).text();
    await kong.close();
    await server.stop();
    expect(seen).toEqual([0, 1]);
    expect(metrics).toMatch(/^jwt_identity_unusable_instances\{worker="1"\} 1$/m);
    expect(metrics).toMatch(/^jwt_identity_build_info\{version="1\.0\.0",node="v\d+[^"]*",worker="1"\} 1$/m);
  });
});

describe('a health check', () => {
  let folder: string;
  let socketPath: string;
  let server: Server;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'health-'));
    socketPath = join(folder, 'plugin.sock');
  });
  afterEach(async () => {
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true });
  });

  const listen = async (onConnection: (socket: Socket) => void): Promise<void> => {
    server = createServer((socket) => {
      // Without a reader, Node would not notice that the other side is gone.
      socket.resume().on('error', () => undefined);
      onConnection(socket);
    });
    await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  };

  it.each([
    ['accepts and says nothing', () => undefined, 'no answer within 50 ms'],
    ['closes the connection', (socket: Socket) => socket.end(), 'the connection was closed without an answer'],
    [
      'says something else',
      (socket: Socket) => socket.write('HTTP/1.1 400'),
      'the answer is not one of a plugin server',
    ],
  ])('fails when the server %s', async (_, behaviour, message) => {
    await listen(behaviour);
    await expect(askForHealth(socketPath, 50)).rejects.toThrow(message);
  });
});
