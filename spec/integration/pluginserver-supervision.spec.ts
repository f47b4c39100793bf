import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, unlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { announceSigningKey } from '../../src/keys/signing-keys';
import { KongDouble } from '../support/kong-double';
import { KongSide } from '../support/kong-side';
import { runCommand, SCRIPTED_PLUGIN, type ServerProcess, startServer } from '../support/server-process';

const GOOD = { authorization: 'Bearer good' };
const BAD = { authorization: 'Bearer forged' };
const ROUTE = { behaviour: 'check-token', tag: 'a' };

describe('the supervisor of the plugin server', () => {
  let server: ServerProcess;
  let kong: KongDouble;
  /** While clients ask all the time; over when a spec has failed, too. */
  let isLoadOn = false;
  const start = async (...flags: string[]): Promise<void> => {
    server = await startServer('--workers', '2', '--deadline', '2', ...flags);
    kong = new KongDouble(server.socketPath);
  };
  beforeEach(() => start());
  afterEach(async () => {
    isLoadOn = false;
    await kong.close();
    await server.stop();
  });

  const expectService = async (): Promise<void> => {
    await expect(kong.request(ROUTE, BAD)).resolves.toMatchObject({ status: 401, serviceHeaders: undefined });
    await expect(kong.request(ROUTE, GOOD)).resolves.toMatchObject({ status: 200 });
  };
  const isGone = async (pid: number): Promise<void> => {
    for (;;) {
      try {
        process.kill(pid, 0);
      } catch {
        return;
      }
      await new Promise(setImmediate);
    }
  };

  it('takes its workers with it when it is killed, and the next server finds the way free', async () => {
    await server.workerPid(2);
    const workers = server.childPids();
    expect(workers).toHaveLength(2);
    await expectService();
    process.kill(server.pid, 'SIGKILL');
    await Promise.all(workers.map(isGone));
    await expect(kong.request(ROUTE, GOOD)).resolves.toMatchObject({ status: 500 });
    const next = await startServer('--socket', server.socketPath, '--workers', '1');
    await expectService();
    await next.stop();
  });

  it('replaces all workers when all are killed at once, also before the second ever served', async () => {
    const workers = server.childPids();
    for (const pid of workers) process.kill(pid, 'SIGKILL');
    await Promise.all(workers.map(isGone));
    await server.logged(new RegExp(`worker serving worker=1 pid=(?!${workers.join('|')})`));
    await server.logged(new RegExp(`worker serving worker=2 pid=(?!${workers.join('|')})`));
    await expectService();
  });

  it('is not waited for when it hangs: what workers know goes on, anything else is refused by the deadline', async () => {
    await server.workerPid(2);
    const connection = await KongSide.connect(server.socketPath);
    const id = (await connection.start(ROUTE))!;
    process.kill(server.pid, 'SIGSTOP');
    try {
      await expect(connection.event(id, { 'kong.request.get_headers': GOOD })).resolves.toMatchObject({
        outcome: 'proceed',
      });
      const unknown = await KongSide.connect(server.socketPath);
      const outcomes = Promise.all([unknown.event(12345), connection.start(ROUTE)]);
      await expect(outcomes).resolves.toMatchObject([{ outcome: 'exit', status: 500 }, undefined]);
    } finally {
      process.kill(server.pid, 'SIGCONT');
    }
    await expectService();
    expect(server.stderr()).not.toContain('stuck');
  });

  it('replaces a worker that hangs, and the request that it hung on is not let through', async () => {
    await kong.close();
    await server.stop();
    await start('--stuck-after', '4', '--kong-timeout', '3', '--deadline', '2');
    await server.workerPid(2);
    const connection = await KongSide.connect(server.socketPath);
    const id = (await connection.start({ behaviour: 'spin' }))!;
    const end = connection.event(id);
    await server.logged(/a worker is stuck and is killed worker=\d/);
    await expect(end).resolves.toEqual({ outcome: 'closed', calls: [] });
    await server.logged(/(worker serving[^]*){3}/);
    await expectService();
    // The other one had nothing to do all the time, which is no reason.
    expect(server.stderr().match(/stuck/g)).toHaveLength(1);
  });

  it('replaces a worker as soon as the system lets it, when it could not at first', async () => {
    await server.workerPid(2);
    const files = readdirSync(`/proc/${server.pid}/fd`).length;
    const limit = (count: number): void => {
      execFileSync('prlimit', ['--pid', String(server.pid), `--nofile=${count}:`]);
    };
    const dying = server.childPids();
    limit(3);
    for (const pid of dying) process.kill(pid, 'SIGKILL');
    await server.logged(/a worker died and is replaced worker=\d reason="?E?[A-Z]*FILE/);
    await expect(kong.request(ROUTE, GOOD)).resolves.toMatchObject({ status: 500 });
    limit(files + 100);
    await server.logged(/(worker serving worker=1[^]*){2}/);
    await server.logged(/(worker serving worker=2[^]*){2}/);
    await expectService();
  });

  it('ends when the socket file is removed, so that whoever runs it starts it anew', async () => {
    await expectService();
    unlinkSync(server.socketPath);
    await expect(server.ended).resolves.toBe(1);
    expect(server.stderr()).toMatch(/error: the socket file was removed/);
    await expect(kong.request(ROUTE, BAD)).resolves.toMatchObject({ status: 500 });
  });

  it('refuses to start beside a live server, which goes on', async () => {
    const second = runCommand(['serve', '--socket', server.socketPath, '--plugin', SCRIPTED_PLUGIN]);
    await expect(second.ended).resolves.toBe(1);
    expect(second.stderr()).toMatch(/^error: socket \S+: in use by a running server[^\n]*\n$/);
    await expectService();
  });

  it('is replaced by a server that takes over, without one request refused', async () => {
    isLoadOn = true;
    const statuses = new Map<number, number>();
    const client = async (headers: Record<string, string>): Promise<void> => {
      while (isLoadOn) {
        const { status } = await kong.request(ROUTE, headers);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    };
    const load = Promise.all([GOOD, BAD, GOOD, BAD].map(client));
    const next = await startServer('--socket', server.socketPath, '--workers', '1', '--take-over');
    await expect(server.ended).resolves.toBe(0);
    expect(server.stderr()).toMatch(/notice: another server took the socket over/);
    const before = statuses.get(200) ?? 0;
    const isSoonOver = (): boolean => !isLoadOn || (statuses.get(200) ?? 0) >= before + 20;
    while (!isSoonOver()) await new Promise(setImmediate);
    isLoadOn = false;
    await load;
    expect([...statuses.keys()].sort()).toEqual([200, 401]);
    await next.stop();
  });

  describe('that can be replaced', () => {
    beforeEach(async () => {
      await kong.close();
      await server.stop();
      await start('--take-over');
      await server.workerPid(2);
    });

    /** Kong 3.9.3, when its first worker ends: SIGTERM, and SIGKILL right after it. */
    const endAsKongDoes = async (): Promise<number[]> => {
      const workers = server.childPids();
      process.kill(server.pid, 'SIGTERM');
      await server.logged(/notice: stopping/);
      process.kill(server.pid, 'SIGKILL');
      await server.logged(/(the supervisor ended[^]*){2}/);
      return workers;
    };

    it('leaves its workers to Kong when Kong reloads, until the next server has taken over', async () => {
      isLoadOn = true;
      let phase = 'before';
      const seen = new Set<string>();
      let answers = 0;
      const client = async (headers: Record<string, string>): Promise<void> => {
        while (isLoadOn) {
          const { status } = await kong.request(ROUTE, headers);
          seen.add(`${phase}: ${status} for ${headers['authorization']!}`);
          answers += 1;
        }
      };
      const some = async (): Promise<void> => {
        const enough = answers + 40;
        while (isLoadOn && answers < enough) await new Promise(setImmediate);
      };
      const load = Promise.all([GOOD, BAD, GOOD, BAD].map(client));
      await some();
      const workers = await endAsKongDoes();
      await some();
      phase = 'between';
      const next = await startServer('--socket', server.socketPath, '--workers', '1', '--take-over');
      await Promise.all(workers.map(isGone));
      await some();
      phase = 'after';
      await some();
      isLoadOn = false;
      await load;
      const expected = ['before', 'between', 'after'].flatMap((name) => [
        `${name}: 200 for Bearer good`,
        `${name}: 401 for Bearer forged`,
      ]);
      // While both servers have connections, Kong may try to start an instance at a worker that cannot.
      expect([...seen].filter((line) => !line.startsWith('between: 500')).sort()).toEqual(expected.sort());
      await next.stop();
    });

    it('leaves nothing behind when Kong is stopped', async () => {
      await expectService();
      const workers = await endAsKongDoes();
      await kong.close();
      await Promise.all(workers.map(isGone));
    });

    it('is seen to have ended when it is killed, so that Kong starts another, while its workers still serve', async () => {
      const connection = await KongSide.connect(server.socketPath);
      const id = (await connection.start(ROUTE))!;
      const workers = server.childPids();
      process.kill(server.pid, 'SIGKILL');
      // Its output has an end, too: Kong reads that first.
      await expect(server.ended).resolves.toBe('SIGKILL');
      const answers = { 'kong.request.get_headers': GOOD };
      await expect(connection.event(id, answers)).resolves.toMatchObject({ outcome: 'proceed' });
      for (const pid of workers) process.kill(pid, 0);
      await connection.close();
      await Promise.all(workers.map(isGone));
    });

    it('leaves workers that refuse what only it knows, at once, and end when they are told to', async () => {
      const connection = await KongSide.connect(server.socketPath);
      const id = (await connection.start(ROUTE))!;
      const workers = await endAsKongDoes();
      await expect(kong.request(ROUTE, GOOD)).resolves.toMatchObject({ status: 500 });
      const answers = { 'kong.request.get_headers': GOOD };
      await expect(connection.event(id, answers)).resolves.toMatchObject({ outcome: 'proceed' });
      for (const pid of workers) process.kill(pid, 'SIGTERM');
      await Promise.all(workers.map(isGone));
    });

    it('stops in order when nobody kills it, and at once when it is told twice', async () => {
      await expectService();
      process.kill(server.pid, 'SIGTERM');
      await server.logged(/stopping signal=SIGTERM/);
      await expectService();
      process.kill(server.pid, 'SIGINT');
      await expect(server.ended).resolves.toBe(0);
      await expect(kong.request(ROUTE, GOOD)).resolves.toMatchObject({ status: 500 });
    });
  });

  it('leaves the ports of its metrics and its keys to the server that takes over', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'take-over-'));
    const keys = join(folder, 'keys.json');
    writeFileSync(keys, announceSigningKey('EdDSA'), { mode: 0o600 });
    const flags = (metrics: string, jwks: string): string[] => [
      ...['--workers', '1', '--metrics', metrics],
      ...['--signing-keys', keys, '--jwks', jwks],
    ];
    const first = await startServer(...flags('127.0.0.1:0', '127.0.0.1:0'));
    const [, address] = await first.logged(/publishing metrics address=(\S+)/);
    const [, port] = await first.logged(/publishing keys address=127\.0\.0\.1 port=(\d+)/);
    const next = await startServer('--socket', first.socketPath, '--take-over', ...flags(address!, port!));
    await expect(first.ended).resolves.toBe(0);
    await next.logged(new RegExp(`publishing metrics address=${address!}`));
    await next.logged(new RegExp(`publishing keys address=127\\.0\\.0\\.1 port=${port!}`));
    expect((await fetch(`http://${address!}/metrics`)).status).toBe(200);
    expect((await fetch(`http://127.0.0.1:${port!}/.well-known/jwks.json`)).status).toBe(200);
    await next.stop();
    await first.stop();
    rmSync(folder, { recursive: true });
  });

  it('makes the socket with the permissions that were asked for', async () => {
    expect(statSync(server.socketPath).mode & 0o777).toBe(0o600);
    const open = await startServer('--socket-mode', '0660', '--workers', '1');
    expect(statSync(open.socketPath).mode & 0o777).toBe(0o660);
    await open.stop();
  });
});
