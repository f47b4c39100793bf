import { createServer, request as httpRequest, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { closeServer, type Received, startEchoService } from '../support/echo-service';
import { type GuardedKong, startGuardedKong, tokenFor } from '../support/guarded-kong';
import { describeKong, itOnlyEmbedded } from '../support/kong-target';
import { rawGet, sendRaw } from '../support/raw-http';

/** Resolves with the port of a server on 127.0.0.1. */
function listening(server: ReturnType<typeof createServer>): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      resolve((server.address() as { port: number }).port);
    });
  });
}

/** Answers requests when it is told to, and upgrades connections to an echo. */
class OddService {
  readonly server = createServer((request, response) => {
    if (request.url?.startsWith('/cut') === true) request.socket.destroy();
    else if (request.url?.startsWith('/slow') === true) this.waiting.push(() => response.end('late'));
    else if (request.url?.startsWith('/parts') === true) {
      response.write('first,');
      this.waiting.push(() => response.end('last'));
    } else response.writeHead(204).end();
    this.arrived.splice(0).forEach((resolve) => {
      resolve(request);
    });
  });
  readonly waiting: (() => void)[] = [];
  readonly upgrades: IncomingMessage[] = [];
  private readonly arrived: ((request: IncomingMessage) => void)[] = [];
  port = 0;

  async start(): Promise<void> {
    this.server.on('upgrade', (request, socket) => {
      this.upgrades.push(request);
      socket.on('error', () => undefined);
      socket.write(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nX-Own: 1\r\n\r\nhello',
      );
      socket.pipe(socket);
    });
    this.port = await listening(this.server);
  }

  /** Resolves with the next request. */
  next(): Promise<IncomingMessage> {
    return new Promise((resolve) => this.arrived.push(resolve));
  }

  /** Lets every request that waits have its answer. */
  answer(): void {
    this.waiting.splice(0).forEach((finish) => {
      finish();
    });
  }
}

describeKong('traffic through the gateway', () => {
  const odd = new OddService();
  let guarded: GuardedKong;
  let token: string;

  beforeAll(async () => {
    await odd.start();
    guarded = await startGuardedKong(
      (url) => `
plugins: [{ name: cors }]
services:
  - name: orders
    url: ${url}
    routes:
      - { name: open, paths: [/open] }
      - { name: secure, paths: [/secure], protocols: [https] }
      - { name: moved, paths: [/moved], protocols: [https], https_redirect_status_code: 308 }
      - { name: correlated, paths: [/correlated], plugins: [{ name: correlation-id }] }
      - { name: orders, paths: [/orders], plugins: [{ name: jwt-identity, config: { <<: *identity } }] }
  - name: odd
    url: http://127.0.0.1:${odd.port}
    read_timeout: 300
    retries: 0
    routes:
      - { name: odd, paths: [/odd] }
      - { name: socket, paths: [/socket], plugins: [{ name: jwt-identity, config: { <<: *identity } }] }
  - name: patient
    url: http://127.0.0.1:${odd.port}
    routes: [{ name: patient, paths: [/patient] }]
  - name: closed
    url: http://127.0.0.1:1
    retries: 1
    routes: [{ name: closed, paths: [/closed] }]
  - name: unknown
    url: http://no-such-host.invalid
    routes: [{ name: unknown, paths: [/unknown] }]
routes:
  - { name: nowhere, paths: [/nowhere] }
`,
    );
    token = await tokenFor();
  });
  beforeEach(() => {
    guarded.service.received.length = 0;
  });
  afterAll(async () => {
    await guarded.stop();
    await closeServer(odd.server);
  });

  const get = (path: string, init: RequestInit = {}): Promise<Response> => fetch(guarded.kong.proxyUrl + path, init);

  it('tells the service where it comes from, whatever the client says', async () => {
    const response = await get('/open/x', {
      headers: { 'X-Forwarded-For': '1.1.1.1', 'X-Forwarded-Proto': 'https', 'X-Real-IP': '9.9.9.9', Via: '1.0 x' },
    });
    const { headers } = (await response.json()) as Received;
    expect(headers).toMatchObject({
      'x-forwarded-for': ['1.1.1.1, 127.0.0.1'],
      'x-forwarded-proto': ['http'],
      'x-forwarded-host': ['127.0.0.1'],
      'x-forwarded-port': [String(guarded.kong.port)],
      'x-forwarded-path': ['/open/x'],
      'x-forwarded-prefix': ['/open'],
      'x-real-ip': ['127.0.0.1'],
      'x-kong-request-id': [response.headers.get('x-kong-request-id')],
      host: [`127.0.0.1:${guarded.service.port}`],
    });
    expect(headers['via']?.[0]).toMatch(/^1\.0 x, 1\.1 kong/);
    expect(response.headers.get('via')).toMatch(/^1\.1 kong/);
    expect(response.headers.get('x-kong-upstream-latency')).toMatch(/^\d+$/);
    expect(response.headers.get('x-kong-proxy-latency')).toMatch(/^\d+$/);
  });

  it('says what it is when it answers itself', async () => {
    const { headers } = await get('/missing');
    expect(headers.get('server')).toMatch(/^kong/);
    expect(headers.get('x-kong-response-latency')).toMatch(/^\d+$/);
    expect(headers.has('via')).toBe(false);
  });

  it('carries a megabyte there and back', async () => {
    const body = 'ä'.repeat(512 * 1024);
    const response = await get('/open', { method: 'PUT', body });
    expect(((await response.json()) as Received).body).toBe(body);
  });

  it('carries a body of unknown length', async () => {
    const chunked = rawGet('/open', ['Transfer-Encoding: chunked']).replace('GET', 'POST');
    await sendRaw(guarded.kong, `${chunked}5\r\nhello\r\n0\r\n\r\n`);
    expect(guarded.service.received[0]?.body).toBe('hello');
  });

  it.each([
    ['/closed', 502, 'An invalid response was received from the upstream server'],
    ['/odd/cut', 502, 'An invalid response was received from the upstream server'],
    ['/odd/slow', 504, 'The upstream server is timing out'],
    ['/unknown', 503, 'name resolution failed'],
    ['/nowhere', 503, 'no Service found with those values'],
  ])('answers %s with %i and "%s"', async (path, status, message) => {
    const response = await get(path, { headers: { accept: 'application/json' } });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ message });
  });

  it('answers plain text when nginx found the error and the client names nothing that it accepts', async () => {
    const response = await sendRaw(guarded.kong, rawGet('/closed', []));
    expect(response?.headers['content-type']).toEqual(['text/plain; charset=utf-8']);
    expect(response?.body).toMatch(
      /^An invalid response was received from the upstream server\nrequest_id: [0-9a-f]{32}\n$/,
    );
  });

  it('gives a WebSocket to whoever has a token, with the identity in the handshake', async () => {
    const response = await upgraded(guarded, `/socket?a=1`, [`Authorization: Bearer ${token}`, 'X-User-ID: eve']);
    expect(response.startsWith('HTTP/1.1 101 ')).toBe(true);
    expect(response).toMatch(/\r\nX-Own: 1\r\n/);
    expect(response.endsWith('\r\n\r\nhelloping')).toBe(true);
    const [handshake] = odd.upgrades.splice(0);
    expect(handshake?.headers).toMatchObject({ 'x-user-id': 'ada', upgrade: 'websocket' });
    expect(handshake?.headers.authorization).toBeUndefined();
  });

  it('refuses a WebSocket without a token, and the service hears nothing of it', async () => {
    const response = await upgraded(guarded, '/socket', []);
    expect(response.startsWith('HTTP/1.1 401 ')).toBe(true);
    expect(odd.upgrades).toEqual([]);
  });

  it('gives an ordinary answer to whoever asks for HTTP/2, as some clients do by default', async () => {
    const head = ['POST /open HTTP/1.1', 'Host: a', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c'];
    const request = [...head, 'HTTP2-Settings: AAA', 'Content-Length: 5', '', 'hello'].join('\r\n');
    const response = await sendRaw(guarded.kong, request);
    expect(response?.status).toBe(200);
    const [received] = guarded.service.received;
    expect(received).toMatchObject({ body: 'hello', method: 'POST' });
    expect(received?.headers).not.toHaveProperty('upgrade');
    expect(received?.headers).not.toHaveProperty('http2-settings');
  });

  it('gives a route for HTTPS only to nobody who comes without', async () => {
    const refused = await get('/secure');
    expect([refused.status, refused.headers.get('upgrade')]).toEqual([426, 'TLS/1.2, HTTP/1.1']);
    const moved = await get('/moved/x?a=1', { redirect: 'manual' });
    expect([moved.status, moved.headers.get('location')]).toEqual([308, 'https://127.0.0.1/moved/x?a=1']);
    expect(guarded.service.received).toEqual([]);
  });

  it('removes what the first Connection line names, also what a plugin has just set', async () => {
    const lines = [
      'X-Mine: 1',
      'X_Mine: 1',
      'X-Other: 1',
      'Connection: X-Mine, Kong-Request-ID',
      'Connection: X-Other',
    ];
    const head = ['GET /correlated HTTP/1.1', 'Host: a', ...lines];
    await sendRaw(guarded.kong, `${head.join('\r\n')}\r\n\r\n`);
    const [received] = guarded.service.received;
    expect(Object.keys(received?.headers ?? {})).toEqual(expect.arrayContaining(['x_mine', 'x-other']));
    expect(received?.headers).not.toHaveProperty('x-mine');
    expect(received?.headers).not.toHaveProperty('kong-request-id');
  });

  it('runs the plugins that are bound to nothing also for requests without a route', async () => {
    const { headers } = await get('/missing', { headers: { origin: 'https://a.test' } });
    expect(headers.get('access-control-allow-origin')).toBe('*');
  });

  it('hears nothing more of a request whose client went away', async () => {
    const arrived = odd.next();
    const client = httpRequest(`${guarded.kong.proxyUrl}/patient/slow`);
    client.on('error', () => undefined);
    client.end();
    const received = await arrived;
    const closed = new Promise((resolve) => received.socket.once('close', resolve));
    client.destroy();
    await closed;
    odd.answer();
  });

  describe('without a buffer', () => {
    const it = itOnlyEmbedded('nginx collects what is small, and asks for a body to throw it away');

    it('does not ask for the body of a request that it refuses', async () => {
      const response = await sendRaw(
        guarded.kong,
        rawGet('/orders', ['Expect: 100-continue', 'Content-Length: 5']).replace('GET', 'POST'),
      );
      expect(response?.status).toBe(401);
    });

    it('sends the beginning of a response before its end is there', async () => {
      const response = await get('/patient/parts');
      const parts: string[] = [];
      for await (const part of response.body! as unknown as AsyncIterable<Uint8Array>) {
        parts.push(Buffer.from(part).toString());
        odd.answer();
      }
      expect(parts).toEqual(['first,', 'last']);
    });
  });

  it('serves requests one after the other on one connection', async () => {
    const again = rawGet('/missing', []).replace('Connection: close', 'Connection: keep-alive');
    const text = await exchanged(guarded, again + rawGet('/missing', []));
    expect(text.match(/HTTP\/1\.1 404 /g)).toHaveLength(2);
  });
});

describeKong('a reload of the configuration', () => {
  const odd = new OddService();
  let guarded: GuardedKong;
  const routes = (path: string) => (): string => `
services:
  - name: odd
    url: http://127.0.0.1:${odd.port}
    routes: [{ name: odd, paths: [${path}] }]
`;

  beforeAll(async () => {
    await odd.start();
    guarded = await startGuardedKong(routes('/before'), await startEchoService());
  });
  afterAll(async () => {
    await guarded.stop();
    await closeServer(odd.server);
  });

  const config = (path: string): string => `_format_version: '3.0'${routes(path)()}`;
  const status = async (path: string): Promise<number> => (await fetch(guarded.kong.proxyUrl + path)).status;

  it('changes nothing when the file is wrong, and says what is wrong', async () => {
    const wrong = config('/after').replace('routes:', 'rotues:');
    await expect(guarded.kong.reload(wrong)).rejects.toThrow(/rotues.*unknown field/s);
    expect(await status('/before/x')).toBe(204);
  });

  it('lets a request in flight end, while new ones follow the new file', async () => {
    const arrived = odd.next();
    const inFlight = fetch(`${guarded.kong.proxyUrl}/before/slow`);
    await arrived;
    await guarded.kong.reload(config('/after'));
    expect(await status('/before/x')).toBe(404);
    expect(await status('/after/x')).toBe(204);
    odd.answer();
    const response = await inFlight;
    expect([response.status, await response.text()]).toEqual([200, 'late']);
  });
});

describeKong('a plugin server that is killed', () => {
  const it = itOnlyEmbedded('the same, but who starts it and when differs: see fact 6');
  let guarded: GuardedKong;

  beforeAll(async () => {
    guarded = await startGuardedKong(
      (url) => `
plugins: [{ name: jwt-identity, config: { <<: *identity } }]
services: [{ name: s, url: '${url}', routes: [{ name: r, paths: [/orders] }] }]
`,
    );
  });
  afterAll(() => guarded.stop());

  it('lets nothing through until it is back', async () => {
    const url = `${guarded.kong.proxyUrl}/orders`;
    const headers = { authorization: `Bearer ${await tokenFor()}` };
    expect((await fetch(url, { headers })).status).toBe(200);
    guarded.service.received.length = 0;
    const [, pid] = /plugin server started server=jwt_identity pid=(\d+)/.exec(guarded.kong.log())!;
    process.kill(Number(pid), 'SIGKILL');
    const seen = new Set<number>();
    for (let status = 0; status !== 401;) {
      ({ status } = await fetch(url));
      seen.add(status);
    }
    expect([...seen].every((status) => status === 500 || status === 401)).toBe(true);
    expect(guarded.service.received).toEqual([]);
    let status = 500;
    while (status === 500) ({ status } = await fetch(url, { headers }));
    expect(status).toBe(200);
  });
});

/** Sends a handshake, then `ping`; returns everything that came back when `ping` did, or when the connection ended. */
function upgraded({ kong }: GuardedKong, path: string, lines: readonly string[]): Promise<string> {
  const head = [`GET ${path} HTTP/1.1`, 'Host: a', 'Connection: Upgrade', 'Upgrade: websocket', ...lines];
  return conversation(kong.port, `${head.join('\r\n')}\r\n\r\n`, (text, socket) => {
    if (text.endsWith('hello')) socket.write('ping');
    return text.endsWith('ping') || /^HTTP\/1\.1 4.*\}/s.test(text);
  });
}

/** Sends bytes and returns everything that came back until the connection ended. */
function exchanged({ kong }: GuardedKong, bytes: string): Promise<string> {
  return conversation(kong.port, bytes, () => false);
}

function conversation(
  port: number,
  bytes: string,
  isOver: (text: string, socket: ReturnType<typeof connect>) => boolean,
): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes, 'latin1'));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (isOver(text, socket)) socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => {
      resolve(text);
    });
  });
}
