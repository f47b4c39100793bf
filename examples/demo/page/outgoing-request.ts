import { request } from 'node:http';
import { headerLines, type HeaderLine } from '../services/naive-service';
import { LOOPBACK } from '../listen';

/** A request that is sent exactly as it says: names as spelled, repeated lines, even `Connection`. */
export interface OutgoingRequest {
  readonly port: number;
  readonly method: string;
  readonly target: string;
  readonly headers: readonly HeaderLine[];
  readonly body?: string;
}

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly headers: readonly HeaderLine[];
  readonly body: string;
}

const TIMEOUT_MS = 10_000;

/**
 * Sends a request to a port of this machine, as a browser's own `fetch` never would.
 *
 * @throws TypeError when it could not be written on the wire as it is: a name that is no token, a line end in a value
 * @throws Error with a `code` when the connection fails
 */
export function send({ port, method, target, headers, body = '' }: OutgoingRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: LOOPBACK,
      port,
      method,
      path: target,
      agent: false,
      headers: headers.flat(),
      timeout: TIMEOUT_MS,
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} seconds`)));
    outgoing.on('error', reject);
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        outgoing.destroy();
        resolve({
          status: response.statusCode ?? 0,
          headers: headerLines(response.rawHeaders),
          body: Buffer.concat(chunks).toString(),
        });
      });
    });
    outgoing.end(body);
  });
}

/** Returns a request's headers with those that HTTP needs and the client did not write. */
export function completeHeaders(port: number, method: string, given: readonly HeaderLine[], body = ''): HeaderLine[] {
  const has = (name: string): boolean => given.some(([other]) => other.toLowerCase() === name);
  const lines: HeaderLine[] = has('host') ? [] : [['Host', `${LOOPBACK}:${port}`]];
  lines.push(...given);
  if (!has('content-length') && ['POST', 'PUT', 'PATCH'].includes(method))
    lines.push(['Content-Length', String(Buffer.byteLength(body))]);
  if (!has('connection')) lines.push(['Connection', 'close']);
  return lines;
}
