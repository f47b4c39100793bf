import { randomBytes } from 'node:crypto';
import { createServer, ServerResponse, STATUS_CODES, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { MAX_HEADER_BYTES } from '../http/arrival';
import { HeaderList } from '../http/header-list';
import { errorResponse } from '../http/local-response';
import type { RequestHandler } from './request-handler';
import { addOwnHeaders } from './response-head';

/** Where to listen. */
export interface ListenAddress {
  readonly host: string;
  readonly port: number;
}

/** nginx's `client_header_timeout`. */
const HEADER_TIMEOUT_MS = 60_000;
/** nginx's `keepalive_timeout`. */
const KEEP_ALIVE_MS = 75_000;

/** The HTTP/1.1 side that clients see. */
export class HttpListener {
  readonly #server: Server;
  /** Connections that became WebSockets: the server itself knows them no longer. */
  readonly #upgraded = new Set<Duplex>();

  constructor(handle: RequestHandler) {
    this.#server = createServer(
      {
        maxHeaderSize: MAX_HEADER_BYTES,
        headersTimeout: HEADER_TIMEOUT_MS,
        keepAliveTimeout: KEEP_ALIVE_MS,
        requestTimeout: 0,
        // Answered in Kong's words instead.
        requireHostHeader: false,
      },
      (request, response) => void handle(request, response),
    );
    // Node would drop what is beyond its limit; here too many are refused (see refuseArrival).
    this.#server.maxHeadersCount = 0;
    // nginx says "continue" when something reads the body, so not to a client whose request is refused.
    this.#server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
      continueOnRead(request, response);
      void handle(request, response);
    });
    this.#server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
      void handle(request, response);
    });
    this.#server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      if (request.headers.upgrade?.toLowerCase() === 'websocket') this.#takeOver(request, socket, head, handle);
      else this.#withoutUpgrade(request, socket, head);
    });
    // Refused, as by nginx; without this, Node closes the connection without a word.
    this.#server.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      this.#takeOver(request, socket, head, handle);
    });
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      refuseUnreadable(error, socket);
    });
  }

  /** Starts to listen and returns where. @throws the error of `listen(2)` */
  listen({ host, port }: ListenAddress): Promise<AddressInfo> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(port, host, () => {
        this.#server.off('error', reject);
        resolve(this.#server.address() as AddressInfo);
      });
    });
  }

  /** Accepts no connection any more, lets requests finish for at most `graceMs` and ends what is left then. */
  async close(graceMs: number): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => {
        resolve();
      });
    });
    for (const socket of this.#upgraded) socket.destroy();
    this.#server.closeIdleConnections();
    const cut = setTimeout(() => {
      this.#server.closeAllConnections();
    }, graceMs);
    await closed;
    clearTimeout(cut);
  }

  /** Handles a request whose connection Node does not look after any more. */
  #takeOver(request: IncomingMessage, socket: Socket, head: Buffer, handle: RequestHandler): void {
    this.#upgraded.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => {
      this.#upgraded.delete(socket);
    });
    const response = new ServerResponse(request);
    response.shouldKeepAlive = false;
    response.assignSocket(socket);
    response.once('finish', () => {
      socket.end();
    });
    socket.unshift(head);
    void handle(request, response);
  }

  /**
   * Kong upgrades to WebSocket only; whoever asks for another protocol, as Java's client does for HTTP/2, gets an
   * ordinary answer. Node has stopped reading after the headers, so it reads the request again without that header.
   */
  #withoutUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const lines: string[] = [];
    for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
      const name = request.rawHeaders[i] ?? '';
      if (name.toLowerCase() !== 'upgrade') lines.push(`${name}: ${request.rawHeaders[i + 1] ?? ''}\r\n`);
    }
    const start = `${request.method ?? ''} ${request.url ?? ''} HTTP/${request.httpVersion}\r\n`;
    socket.unshift(Buffer.concat([Buffer.from(`${start}${lines.join('')}\r\n`, 'latin1'), head]));
    this.#server.emit('connection', socket);
  }
}

function continueOnRead(request: IncomingMessage, response: ServerResponse): void {
  const say = (): void => {
    if (!response.headersSent) response.writeContinue();
  };
  request.once('resume', say);
  request.on('newListener', function onListener(event) {
    if (event !== 'readable') return;
    request.off('newListener', onListener);
    request.off('resume', say);
    say();
  });
}

/** What Node could not read never becomes a request; the answer is Kong's all the same. */
function refuseUnreadable({ code }: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const status = { HPE_HEADER_OVERFLOW: 494, ERR_HTTP_REQUEST_TIMEOUT: 408 }[code ?? ''] ?? 400;
  const requestId = randomBytes(16).toString('hex');
  const { headers, body, ...answer } = errorResponse(status, { accept: 'text/plain', requestId });
  const head = { status: answer.status, headers: new HeaderList(headers) };
  addOwnHeaders(head, requestId, { gateway: 0, service: -1 });
  head.headers.set('Content-Length', [String(body.length)]);
  head.headers.set('Connection', ['close']);
  const lines = head.headers.lines.map(([name, value]) => `${name}: ${value}\r\n`);
  const start = `HTTP/1.1 ${head.status} ${STATUS_CODES[head.status] ?? ''}\r\n`;
  socket.end(Buffer.concat([Buffer.from(`${start}${lines.join('')}\r\n`, 'latin1'), body]));
}
