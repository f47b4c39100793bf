import { connect } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { Generation } from '../../../../src/gateway/generation';
import { HttpListener } from '../../../../src/gateway/proxy/http-listener';
import { createRequestHandler } from '../../../../src/gateway/proxy/request-handler';
import { ServiceClient } from '../../../../src/gateway/proxy/service-client';
import { LogRecorder } from '../../../support/key-issuer';

let stop: () => Promise<void> = () => Promise.resolve();
afterEach(() => stop());

/** A gateway whose configuration fails in one place. Returns what a client gets, and what the gateway logged. */
async function answerOf(broken: object): Promise<{ answer: string; lines: readonly string[]; held: number }> {
  const recorder = new LogRecorder();
  let held = 0;
  const generation = {
    router: () => null,
    chain: { everywhere: [] },
    hold: () => {
      held += 1;
      return () => (held -= 1);
    },
    ...broken,
  } as unknown as Generation;
  const client = new ServiceClient();
  const options = { current: () => generation, client, log: recorder.log, now: Date.now, observer: undefined };
  const listener = new HttpListener(createRequestHandler(options));
  const { port } = await listener.listen({ host: '127.0.0.1', port: 0 }, recorder.log);
  stop = async () => {
    await listener.close(0);
    client.close();
  };
  const answer = await new Promise<string>((resolve, reject) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () =>
      socket.write('GET / HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n'),
    );
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.on('error', reject);
    socket.on('close', () => {
      resolve(text);
    });
  });
  return { answer, lines: recorder.lines, held };
}
const fails = (): never => {
  throw new Error('broken');
};

describe('a request is refused, and the gateway goes on', () => {
  it('with 404 when nothing fails and no route matches', async () => {
    expect((await answerOf({})).answer).toMatch(/^HTTP\/1\.1 404 /);
  });

  it('with a closed connection when the search for a route throws', async () => {
    const { answer, lines, held } = await answerOf({ router: fails });
    expect(answer).toBe('');
    expect(lines).toEqual(['error: request failed']);
    expect(held).toBe(0);
  });

  it('with 500 when a later phase of a plugin throws', async () => {
    const { answer, held } = await answerOf({ chain: { everywhere: [{ headerFilter: fails }] } });
    expect(answer).toMatch(/^HTTP\/1\.1 500 /);
    expect(held).toBe(0);
  });

  it('with a closed connection when the answer itself cannot be sent', async () => {
    const setsBadHeader = {
      headerFilter: ({ responseHeaders }: { responseHeaders: { add(name: string, value: string): void } }) => {
        responseHeaders.add('X-Bad', 'line\r\nend');
        fails();
      },
    };
    const { answer, lines, held } = await answerOf({ chain: { everywhere: [setsBadHeader] } });
    expect(answer).toBe('');
    expect(lines).toEqual(['error: request failed']);
    expect(held).toBe(0);
  });
});
