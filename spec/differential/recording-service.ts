import { type AddressInfo, createServer, type Socket } from 'node:net';

/** A request as a service received it. One character for each byte. */
export interface Arrived {
  readonly method: string;
  readonly target: string;
  /** In the order in which they came. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** A service that takes anything that looks like HTTP/1, which Node's own server does not, and notes it. */
export interface RecordingService {
  readonly url: string;
  /** Returns what came since it was asked last. */
  take(): Arrived[];
  stop(): Promise<void>;
}

const ANSWER = [
  'HTTP/1.1 200 OK',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Length: 2',
  'X-Answer: a',
  'Set-Cookie: a=1',
  'Set-Cookie: b=2',
  'Connection: close',
  '',
  '',
].join('\r\n');

/** Starts the service on a free port of 127.0.0.1. It answers 200 and closes the connection. */
export async function startRecordingService(): Promise<RecordingService> {
  let arrived: Arrived[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    let text = '';
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const request = parse(text);
      if (request === undefined) return;
      arrived.push(request);
      socket.end(ANSWER + (request.method === 'HEAD' ? '' : 'ok'));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    take: () => {
      const taken = arrived;
      arrived = [];
      return taken;
    },
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A request that is complete, `undefined` before. */
function parse(text: string): Arrived | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [line = '', ...lines] = text.slice(0, end).split('\r\n');
  const [, method = '', target = ''] = /^(\S+) (.*) HTTP\/1\.[01]$/.exec(line) ?? [];
  const headers = lines.map((header): [string, string] => {
    const at = header.indexOf(':');
    return [header.slice(0, at).toLowerCase(), header.slice(at + 1).trim()];
  });
  const valueOf = (wanted: string): string | undefined => headers.find(([name]) => name === wanted)?.[1];
  const rest = text.slice(end + 4);
  const body =
    valueOf('transfer-encoding') === undefined
      ? wholeBody(rest, Number(valueOf('content-length') ?? 0))
      : chunkedBody(rest);
  return body === undefined ? undefined : { method, target, headers, body };
}

function wholeBody(rest: string, length: number): string | undefined {
  return rest.length < length ? undefined : rest.slice(0, length);
}

function chunkedBody(rest: string): string | undefined {
  let body = '';
  let at = 0;
  for (;;) {
    const end = rest.indexOf('\r\n', at);
    if (end === -1) return undefined;
    const size = Number.parseInt(rest.slice(at, end), 16);
    if (size === 0) return body;
    body += rest.slice(end + 2, end + 2 + size);
    at = end + 2 + size + 2;
    if (at > rest.length) return undefined;
  }
}
