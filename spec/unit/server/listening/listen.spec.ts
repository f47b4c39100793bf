import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { beforeEach, describe, expect, it, jest } from '@jest/globals';
import { listen } from '../../../../src/server/listening/listen';
import type { Log } from '../../../../src/telemetry/log';

const log = jest.fn<Log>();
const loopback = { host: '127.0.0.1', port: 0 };

describe('listen', () => {
  beforeEach(() => {
    log.mockClear();
  });

  it('keeps a server going whose system cannot accept connections, each time', async () => {
    const server = await listen(
      createServer((socket) => socket.end('here')),
      loopback,
      log,
    );
    // As Node would report it.
    for (let failed = 0; failed < 3; failed++) server.emit('error', new Error('accept EMFILE'));
    const { port } = server.address() as { port: number };
    const [answer] = (await once(connect(port, loopback.host), 'data')) as [Buffer];
    expect(answer.toString()).toBe('here');
    server.close();
  });

  it('logs connections that cannot be accepted at once, and then their number at most once a minute', async () => {
    let nowMs = 0;
    const server = await listen(createServer(), loopback, log, () => nowMs);
    const fail = (): boolean => server.emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' }));
    const line = (failures: number): unknown[] => [
      'error',
      'connections cannot be accepted',
      expect.objectContaining({ failures, code: 'EMFILE' }),
    ];
    for (let failed = 0; failed < 1_000; failed++) fail();
    nowMs = 59_999;
    fail();
    expect(log.mock.calls).toEqual([line(1)]);
    nowMs = 60_000;
    fail();
    fail();
    expect(log.mock.calls).toEqual([line(1), line(1_001)]);
    server.close();
  });

  it('rejects with the error of an address that is in use', async () => {
    const first = await listen(createServer(), loopback, log);
    const { port } = first.address() as { port: number };
    await expect(listen(createServer(), { ...loopback, port }, log)).rejects.toMatchObject({ code: 'EADDRINUSE' });
    first.close();
  });
});
