import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { type KeyLike, keySetOf } from './key-issuer';

/** How a provider answers instead of with its keys. */
export type Fault = (request: IncomingMessage, response: ServerResponse) => void;

const MEGABYTE = Buffer.alloc(1024 * 1024, ' ');

const json =
  (body: unknown): Fault =>
  (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
  };

/** What goes wrong with providers. */
export const FAULTS = {
  /** Takes the request and never answers. */
  hang: () => undefined,
  /** Answers a byte at a time, for ever. */
  drip: (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const timer = setInterval(() => response.write(' '), 5);
    response.on('close', () => {
      clearInterval(timer);
    });
  },
  /** Sends a header a byte at a time, for ever. */
  dripHeaders: (_, response) => {
    const socket = response.socket!;
    socket.write('HTTP/1.1 200 OK\r\nX-Slow: ');
    const timer = setInterval(() => socket.write('a'), 5);
    socket.on('close', () => {
      clearInterval(timer);
    });
  },
  hangUp: (request) => {
    request.socket.destroy();
  },
  hangUpMidway: (_, response) => {
    response.writeHead(200, { 'content-length': '100000' }).write('{"keys":[');
    setImmediate(() => response.socket?.destroy());
  },
  /** 100 MB that are announced, and really sent if somebody takes them. */
  huge: (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(100 * MEGABYTE.length) });
    sendMegabytes(response, 100);
  },
  /** The same without a word about the length. */
  endless: (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    sendMegabytes(response, 100);
  },
  /** 20 MB in 20 KB. */
  gzipBomb: (_, response) => {
    const body = gzipSync(Buffer.alloc(20 * MEGABYTE.length, ' '));
    response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' }).end(body);
  },
  brotli: (_, response) => response.writeHead(200, { 'content-encoding': 'br' }).end(brotliCompressSync('{"keys":[]}')),
  html: (_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><title>Welcome, secret-value</title>');
  },
  notUtf8: (_, response) => response.writeHead(200).end(Buffer.from('{"keys":[],"note":"\xff"}', 'latin1')),
  redirect: (_, response) => response.writeHead(302, { location: '/moved' }).end(),
  redirectForGood: (_, response) => response.writeHead(308, { location: 'https://evil.test/jwks' }).end(),
  error: (_, response) => response.writeHead(500).end('{"keys":[]}'),
  unavailable: (_, response) => response.writeHead(503, { 'retry-after': '1' }).end(),
  noContent: (_, response) => response.writeHead(204).end(),
  notModified: (_, response) => response.writeHead(304).end(),
  empty: (_, response) => response.writeHead(200).end(),
  noHttp: (_, response) => void response.socket?.end('SSH-2.0-OpenSSH_9.2\r\n'),
  hugeHeaders: (_, response) => {
    response.socket?.write(`HTTP/1.1 200 OK\r\n${`X-Filler: ${'a'.repeat(8000)}\r\n`.repeat(100)}\r\n`);
  },
  emptySet: json({ keys: [] }),
  noSet: json({ error: 'secret-value' }),
  deepNesting: (_, response) => response.writeHead(200).end('['.repeat(100_000) + ']'.repeat(100_000)),
} as const satisfies Record<string, Fault>;

function sendMegabytes(response: ServerResponse, count: number): void {
  if (count === 0) response.end();
  else if (!response.destroyed)
    response.write(MEGABYTE, () => {
      sendMegabytes(response, count - 1);
    });
}

/** A certificate that only its own file vouches for, and its key. */
export interface TlsFiles {
  readonly caFile: string;
  readonly key: string;
  readonly cert: string;
  remove(): void;
}

/** Makes a self-signed certificate for 127.0.0.1 and localhost, or for the names given, with the openssl command. */
export function makeCertificate(names = 'DNS:localhost,IP:127.0.0.1'): TlsFiles {
  const folder = mkdtempSync(join(tmpdir(), 'provider-tls-'));
  const [keyFile, caFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const subject = ['-subj', '/CN=provider', '-addext', `subjectAltName=${names}`];
  const files = ['-keyout', keyFile, '-out', caFile];
  execFileSync('openssl', ['req', '-x509', '-days', '1', ...curve, ...subject, ...files], { stdio: 'pipe' });
  return {
    caFile,
    key: readFileSync(keyFile, 'utf8'),
    cert: readFileSync(caFile, 'utf8'),
    remove: () => {
      rmSync(folder, { recursive: true });
    },
  };
}

/** An identity provider on 127.0.0.1: a key set at `/jwks`, and its metadata where both specifications want it. */
export class IdentityProvider {
  /** What it publishes. */
  keys: readonly KeyLike[] = [];
  /** What it does instead. */
  fault: Fault | undefined;
  cacheControl: string | undefined;
  /** Whether it sends an `ETag` and answers 304 to who names it. */
  hasEtag = false;
  /** Replaces members of the metadata. */
  metadata: Readonly<Record<string, unknown>> = {};
  /** Every request so far. */
  readonly requests: { path: string; headers: IncomingMessage['headers'] }[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  readonly #isTls: boolean;

  private constructor(tls?: TlsFiles) {
    const listener: RequestListener = (request, response) => {
      this.requests.push({ path: request.url ?? '', headers: request.headers });
      (this.fault ?? this.#answer)(request, response);
    };
    this.#isTls = tls !== undefined;
    this.#server =
      tls === undefined ? createServer(listener) : createTlsServer({ key: tls.key, cert: tls.cert }, listener);
    this.#server.on('connection', (socket: Socket) => {
      this.accepted += 1;
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        this.bytesSent += socket.bytesWritten;
      });
    });
    this.#server.on('tlsClientError', () => undefined);
  }

  /** Starts one on a free port, or on the port that it had before. */
  static async start({ tls, port = 0 }: { tls?: TlsFiles; port?: number } = {}): Promise<IdentityProvider> {
    const provider = new IdentityProvider(tls);
    await new Promise<void>((resolve) => provider.#server.listen(port, '127.0.0.1', resolve));
    return provider;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get issuer(): string {
    return `http${this.#isTls ? 's' : ''}://127.0.0.1:${this.port}/`;
  }

  get jwksUri(): string {
    return `${this.issuer}jwks`;
  }

  /** How often the key set was asked for. */
  get fetches(): number {
    return this.requests.filter(({ path }) => path === '/jwks').length;
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#sockets.size;
  }

  /** Connections that it ever accepted. */
  accepted = 0;
  /** How many bytes it sent on connections that are over. */
  bytesSent = 0;

  /** Resolves when nobody is connected any more. */
  async isQuiet(): Promise<void> {
    while (this.#sockets.size > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  /** Stops at once, whatever is going on. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  readonly #answer: Fault = (request, response) => {
    const headers: Record<string, string> = { 'content-type': 'application/json' };
    if (this.cacheControl !== undefined) headers['cache-control'] = this.cacheControl;
    if (request.url?.includes('/.well-known/') === true) {
      const metadata = { issuer: this.issuer, jwks_uri: this.jwksUri, ...this.metadata };
      response.writeHead(200, headers).end(JSON.stringify(metadata));
      return;
    }
    const body = JSON.stringify(keySetOf(...this.keys));
    if (this.hasEtag) headers['etag'] = `"${Buffer.from(body).toString('base64url').slice(-40)}"`;
    if (this.hasEtag && request.headers['if-none-match'] === headers['etag']) response.writeHead(304, headers).end();
    else response.writeHead(200, headers).end(body);
  };
}
