import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { listen } from '../../../../src/server/listening/listen';

const loopback = { host: '127.0.0.1', port: 0 };

describe('listen', () => {
  it('keeps a server going whose system cannot accept connections, each time', async () => {
    const server = await listen(
      createServer((socket) => socket.end('here')),
      loopback,
    );
    // As Node reports it; a process with so few descriptors could not run the specs.
    for (let failed = 0; failed < 3; failed++) server.emit('error', new Error('accept EMFILE'));
    const { port } = server.address() as { port: number };
    const [answer] = (await once(connect(port, loopback.host), 'data')) as [Buffer];
    expect(answer.toString()).toBe('here');
    server.close();
  });

  it('rejects with the error of an address that is in use', async () => {
    const first = await listen(createServer(), loopback);
    const { port } = first.address() as { port: number };
    await expect(listen(createServer(), { ...loopback, port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
    first.close();
  });
});
