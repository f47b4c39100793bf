import { Server } from 'node:net';
import { expect, it, jest } from '@jest/globals';
import { HttpListener } from '../../../../src/gateway/proxy/http-listener';
import type { Log } from '../../../../src/telemetry/log';

it('goes on when the system cannot accept a connection, and logs it', async () => {
  const listening = jest.spyOn(Server.prototype, 'listen');
  const log = jest.fn<Log>();
  const listener = new HttpListener((_, response) => Promise.resolve(void response.end('here')));
  try {
    const { address, port } = await listener.listen({ host: '127.0.0.1', port: 0 }, log);
    const server = listening.mock.contexts[0] as Server;
    // As Node would report it.
    server.emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' }));
    expect(log.mock.calls).toEqual([
      ['error', 'connections cannot be accepted', expect.objectContaining({ code: 'EMFILE' })],
    ]);
    expect(await (await fetch(`http://${address}:${port}`)).text()).toBe('here');
  } finally {
    listening.mockRestore();
    await listener.close(0);
  }
});
