import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { askForHealth } from '../../src/server/processes/health';
import { runCommand, startServer } from '../support/server-process';

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
