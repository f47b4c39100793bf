import { existsSync, lstatSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SocketPath } from '../../../../src/server/processes/socket-path';
import { KongSide } from '../../../support/kong-side';

describe("the path of the plugin server's socket", () => {
  let folder: string;
  let path: string;
  const servers: Server[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'socket-path-'));
    path = join(folder, 'plugin.sock');
  });
  afterEach(async () => {
    await Promise.all(servers.splice(0).map(end));
    rmSync(folder, { recursive: true, force: true });
  });

  const listen = (at: string): Promise<Server> =>
    new Promise((resolve) => {
      const server: Server = createServer((socket) => socket.on('error', () => undefined).end()).listen(at, () => {
        servers.push(server);
        resolve(server);
      });
    });
  const end = (server: Server): Promise<void> =>
    new Promise((resolve) => {
      server.close(() => {
        resolve();
      });
    });
  const isServed = (): Promise<boolean> =>
    KongSide.connect(path).then(
      async (connection) => connection.close().then(() => true),
      () => false,
    );
  /** Leaves a socket file that nobody listens on. */
  const leaveDeadSocket = async (): Promise<void> => {
    const dead = new SocketPath(path, 7);
    const server = await listen(dead.ownName);
    dead.claim();
    await end(server);
  };

  it('is free when nothing is there', async () => {
    await expect(new SocketPath(path).check(false)).resolves.toBeUndefined();
  });

  it('is refused while a live server has it, unless that one may be replaced', async () => {
    await listen(path);
    await expect(new SocketPath(path).check(false)).rejects.toThrow(/in use by a running server \(--take-over/);
    await expect(new SocketPath(path).check(true)).resolves.toBeUndefined();
  });

  it('is refused when a file is there that is no socket, and the file stays', async () => {
    writeFileSync(path, 'precious');
    for (const mayTakeOver of [false, true])
      await expect(new SocketPath(path).check(mayTakeOver)).rejects.toThrow(/no socket/);
    expect(statSync(path).size).toBe(8);
  });

  it.each([
    ['whose folder is missing', () => join(folder, 'missing/plugin.sock'), /the folder .*missing is missing/],
    ['that is too long for the system', () => join(folder, 'x'.repeat(107)), /longer than 107 bytes/],
  ])('is refused %s', async (_, refused, message) => {
    await expect(new SocketPath(refused()).check(false)).rejects.toThrow(message);
  });

  it("takes a dead server's place", async () => {
    await leaveDeadSocket();
    expect(existsSync(path)).toBe(true);
    const socket = new SocketPath(path);
    await socket.check(false);
    await listen(socket.ownName);
    socket.claim();
    await expect(isServed()).resolves.toBe(true);
    expect(socket.loss).toBeUndefined();
    expect(existsSync(socket.ownName)).toBe(false);
  });

  it("takes a live server's place, which notices and leaves the new file alone", async () => {
    const before = new SocketPath(path, 1);
    const old = await listen(before.ownName);
    before.claim();
    const after = new SocketPath(path, 2);
    await listen(after.ownName);
    after.claim();
    expect([before.loss, after.loss]).toEqual(['taken', undefined]);
    before.release();
    await end(old);
    await expect(isServed()).resolves.toBe(true);
  });

  it('is not taken back by the server that lost it, when its workers listen anew', async () => {
    const before = new SocketPath(path, 1);
    await end(await listen(before.ownName).then((server) => (before.claim(), server)));
    const after = new SocketPath(path, 2);
    await listen(after.ownName);
    after.claim();
    await listen(before.ownName);
    before.claim();
    expect([before.loss, after.loss]).toEqual(['taken', undefined]);
  });

  it('is claimed anew when all workers died and one listens again', async () => {
    const socket = new SocketPath(path, 1);
    await end(await listen(socket.ownName).then((server) => (socket.claim(), server)));
    await expect(isServed()).resolves.toBe(false);
    await listen(socket.ownName);
    socket.claim();
    await expect(isServed()).resolves.toBe(true);
    expect(socket.loss).toBeUndefined();
  });

  it('is lost when the file is removed, and empty after the server has released it', async () => {
    const socket = new SocketPath(path);
    await listen(socket.ownName);
    socket.claim();
    socket.release();
    expect(socket.loss).toBe('removed');
    expect(lstatSync(path, { throwIfNoEntry: false })).toBeUndefined();
  });
});
