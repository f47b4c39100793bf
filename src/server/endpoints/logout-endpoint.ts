import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Log } from '../../telemetry/log';
import { listen } from '../listening/listen';

/** Where providers send logout tokens. */
export interface LogoutAddress {
  readonly host: string;
  readonly port: number;
}

/** Where in a URL. */
export const LOGOUT_PATH = '/backchannel-logout';

/** What becomes of a logout token. */
interface Answer {
  readonly status: number;
  readonly reason?: string;
  readonly retryAfterSeconds?: number;
}

/** A logout token has some hundred bytes. */
const MAX_BODY_BYTES = 65_536;
const REQUEST_TIMEOUT_MS = 10_000;
const MAX_CONNECTIONS = 100;

/**
 * Serves the endpoint for back-channel logout: `POST /backchannel-logout` with `logout_token` in a form. Resolves with the
 * server when it listens. It speaks plain HTTP, for a route of the gateway in front of it.
 *
 * @param handle - takes the token, `undefined` when there is none or more than one; never rejects
 * @throws the error of `listen(2)`
 * @see OpenID Connect Back-Channel Logout 1.0 §2.5, §2.8
 */
export function serveLogout(
  { host, port }: LogoutAddress,
  handle: (token: string | undefined) => Promise<Answer>,
  log: Log,
): Promise<Server> {
  const server = createServer(
    { requestTimeout: REQUEST_TIMEOUT_MS, headersTimeout: REQUEST_TIMEOUT_MS },
    (request, response) => {
      const [path] = (request.url ?? '').split('?', 1);
      if (path !== LOGOUT_PATH) response.writeHead(404).end();
      else if (request.method !== 'POST') response.writeHead(405, { Allow: 'POST' }).end();
      else receive(request, response, handle);
    },
  );
  server.maxConnections = MAX_CONNECTIONS;
  return listen(server, { host, port }, log);
}

function receive(
  request: IncomingMessage,
  response: ServerResponse,
  handle: (token: string | undefined) => Promise<Answer>,
): void {
  const chunks: Buffer[] = [];
  let size = 0;
  request.on('error', () => response.destroy());
  request.on('data', (chunk: Buffer) => {
    // More may arrive before the answer has left: a second one would throw and end the process.
    if (response.writableEnded) return;
    size += chunk.length;
    if (size > MAX_BODY_BYTES) response.writeHead(413, { Connection: 'close' }).end(() => request.destroy());
    else chunks.push(chunk);
  });
  request.on('end', () => {
    if (response.writableEnded) return;
    const isForm = /^application\/x-www-form-urlencoded(;|$)/i.test(request.headers['content-type'] ?? '');
    const tokens = isForm ? new URLSearchParams(Buffer.concat(chunks).toString()).getAll('logout_token') : [];
    void handle(tokens.length === 1 ? tokens[0] : undefined).then((answer) => {
      send(response, answer);
    });
  });
}

function send(response: ServerResponse, { status, reason, retryAfterSeconds }: Answer): void {
  const body = reason === undefined ? '' : JSON.stringify({ error: 'invalid_request', error_description: reason });
  response
    .writeHead(status, {
      'Cache-Control': 'no-store',
      ...(body !== '' && { 'Content-Type': 'application/json' }),
      ...(retryAfterSeconds !== undefined && { 'Retry-After': String(Math.ceil(retryAfterSeconds)) }),
    })
    .end(body);
}
