import { createServer, type IncomingHttpHeaders } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

/** An HTTP proxy on 127.0.0.1 that makes connections for others (RFC 9110 §9.3.6). */
export class ConnectProxy {
  /** What it was asked to connect to, and with which headers. */
  readonly requests: { target: string; headers: IncomingHttpHeaders }[] = [];
  /** What it does instead. */
  fault: 'refuse' | 'hang' | undefined;
  readonly #server = createServer();
  readonly #sockets = new Set<Socket>();

  static async start(): Promise<ConnectProxy> {
    const proxy = new ConnectProxy();
    proxy.#server.on('connection', (socket: Socket) => proxy.#keep(socket));
    proxy.#server.on('connect', ({ url = '', headers }, socket: Socket) => {
      proxy.requests.push({ target: url, headers });
      if (proxy.fault === 'refuse') socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
      if (proxy.fault !== undefined) return;
      const target = new URL(`http://${url}`);
      const upstream = proxy.#keep(connect(Number(target.port), target.hostname));
      upstream.once('connect', () => {
        socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
        socket.pipe(upstream).pipe(socket);
      });
    });
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  /** @param userinfo - user and password for the URL */
  url(userinfo = ''): string {
    return `http://${userinfo}127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #keep(socket: Socket): Socket {
    this.#sockets.add(socket);
    socket.on('error', () => undefined);
    return socket.on('close', () => this.#sockets.delete(socket));
  }
}
