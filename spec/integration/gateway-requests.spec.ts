import { createHash } from 'node:crypto';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'undici';
import { type Kong, startKong } from '../support/kong';
import { describeKong, itOnlyEmbedded, itOnlyKong } from '../support/kong-target';
import { sendRaw } from '../support/raw-http';

/** A service of bytes: says what it was asked, or answers as the path of the request says. */
function startByteService(): Promise<Server> {
  const server = createServer((socket) => {
    let text = '';
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      for (let end = text.indexOf('\r\n\r\n'); end >= 0; end = text.indexOf('\r\n\r\n')) {
        const head = text.slice(0, end);
        text = text.slice(end + 4);
        socket.write(answerTo(head), 'latin1');
      }
    });
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      resolve(server);
    });
  });
}

function answerTo(head: string): string {
  const [line = ''] = head.split('\r\n', 1);
  const ok = (lines: readonly string[], body: string): string =>
    ['HTTP/1.1 200 OK', ...lines, `Content-Length: ${body.length}`, '', body].join('\r\n');
  if (line.includes('/latin'))
    return ok(['Content-Disposition: attachment; filename="\xc3\xa4.txt"', 'X-One: \xe4'], 'x');
  const [, size] = /\/head-(\d+)/.exec(line) ?? [];
  // What is around the value of X is 47 bytes long.
  if (size !== undefined) return ok([`X-Big: ${'a'.repeat(Number(size) - 47)}`], 'xx');
  if (line.includes('/socket')) {
    const [, key = ''] = /sec-websocket-key: *(\S+)/i.exec(head) ?? [];
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    const lines = ['HTTP/1.1 101 Switching Protocols', 'Upgrade: websocket', 'Connection: Upgrade'];
    return [...lines, `Sec-WebSocket-Accept: ${accept}`, '', '\x81\x05hello'].join('\r\n');
  }
  return ok([], line);
}

describeKong('a request as bytes', () => {
  let service: Server;
  let kong: Kong;

  beforeAll(async () => {
    service = await startByteService();
    kong = await startKong({
      declarativeConfig: JSON.stringify({
        _format_version: '3.0',
        plugins: [{ name: 'cors', config: { origins: ['https://a.test'] } }],
        services: [
          {
            name: 'bytes',
            url: `http://127.0.0.1:${(service.address() as AddressInfo).port}`,
            routes: [{ name: 'all', paths: ['/'], strip_path: false }],
          },
        ],
      }),
    });
  });
  afterAll(async () => {
    await kong.stop();
    service.close();
  });

  const head = (...lines: string[]): string => [...lines, '', ''].join('\r\n');
  const get = (target: string): string => head(`GET ${target} HTTP/1.1`, 'Host: x', 'Connection: close');

  /** Resolves with the request line that the service got, or the status of a refusal. */
  async function asked(request: string): Promise<string | number | undefined> {
    const response = await sendRaw(kong, request);
    return response?.status === 200 ? response.body : response?.status;
  }

  it.each([
    ['/%C3%A9', 'GET /%C3%A9 HTTP/1.1'],
    ['/%ff', 404],
    ['/%zz', 400],
    ['/a/%', 400],
    ['/%00', 400],
    ['/..', 400],
    ['//../a', 400],
    ['/a%2f..%2f..', 400],
    ['/a/..', 'GET / HTTP/1.1'],
    ['/a#f?x=1', 'GET /a#f HTTP/1.1'],
    ['/a?x#y?z', 'GET /a?x HTTP/1.1'],
    ['/a?', 'GET /a? HTTP/1.1'],
    ['/a?#', 'GET /a HTTP/1.1'],
    ['http://a.test?x', 404],
    ['http://a.test', 'GET / HTTP/1.1'],
    ['ftp://a.test/x', 'GET /x HTTP/1.1'],
    ['http://a_b.test/', 400],
  ])('for %s becomes %s', async (target, expected) => {
    expect(await asked(get(target))).toBe(expected);
  });

  it.each([
    ['chunks in HTTP/1.0', head('POST / HTTP/1.0', 'Host: x', 'Transfer-Encoding: chunked') + '0\r\n\r\n', 400],
    ['HTTP/2.0 in its first line', head('GET / HTTP/2.0', 'Host: x'), 505],
    ['a coding before the chunks', head('POST / HTTP/1.1', 'Host: x', 'Transfer-Encoding: gzip, chunked'), 501],
    ['a coding alone', head('POST / HTTP/1.1', 'Host: x', 'Transfer-Encoding: gzip', 'Connection: close'), 501],
    ['a blank in its Host', head('GET / HTTP/1.1', 'Host: a b'), 400],
    ['a slash in its Host', head('GET / HTTP/1.1', 'Host: a/b'), 400],
    ['two dots in its Host', head('GET / HTTP/1.1', 'Host: a..b'), 400],
    ['an empty Host', head('GET / HTTP/1.1', 'Host:'), 400],
    ['a NUL in a value', head('GET / HTTP/1.1', 'Host: x', 'X-A: b\x00c'), 400],
    ['a folded line', head('GET / HTTP/1.1', 'Host: x', 'X-A: b', ' c'), 400],
  ])('with %s is refused', async (_, request, status) => {
    expect(await asked(request)).toBe(status);
  });

  /** docs/DEVELOPMENT-GATEWAY.md lists them: Node's parser refuses what Kong takes. */
  const takenByKongOnly: [string, string][] = [
    ['a method that Node does not know', head('BREW / HTTP/1.1', 'Host: x', 'Connection: close')],
    ['a method with an underscore', head('FOO_BAR / HTTP/1.1', 'Host: x', 'Connection: close')],
    ['HTTP/1.2', head('GET / HTTP/1.2', 'Host: x', 'Connection: close')],
    ['bytes from 0x80 on in its target', get('/\xc3\xa9')],
    ['a control character in a value', head('GET / HTTP/1.1', 'Host: x', 'X-A: b\x01c', 'Connection: close')],
    ['a line without a colon', head('GET / HTTP/1.1', 'Host: x', 'X-A', 'Connection: close')],
    ['a name with odd characters', head('GET / HTTP/1.1', 'Host: x', 'X(: 1', 'Connection: close')],
    ['LF alone at the end of a line', 'GET / HTTP/1.1\nHost: x\nConnection: close\n\n'],
    ['a blank at the end of its first line', head('GET / HTTP/1.1 ', 'Host: x', 'Connection: close')],
  ];
  describe('that Node does not read', () => {
    for (const [what, request] of takenByKongOnly) {
      itOnlyKong('refuses it')(`is taken with ${what}`, async () => {
        expect(await asked(request)).toMatch(/^[A-Z_]+ \/\S* HTTP\/1\.1$/);
      });
      itOnlyEmbedded('takes it')(`is refused with ${what}`, async () => {
        expect(await asked(request)).toBe(400);
      });
    }

    it('gets the headers of global plugins in its refusal all the same', async () => {
      const response = await sendRaw(kong, 'GET\r\nHost: x\r\n\r\n');
      expect(response?.status).toBe(400);
      expect(response?.headers['access-control-allow-origin']).toEqual(['https://a.test']);
    });
  });

  it('is answered after the one before it on the same connection, even if it cannot be read', async () => {
    const text = await conversation(kong.port, `${head('GET /first HTTP/1.1', 'Host: x')}GET\r\n\r\n`);
    expect([...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => status)).toEqual(['200', '400']);
    expect(text).toContain('GET /first HTTP/1.1');
  });

  it('is answered with the bytes of the service, not encoded a second time', async () => {
    const response = await sendRaw(kong, get('/latin'));
    expect(response?.headers['content-disposition']).toEqual(['attachment; filename="\xc3\xa4.txt"']);
    expect(response?.headers['x-one']).toEqual(['\xe4']);
  });

  it.each([
    [4090, 'xx'],
    [4097, 502],
  ])('whose answer has a head of %i bytes gets %s', async (bytes, expected) => {
    expect(await asked(get(`/head-${bytes}`))).toBe(expected);
  });

  it('for a WebSocket is understood by a real client', async () => {
    const socket = new WebSocket(`ws://127.0.0.1:${kong.port}/socket`);
    const message = await new Promise((resolve, reject) => {
      socket.addEventListener('message', ({ data }) => {
        resolve(data);
      });
      socket.addEventListener('error', ({ error }) => {
        reject(error);
      });
    });
    socket.close();
    expect(message).toBe('hello');
  });
});

/** Sends bytes and returns everything that came back until the connection ended. */
function conversation(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes, 'latin1'));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
    });
    socket.on('error', reject);
    socket.on('close', () => {
      resolve(text);
    });
  });
}
