import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HeaderList } from '../../src/gateway/http/header-list';

/** What a service received. */
export interface Received {
  readonly method: string;
  readonly url: string;
  /** All header lines in turn: name, value, name, value … */
  readonly rawHeaders: readonly string[];
  /** Values by name in lower case; `X_User_ID` and `X-User-ID` are two names. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  readonly body: string;
}

/** A naive service: it answers 200 with what it received, as JSON. */
export interface EchoService {
  readonly url: string;
  readonly port: number;
  /** Everything it received, in order. */
  readonly received: Received[];
  stop(): Promise<void>;
}

/**
 * Starts a service on a free port of 127.0.0.1.
 *
 * @param answer - answers instead of the echo; return false to have the echo after all
 */
export async function startEchoService(
  answer: (request: IncomingMessage, response: ServerResponse, received: Received) => boolean = () => false,
): Promise<EchoService> {
  const received: Received[] = [];
  const server = createServer({ maxHeaderSize: 256 * 1024 }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const message = describe(request, Buffer.concat(chunks).toString());
      received.push(message);
      if (answer(request, response, message)) return;
      response.setHeader('Content-Type', 'application/json');
      response.end(JSON.stringify(message));
    });
  });
  server.maxHeadersCount = 0;
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}`, port, received, stop: () => closeServer(server) };
}

/** Stops a server at once and resolves when it has. */
export function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
}

function describe({ method = '', url = '', rawHeaders }: IncomingMessage, body: string): Received {
  const headers = Object.fromEntries(HeaderList.fromRaw(rawHeaders).table());
  return { method, url, rawHeaders, headers, body };
}
