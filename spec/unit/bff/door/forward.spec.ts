import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { createForwarder, type Forwarder, type ServiceConnection } from '../../../../src/bff/door/forward';

const stops: (() => unknown)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
});

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stops.push(() => {
    server.close();
    (server as { closeAllConnections?: () => void }).closeAllConnections?.();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const startService = (answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> =>
  listening(createServer(answer));

function forwarder(origin: string, more: Partial<ServiceConnection> = {}): Forwarder {
  const made = createForwarder({
    origin,
    connectTimeoutMs: 60_000,
    writeTimeoutMs: 60_000,
    readTimeoutMs: 60_000,
    retries: 0,
    verifyTls: true,
    maxBodyBytes: 1000,
    ...more,
  });
  stops.push(() => made.close());
  return made;
}

const target = (headers: Record<string, string> = {}, path = '/x?y=1'): { path: string; headers: Headers } => ({
  path,
  headers: new Headers(headers),
});
const post = (body: string | ReadableStream<Uint8Array> | null, more: RequestInit = {}): Request =>
  new Request('https://shop.test/x', { method: 'POST', body, ...more, duplex: 'half' });
const codeOf = async (response: Response): Promise<[number, unknown]> => [
  response.status,
  ((await response.json()) as { code: unknown }).code,
];

/** A stream, what writes to it, and what settles when nobody wants more of it. */
function pipe(): {
  stream: ReadableStream<Uint8Array>;
  write: (text: string) => void;
  end: () => void;
  cancelled: Promise<void>;
} {
  let controller: ReadableStreamDefaultController<Uint8Array>;
  let cancel: () => void = () => undefined;
  const cancelled = new Promise<void>((resolve) => (cancel = resolve));
  const stream = new ReadableStream<Uint8Array>({ start: (given) => void (controller = given), cancel });
  return {
    stream,
    write: (text) => {
      controller.enqueue(Buffer.from(text));
    },
    end: () => {
      controller.close();
    },
    cancelled,
  };
}

describe('a request that is passed on', () => {
  it('has the method, path, headers and body that it is given, and its answer comes back', async () => {
    let seen: unknown;
    const origin = await startService((request, response) => {
      const { method, url, headers } = request;
      request.setEncoding('utf8').on('data', (body: string) => {
        seen = { method, url, headers, body };
        response.writeHead(201, { 'X-Answer': 'é' }).end('done');
      });
    });
    const request = new Request('https://shop.test/', { method: 'PUT', body: 'content', headers: { 'x-b': '2' } });
    const response = await forwarder(origin).forward(request, target({ 'x-a': '1' }));
    expect([response.status, await response.text()]).toEqual([201, 'done']);
    expect(seen).toMatchObject({ method: 'PUT', url: '/x?y=1', headers: { 'x-a': '1' }, body: 'content' });
    expect(seen).not.toHaveProperty('headers.x-b');
  });

  it('streams both ways: the service reads and answers before the body ends', async () => {
    const origin = await startService((request, response) => {
      response.writeHead(200).flushHeaders();
      request.on('data', (chunk: Buffer) => response.write(`got ${chunk.toString()}`));
      request.on('end', () => response.end('end'));
    });
    const { stream, write, end } = pipe();
    write('one');
    const response = await forwarder(origin).forward(post(stream), target());
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    expect((await reader.read()).value).toBe('got one');
    write('two');
    expect((await reader.read()).value).toBe('got two');
    end();
    expect((await reader.read()).value).toBe('end');
    expect((await reader.read()).done).toBe(true);
  });

  it('keeps the length of its body, and has chunks where there is none', async () => {
    const seen: unknown[] = [];
    const origin = await startService(({ headers }, response) => {
      seen.push([headers['content-length'], headers['transfer-encoding']]);
      response.end();
    });
    const own = forwarder(origin);
    const { stream, write, end } = pipe();
    write('four');
    end();
    await own.forward(post('four', { headers: { 'content-length': '4' } }), target());
    await own.forward(post(stream), target());
    await own.forward(post(null), target());
    await own.forward(new Request('https://shop.test/', { headers: { 'content-length': '4' } }), target());
    expect(seen).toEqual([
      ['4', undefined],
      [undefined, 'chunked'],
      ['0', undefined],
      [undefined, undefined],
    ]);
  });

  it('ends at the service when the client goes away before the answer', async () => {
    let arrived: () => void = () => undefined;
    const arrival = new Promise<void>((resolve) => (arrived = resolve));
    let gone: () => void = () => undefined;
    const departure = new Promise<void>((resolve) => (gone = resolve));
    const origin = await startService((request) => {
      request.on('close', gone);
      arrived();
    });
    const abort = new AbortController();
    const { stream, write } = pipe();
    write('begin');
    const answer = forwarder(origin).forward(post(stream, { signal: abort.signal }), target());
    await arrival;
    abort.abort();
    expect(await codeOf(await answer)).toEqual([499, 'client_gone']);
    await departure;
  });

  it('ends at the service when the client stops reading the answer', async () => {
    let gone: () => void = () => undefined;
    const departure = new Promise<void>((resolve) => (gone = resolve));
    const origin = await startService((_, response) => {
      response.on('close', gone).write('begin');
    });
    const response = await forwarder(origin).forward(new Request('https://shop.test/'), target());
    await response.body!.cancel();
    await departure;
  });

  it('does not follow redirects, and takes nothing off a compressed body', async () => {
    const origin = await startService((_, response) => {
      response.writeHead(302, { Location: '/elsewhere', 'Content-Encoding': 'gzip' }).end('packed');
    });
    const response = await forwarder(origin).forward(new Request('https://shop.test/'), target());
    expect([response.status, response.headers.get('location')]).toEqual([302, '/elsewhere']);
    expect([response.headers.get('content-encoding'), await response.text()]).toEqual(['gzip', 'packed']);
  });

  it.each([204, 205, 304])('passes an answer with status %d, which has no body', async (status) => {
    const origin = await startService((_, response) => response.writeHead(status).end());
    const response = await forwarder(origin).forward(new Request('https://shop.test/'), target());
    expect([response.status, response.body]).toEqual([status, null]);
  });

  it('passes the answer to HEAD', async () => {
    const origin = await startService((_, response) => response.writeHead(200, { 'Content-Length': '5' }).end());
    const request = new Request('https://shop.test/', { method: 'HEAD' });
    const response = await forwarder(origin).forward(request, target());
    expect([response.status, response.headers.get('content-length'), response.body]).toEqual([200, '5', null]);
  });
});

describe('the answer of a service', () => {
  it('reaches the browser without cookies and without headers of the connection', async () => {
    const origin = await startService((_, response) => {
      response.writeHead(200, [
        ...['Set-Cookie', '__Host-session=stolen', 'set_cookie', 'a=b', 'Connection', 'close, X-Hop', 'X-Hop', '1'],
        ...['X_Hop', '1', 'X-Accel-Redirect', '/secret', 'Upgrade', 'h2c', 'Trailer', 'x', 'Alt-Svc', 'h3=":443"'],
        ...['Clear-Site-Data', '"cookies"', 'X-Answer', 'a', 'X-Answer', 'b'],
      ]);
      response.end();
    });
    const { headers } = await forwarder(origin).forward(new Request('https://shop.test/'), target());
    const names = [...headers.keys()].filter((name) => !['date', 'transfer-encoding'].includes(name));
    expect(names).toEqual(['x-answer']);
    expect(headers.get('x-answer')).toBe('a, b');
  });
});

describe('a request that cannot be passed on', () => {
  it('is refused when it says that its body is too long, before the service is asked', async () => {
    const request = post('x'.repeat(1001), { headers: { 'content-length': '1001' } });
    expect(await codeOf(await forwarder('http://127.0.0.1:1').forward(request, target()))).toEqual([
      413,
      'body_too_large',
    ]);
  });

  it('is refused when its body turns out to be too long', async () => {
    let complete = false;
    const origin = await startService((request) => request.resume().on('end', () => (complete = true)));
    const { stream, write, cancelled } = pipe();
    write('x'.repeat(600));
    write('x'.repeat(600));
    expect(await codeOf(await forwarder(origin).forward(post(stream), target()))).toEqual([413, 'body_too_large']);
    expect(complete).toBe(false);
    await cancelled;
  });

  it('is refused when its body stops coming', async () => {
    const origin = await startService((request) => request.resume());
    const { stream, write } = pipe();
    write('x');
    const slow = forwarder(origin, { writeTimeoutMs: 50 });
    expect(await codeOf(await slow.forward(post(stream), target()))).toEqual([408, 'body_too_slow']);
  });

  it('is answered with 502 when the service is not there, hangs up or says what is no HTTP', async () => {
    const failed = [502, 'service_failed'];
    expect(
      await codeOf(await forwarder('http://127.0.0.1:1').forward(new Request('https://shop.test/'), target())),
    ).toEqual(failed);
    const rude = await listening(createTcpServer((socket) => socket.on('error', () => undefined).destroy()));
    expect(await codeOf(await forwarder(rude).forward(new Request('https://shop.test/'), target()))).toEqual(failed);
    const strange = await listening(createTcpServer((socket) => socket.end('SSH-2.0\r\n\r\n')));
    expect(await codeOf(await forwarder(strange).forward(new Request('https://shop.test/'), target()))).toEqual(failed);
  });

  it('is answered with 504 when the service is silent', async () => {
    const origin = await startService(() => undefined);
    const impatient = forwarder(origin, { readTimeoutMs: 100 });
    expect(await codeOf(await impatient.forward(new Request('https://shop.test/'), target()))).toEqual([
      504,
      'service_timeout',
    ]);
  });

  it('is repeated only when it has no body and may be repeated', async () => {
    let tries = 0;
    const origin = await listening(
      createTcpServer((socket) => {
        tries += 1;
        socket.on('error', () => undefined).destroy();
      }),
    );
    const own = forwarder(origin, { retries: 2 });
    await own.forward(new Request('https://shop.test/'), target());
    expect(tries).toBe(3);
    await own.forward(post('x'), target());
    await own.forward(post(null), target());
    await own.forward(new Request('https://shop.test/', { method: 'PUT', body: 'x' }), target());
    expect(tries).toBe(6);
  });

  it.each([
    ['GET', 2],
    ['HEAD', 2],
    ['OPTIONS', 2],
    ['PUT', 2],
    ['DELETE', 2],
    ['POST', 1],
    ['PATCH', 1],
    ['PURGE', 1],
  ])('of the method %s reaches a service that hangs up %d times when it may be repeated once', async (method, most) => {
    let tries = 0;
    const origin = await listening(
      createTcpServer((socket) => {
        tries += 1;
        socket.on('error', () => undefined).destroy();
      }),
    );
    const answer = await forwarder(origin, { retries: 1 }).forward(
      new Request('https://shop.test/', { method }),
      target(),
    );
    expect([answer.status, tries]).toEqual([502, most]);
  });

  it.each(['x', '1e9', 'Infinity'])('is refused when the length of its body is written as %s', async (length) => {
    const request = post('x', { headers: { 'content-length': length } });
    expect(await codeOf(await forwarder('http://127.0.0.1:1').forward(request, target()))).toEqual([
      413,
      'body_too_large',
    ]);
  });

  it('is passed on when its body has just the most bytes', async () => {
    let bytes = 0;
    const origin = await startService((request, response) => {
      request.on('data', (chunk: Buffer) => (bytes += chunk.length)).on('end', () => response.end());
    });
    const { stream, write, end } = pipe();
    write('x'.repeat(1000));
    end();
    expect((await forwarder(origin).forward(post(stream), target())).status).toBe(200);
    const known = post('x'.repeat(1000), { headers: { 'content-length': '1000' } });
    expect((await forwarder(origin).forward(known, target())).status).toBe(200);
    expect(bytes).toBe(2000);
  });

  it('is answered with 502 when the answer has a status that there is not', async () => {
    const odd = await listening(
      createTcpServer((socket) => {
        socket.on('error', () => undefined);
        socket.once('data', () => socket.write('HTTP/1.1 999 Odd\r\nContent-Length: 5\r\n\r\n12345'));
      }),
    );
    const response = await forwarder(odd).forward(new Request('https://shop.test/'), target());
    expect(await codeOf(response)).toEqual([502, 'service_failed']);
  });

  it('is answered with 503 when the name of the service is not known', async () => {
    // A label of a name has 63 bytes at most, so nobody is asked.
    const nowhere = forwarder(`http://${'x'.repeat(64)}.test`);
    expect(await codeOf(await nowhere.forward(new Request('https://shop.test/'), target()))).toEqual([
      503,
      'service_unknown',
    ]);
  });
});
