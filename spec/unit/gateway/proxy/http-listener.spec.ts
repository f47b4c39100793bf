import { connect, Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
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

/** A request for another protocol behind one that is not answered yet: Node gives such a connection away. */
const PIPELINED =
  'GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n' +
  'GET /next HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n';

describe('a connection that Node has given away while its request waits for the one before', () => {
  let listener: HttpListener;
  let client: Socket;
  let answerSlow: () => void;
  /** Resolves when the service would be asked. */
  let asked: Promise<void>;
  /** Settles with what ends the first answer. */
  let ended: Promise<string>;

  const open = async (): Promise<void> => {
    let [onAsked, onEnded]: [() => void, (how: string) => void] = [() => undefined, () => undefined];
    asked = new Promise((resolve) => (onAsked = resolve));
    ended = new Promise((resolve) => (onEnded = resolve));
    const slow = new Promise<void>((resolve) => (answerSlow = resolve));
    listener = new HttpListener(async (request, response) => {
      response.on('close', () => {
        onEnded(`${request.url} closed`);
      });
      onAsked();
      if (request.url === '/slow') await slow;
      response.end(request.url);
    });
    const { port } = await listener.listen({ host: '127.0.0.1', port: 0 }, () => undefined);
    client = connect(port, '127.0.0.1');
    client.on('error', () => undefined);
    client.write(PIPELINED);
    await asked;
  };
  afterEach(async () => {
    client.destroy();
    answerSlow();
    await listener.close(0);
  });

  it('ends no more than itself when the client resets it', async () => {
    await open();
    client.resetAndDestroy();
    expect(await ended).toBe('/slow closed');
  });

  it('is closed with the gateway, when its time to finish is over', async () => {
    await open();
    const closed = new Promise((resolve) => client.once('close', resolve));
    await listener.close(10);
    await closed;
  });

  it('gets both answers in their order', async () => {
    await open();
    const texts: string[] = [];
    const both = new Promise<void>((resolve) => {
      client.on('data', (chunk: Buffer) => {
        texts.push(chunk.toString());
        if (texts.join('').includes('/next')) resolve();
      });
    });
    answerSlow();
    await both;
    expect(texts.join('')).toMatch(/^HTTP\/1\.1 200 [^]*\/slowHTTP\/1\.1 200 [^]*\/next$/);
  });
});
