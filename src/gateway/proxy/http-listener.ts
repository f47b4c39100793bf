import { createServer, IncomingMessage, ServerResponse, type Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { listen } from '../../server/listening/listen';
import type { Log } from '../../telemetry/log';
import { MAX_HEADER_BYTES } from '../http/arrival';
import type { RequestHandler } from './request-handler';

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
  /** All connections: the server itself does not know those that it gave away for a while or for good. */
  readonly #connections = new Set<Duplex>();
  /** Connections that became WebSockets. */
  readonly #upgraded = new Set<Duplex>();
  /** Settles when everything that a connection asked so far is answered. */
  readonly #answered = new WeakMap<Duplex, Promise<void>>();

  readonly #handle: RequestHandler;

  constructor(handler: RequestHandler) {
    this.#handle = handler;
    const handle: RequestHandler = (request, response) =>
      this.#inOrder(request.socket, () => handler(request, response));
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
      const isWebSocket = request.headers.upgrade?.toLowerCase() === 'websocket';
      if (isWebSocket && !announcesBody(request)) this.#takeOver(request, socket, head);
      else this.#withoutUpgrade(request, socket, head);
    });
    this.#server.on('connection', (socket: Socket) => {
      if (this.#connections.has(socket)) return;
      this.#connections.add(socket);
      // Nobody else listens while the server has given it away. It is closed then, which is all there is to do.
      socket.on('error', () => undefined);
      socket.once('close', () => {
        this.#connections.delete(socket);
      });
    });
    // Refused, as by nginx; without this, Node closes the connection without a word.
    this.#server.on('connect', (request: IncomingMessage, socket: Socket, head: Buffer) => {
      this.#takeOver(request, socket, head);
    });
    this.#server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
      if (error.code === 'ECONNRESET') socket.destroy();
      else this.#refuseUnreadable(STATUS_OF[error.code ?? ''] ?? 400, socket);
    });
  }

  /**
   * Starts to listen and returns where.
   *
   * @param log - is told of connections that were not accepted
   * @throws the error of `listen(2)`
   */
  async listen({ host, port }: ListenAddress, log: Log): Promise<AddressInfo> {
    const server = await listen(this.#server, { host, port }, log);
    return server.address() as AddressInfo;
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
      for (const socket of this.#connections) socket.destroy();
    }, graceMs);
    await closed;
    clearTimeout(cut);
  }

  /**
   * Does something once everything that came before on a connection is answered. nginx takes the requests of a connection
   * one after the other; what is not readable must not cut the answer before it off.
   */
  #inOrder(socket: Duplex, work: () => Promise<void>): Promise<void> {
    const done = (this.#answered.get(socket) ?? Promise.resolve()).then(work);
    this.#answered.set(socket, done);
    return done;
  }

  /** What Node could not read never becomes a request. It is answered all the same, by way of the global plugins. */
  #refuseUnreadable(status: number, socket: Socket): void {
    const request = new IncomingMessage(socket);
    Object.assign(request, { method: '-', url: '/', httpVersion: '1.1' });
    this.#takeOver(request, socket, Buffer.alloc(0), status);
  }

  /** Handles a request whose connection Node does not look after any more. */
  #takeOver(request: IncomingMessage, socket: Socket, head: Buffer, refusedWith?: number): void {
    this.#upgraded.add(socket);
    socket.once('close', () => {
      this.#upgraded.delete(socket);
    });
    void this.#inOrder(socket, () => {
      if (!socket.writable) return Promise.resolve(void socket.destroy());
      const response = new ServerResponse(request);
      response.shouldKeepAlive = false;
      response.assignSocket(socket);
      response.once('finish', () => {
        socket.end();
      });
      socket.unshift(head);
      return this.#handle(request, response, refusedWith);
    });
  }

  /**
   * Kong upgrades to WebSocket only. A client that asks for another protocol, as Java's does for HTTP/2, gets an
   * ordinary answer. Node has stopped reading after the headers, so it reads the request again without that header.
   *
   * A handshake with a body gets one, too: Node does not read a body behind a handshake, and the service would wait for it.
   */
  #withoutUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
    const lines: string[] = [];
    for (let i = 0; i + 1 < request.rawHeaders.length; i += 2) {
      const name = request.rawHeaders[i] ?? '';
      if (name.toLowerCase() !== 'upgrade') lines.push(`${name}: ${request.rawHeaders[i + 1] ?? ''}\r\n`);
    }
    const start = `${request.method ?? ''} ${request.url ?? ''} HTTP/${request.httpVersion}\r\n`;
    void this.#inOrder(socket, () => {
      socket.unshift(Buffer.concat([Buffer.from(`${start}${lines.join('')}\r\n`, 'latin1'), head]));
      this.#server.emit('connection', socket);
      return Promise.resolve();
    });
  }
}

function announcesBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0;
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

/** The status that nginx has for one of Node's errors; 400 for all others. */
const STATUS_OF: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 494,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_INVALID_TRANSFER_ENCODING: 501,
};
