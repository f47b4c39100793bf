import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { KongDouble } from '../support/kong-double';
import { KongSide, ORDINARY_REQUEST } from '../support/kong-side';
import { type ServerProcess, startServer } from '../support/server-process';

const GOOD = { authorization: 'Bearer good' };
const BAD = { authorization: 'Bearer forged' };

/** A route that lets verified callers through and stamps what it lets through. */
const route = (tag: string): object => ({ behaviour: 'check-token', tag });

describe('the workers of the plugin server', () => {
  let server: ServerProcess;
  let kong: KongDouble;
  beforeEach(async () => {
    server = await startServer('--workers', '2', '--deadline', '2');
    await server.workerPid(2);
    kong = new KongDouble(server.socketPath);
  });
  afterEach(async () => {
    await kong.close();
    await server.stop();
  });

  const connectionToEveryWorker = async (): Promise<KongSide[]> => [
    await server.connectToWorker(1),
    await server.connectToWorker(2),
  ];
  const workerOf = async (connection: KongSide, id: number): Promise<unknown> => {
    const { calls } = await connection.event(id);
    return (calls.at(-1)?.args[0] as Record<string, unknown>)['X-Worker'];
  };

  it('all know an instance that was started through one of them', async () => {
    const connections = await connectionToEveryWorker();
    const id = (await connections[0]!.start({ behaviour: 'name-worker' }))!;
    const workers = await Promise.all(connections.map((connection) => workerOf(connection, id)));
    expect(workers).toEqual([String(await server.workerPid(1)), String(await server.workerPid(2))]);
    await Promise.all(connections.map((connection) => connection.close()));
  });

  it('all forget an instance that was closed through one of them', async () => {
    const connections = await connectionToEveryWorker();
    const id = (await connections[0]!.start({ behaviour: 'name-worker' }))!;
    for (const connection of connections) await workerOf(connection, id);
    await connections[0]!.call({ closeInstance: { instanceId: id } });
    // Both ask the supervisor, which answers in order: it knew of the end before it answered this start.
    const other = (await connections[1]!.start({ behaviour: 'name-worker' }))!;
    expect(other).not.toBe(id);
    for (const connection of connections) {
      await expect(connection.event(id)).resolves.toMatchObject({ outcome: 'closed' });
      await connection.close();
    }
  });

  it('give no id twice, also not after a restart of the whole server', async () => {
    const config = route('a');
    const connection = await KongSide.connect(server.socketPath);
    const before = [(await connection.start(config))!, (await connection.start(config))!];
    expect(before[1]).toBe(before[0]! + 1);
    await connection.close();
    const again = await startServer('--workers', '1');
    const after = await KongSide.connect(again.socketPath);
    await expect(after.event(before[0]!)).resolves.toMatchObject({ outcome: 'closed' });
    await after.close();
    await again.stop();
  });

  it('are replaced when they are killed under load, and no request is let through or checked by other rules', async () => {
    const routes = ['a', 'b', 'c'].map((tag) => ({ tag, config: route(tag) }));
    const seen = { proceeded: 0, refused: 0, broken: 0 };
    let isLoadOn = true;
    const client = async (turn: number): Promise<void> => {
      for (let n = turn; isLoadOn; n++) {
        const { tag, config } = routes[n % routes.length]!;
        const isGood = n % 2 === 0;
        const { status, serviceHeaders } = await kong.request(config, isGood ? GOOD : BAD);
        if (status === 500) seen.broken += 1;
        else if (isGood) {
          expect([status, serviceHeaders]).toEqual([200, { 'X-User-ID': 'u1', 'X-Tag': tag }]);
          seen.proceeded += 1;
        } else {
          expect([status, serviceHeaders]).toEqual([401, undefined]);
          seen.refused += 1;
        }
      }
    };
    const load = Promise.all(Array.from({ length: 8 }, (_, index) => client(index)));
    for (let kill = 1; kill <= 3; kill++) {
      const dying = await server.workerPid(1);
      process.kill(dying, 'SIGKILL');
      await server.logged(new RegExp(`(worker serving worker=1[^]*){${kill + 1}}`));
      const before = seen.proceeded;
      while (seen.proceeded < before + 20) await new Promise(setImmediate);
    }
    isLoadOn = false;
    await load;
    expect(seen.refused).toBeGreaterThan(0);
    // A dead worker breaks what it was busy with, and no more.
    expect(seen.broken).toBeLessThan(50);
    // The supervisor knows the instances: Kong starts them again only because its connections broke.
    expect(kong.starts).toBeLessThan(200);
  });

  it('refuse everything while the whole server is dead, and serve again when it is back', async () => {
    const config = route('a');
    await expect(kong.request(config, GOOD)).resolves.toMatchObject({ status: 200 });
    process.kill(server.pid, 'SIGKILL');
    await server.ended;
    for (const headers of [GOOD, BAD])
      await expect(kong.request(config, headers)).resolves.toMatchObject({ status: 500 });
    const revived = await startServerAt(server.socketPath);
    await expect(kong.request(config, BAD)).resolves.toMatchObject({ status: 401, serviceHeaders: undefined });
    await expect(kong.request(config, GOOD)).resolves.toMatchObject({ status: 200 });
    await kong.close();
    await revived.stop();
  });

  it('let nothing through while one of them is stopped', async () => {
    const config = route('a');
    await expect(kong.request(config, GOOD)).resolves.toMatchObject({ status: 200 });
    const stopped = await server.workerPid(1);
    process.kill(stopped, 'SIGSTOP');
    try {
      // New connections reach the worker that runs.
      const fresh = new KongDouble(server.socketPath);
      for (let n = 0; n < 20; n++) await expect(fresh.request(config, BAD)).resolves.toMatchObject({ status: 401 });
      await expect(fresh.request(config, GOOD)).resolves.toMatchObject({ status: 200 });
      await fresh.close();
    } finally {
      process.kill(stopped, 'SIGCONT');
    }
  });

  it('refuse what is going on and are replaced after an exception outside of any event', async () => {
    const before = await server.workerPid(1);
    const connection = await KongSide.connect(server.socketPath);
    const id = (await connection.start({ behaviour: 'throw-outside' }))!;
    await expect(connection.event(id)).resolves.toMatchObject({ outcome: 'exit', status: 500 });
    await server.logged(/a worker died and is replaced worker=\d reason="exit code 1"/);
    await server.logged(/(worker serving[^]*){3}/);
    expect(server.stderr()).toMatch(/the worker ends because of an unexpected exception error=TypeError at=/);
    expect(server.stderr()).not.toContain('eyJhbGciOi');
    expect(before).toBeGreaterThan(0);
  });

  it('go on after a rejection that nobody waited for, and log it', async () => {
    const connection = await KongSide.connect(server.socketPath);
    const id = (await connection.start({ behaviour: 'reject-unhandled' }))!;
    await expect(connection.event(id, ORDINARY_REQUEST)).resolves.toMatchObject({ outcome: 'proceed' });
    await server.logged(/unhandled promise rejection error=TypeError at=/);
    await expect(connection.event(id, ORDINARY_REQUEST)).resolves.toMatchObject({ outcome: 'proceed' });
    expect(server.stderr()).not.toMatch(/worker died|eyJhbGciOi/);
    await connection.close();
  });

  it('end what is going on when the server is told to stop, and the socket is gone', async () => {
    const connection = await KongSide.connect(server.socketPath);
    const id = (await connection.start({ behaviour: 'set-headers' }))!;
    const end = connection.event(id, {
      'kong.request.get_headers': async () => {
        server.process.kill('SIGTERM');
        await server.logged(/notice: stopping signal=SIGTERM/);
        return GOOD;
      },
    });
    await expect(end).resolves.toMatchObject({ outcome: 'proceed' });
    await expect(server.ended).resolves.toBe(0);
    await expect(KongSide.connect(server.socketPath)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('refuse a plugin that never settles by their own deadline', async () => {
    const connection = await KongSide.connect(server.socketPath);
    const id = (await connection.start({ behaviour: 'never-settle' }))!;
    await expect(connection.event(id)).resolves.toMatchObject({ outcome: 'exit', status: 500 });
    await server.logged(/longer than the deadline/);
  });
});

function startServerAt(socketPath: string): Promise<ServerProcess> {
  return startServer('--socket', socketPath, '--workers', '1');
}
