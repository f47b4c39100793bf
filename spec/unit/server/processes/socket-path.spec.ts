import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { SocketPath, SocketPathError } from '../../../../src/server/processes/socket-path';
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
    [
      'whose folder is missing and the one above, too',
      () => join(folder, 'no/such/plugin.sock'),
      /the folder .* is missing/,
    ],
    ['whose folder is none', () => join(__filename, 'plugin.sock'), /socket-path.spec.ts is not a folder/],
    ['that is too long for the system', () => join(folder, 'x'.repeat(107)), /longer than 107 bytes/],
  ])('is refused %s', async (_, refused, message) => {
    await expect(new SocketPath(refused()).check(false)).rejects.toThrow(message);
  });

  it.each([
    [0o600, 0o700],
    [0o660, 0o750],
    [0o666, 0o755],
  ])('makes a missing folder, in which who may write to the socket finds it (mode %o: %o)', async (mode, made) => {
    const below = join(folder, 'below');
    await new SocketPath(join(below, 'plugin.sock')).check(false, mode);
    expect(statSync(below).mode & 0o777).toBe(made);
  });

  it.each([0o777, 0o1777])('is refused in a folder that others may write to (mode %o)', async (mode) => {
    chmodSync(folder, mode);
    const expected = `others may write to the folder ${folder} (mode ${mode.toString(8).padStart(4, '0')}): chmod go-w`;
    await expect(new SocketPath(path).check(true)).rejects.toThrow(expected);
  });

  it('is refused below a folder that others may write to, who could exchange the folder of the socket', async () => {
    const below = join(folder, 'below');
    mkdirSync(below, { mode: 0o700 });
    chmodSync(folder, 0o777);
    await expect(new SocketPath(join(below, 'plugin.sock')).check(true)).rejects.toThrow('others may write to');
    chmodSync(folder, 0o1777);
    await expect(new SocketPath(join(below, 'plugin.sock')).check(true)).resolves.toBeUndefined();
  });

  it('cannot be claimed without an error when something is in its place that a socket cannot replace', async () => {
    const socket = new SocketPath(path);
    await socket.check(true);
    await listen(socket.ownName);
    mkdirSync(path);
    expect(() => {
      socket.claim();
    }).toThrow(new SocketPathError(`socket ${path}: cannot be put in its place (EISDIR)`));
    socket.release();
    expect(readdirSync(folder)).toEqual(['plugin.sock']);
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
