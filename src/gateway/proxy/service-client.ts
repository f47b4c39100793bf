import * as http from 'node:http';
import * as https from 'node:https';
import type { Duplex, Readable } from 'node:stream';
import type { Service } from '../../kong/declarative/entities';
import { HeaderList } from '../http/header-list';
import type { RequestBody } from '../http/request-body';
import type { ServiceRequest } from './forwarding';

/** What a service answered: a response whose body is still to come, or a connection that is a WebSocket now. */
export interface ServiceResponse {
  readonly status: number;
  readonly statusText: string;
  readonly headers: HeaderList;
  readonly body: Readable;
  readonly upgraded: { readonly socket: Duplex; readonly head: Buffer } | null;
}

/** Why there is no answer: the status that Kong gives for it (503: the name is unknown), and a reason for the log. */
export interface ServiceFailure {
  readonly status: 502 | 503 | 504;
  readonly reason: string;
}

/** nginx's `proxy_next_upstream` leaves these alone once the service may have seen them. */
const NOT_REPEATED = ['POST', 'LOCK', 'PATCH'];
/** nginx's `proxy_buffer_size`: Kong leaves it at a page of memory. */
const MAX_RESPONSE_HEAD_BYTES = 4096;
/** Methods of requests that Node sends without a length when they have no body. */
const WITHOUT_BODY = ['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE'];

/** How one try ended without an answer. */
interface TryFailure {
  readonly failure: ServiceFailure;
  /** Whether the service may have seen something of the request. */
  readonly wasSent: boolean;
}

/** Asks services over connections that are kept open. */
export class ServiceClient {
  readonly #agents: { readonly http: http.Agent; readonly https: https.Agent };

  /** @param localAddress - where connections come from; the system chooses when left out */
  constructor(localAddress?: string) {
    const options = { keepAlive: true, ...(localAddress !== undefined && { localAddress }) };
    this.#agents = { http: new http.Agent(options), https: new https.Agent(options) };
  }

  /**
   * Returns the service's answer, or why there is none.
   *
   * Kong 3.9.3: a try that cannot connect, fails or takes too long is repeated up to the service's `retries`. Unlike
   * nginx, which keeps the body for it, a request whose body has begun to travel is not repeated.
   *
   * @param given - aborted when the client goes away
   */
  async ask(request: ServiceRequest, body: RequestBody, given: AbortSignal): Promise<ServiceResponse | ServiceFailure> {
    const content = body.forService();
    for (let tries = 0; ; tries += 1) {
      const outcome = await this.#try(request, body, content, given);
      if (!('failure' in outcome)) return outcome;
      const { failure, wasSent } = outcome;
      // What is left of a body is not the body: the service would wait for the rest, and find it in the next request.
      const isSpent = content !== null && !Buffer.isBuffer(content) && content.readableDidRead;
      const isRepeatable = !isSpent && (!wasSent || (content === null && !NOT_REPEATED.includes(request.method)));
      const isHopeless = failure.status === 503 || given.aborted;
      if (!isRepeatable || isHopeless || tries >= request.service.retries) return failure;
    }
  }

  /** Ends all connections. */
  close(): void {
    this.#agents.http.destroy();
    this.#agents.https.destroy();
  }

  #try(
    { service, method, path, headers, isUpgrade }: ServiceRequest,
    body: RequestBody,
    content: Readable | Buffer | null,
    given: AbortSignal,
  ): Promise<ServiceResponse | TryFailure> {
    const { protocol, host, port, tls_verify: isVerified } = service;
    const name = host.replace(/^\[(.+)\]$/, '$1');
    const lines = [...headers.lines, ...framing(method, body)];
    const request = (protocol === 'https' ? https : http).request({
      agent: this.#agents[protocol],
      host: name,
      port,
      method,
      path,
      // Names and values in turn, so that spelling and order stay.
      headers: lines.flat() as unknown as http.OutgoingHttpHeaders,
      // Kong 3.9.3: a service's certificate is not checked unless `tls_verify` says so.
      ...(protocol === 'https' ? { rejectUnauthorized: isVerified === true } : {}),
      signal: given,
    });
    return new Promise((resolve) => {
      let wasSent = false;
      let response: http.IncomingMessage | undefined;
      request.on('socket', (socket) => {
        const begin = (): void => {
          wasSent = true;
          socket.setTimeout(service.write_timeout);
          if (content === null || Buffer.isBuffer(content)) request.end(content ?? undefined);
          else content.pipe(request);
        };
        const onTimeout = (): void => {
          // A client that reads slowly is not the service's fault.
          if (response?.readableFlowing !== false) request.destroy(new TimeoutError('silent for too long'));
        };
        socket.on('timeout', onTimeout);
        request.once('close', () => socket.off('timeout', onTimeout).setTimeout(0));
        request.once('finish', () => socket.setTimeout(service.read_timeout));
        if (!socket.connecting) {
          begin();
          return;
        }
        socket.setTimeout(service.connect_timeout);
        socket.once(protocol === 'https' ? 'secureConnect' : 'connect', begin);
      });
      request.on('error', (error: NodeJS.ErrnoException) => {
        // A kept connection that the service closed in the meantime says nothing about the request.
        resolve({ failure: failureOf(error, service), wasSent: wasSent && !request.reusedSocket });
      });
      request.on('response', (received) => {
        response = received;
        if (headLength(received) <= MAX_RESPONSE_HEAD_BYTES) {
          resolve(answer(received, null));
          return;
        }
        resolve({
          failure: { status: 502, reason: `${host}:${port}: the head of the response is too long` },
          wasSent: true,
        });
        request.destroy();
      });
      request.on('upgrade', (received, socket, head) => {
        if (isUpgrade) resolve(answer(received, { socket, head }));
        else request.destroy(new Error('the service changed the protocol without being asked'));
      });
    });
  }
}

/** Returns how many bytes the head of a response was long. */
function headLength({ httpVersion, statusCode = 0, statusMessage = '', rawHeaders }: http.IncomingMessage): number {
  const firstLine = `HTTP/${httpVersion} ${statusCode} ${statusMessage}\r\n`.length;
  // Two bytes after each name (`: `) and each value.
  return rawHeaders.reduce((bytes, text) => bytes + text.length + 2, firstLine + '\r\n'.length);
}

class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
}

function answer(response: http.IncomingMessage, upgraded: ServiceResponse['upgraded']): ServiceResponse {
  return {
    status: response.statusCode ?? 502,
    statusText: response.statusMessage ?? '',
    headers: HeaderList.fromRaw(response.rawHeaders),
    body: response,
    upgraded,
  };
}

/** Says how long the body is, or that it comes in chunks. */
function framing(method: string, { isAbsent, bytes }: RequestBody): [name: string, value: string][] {
  if (isAbsent) return WITHOUT_BODY.includes(method) ? [] : [['Content-Length', '0']];
  return bytes === null ? [['Transfer-Encoding', 'chunked']] : [['Content-Length', String(bytes)]];
}

function failureOf(error: NodeJS.ErrnoException, { host, port }: Service): ServiceFailure {
  const reason = `${host}:${port}: ${error.code ?? error.message}`;
  if (error instanceof TimeoutError || error.code === 'ETIMEDOUT') return { status: 504, reason };
  if (error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN') return { status: 503, reason };
  return { status: 502, reason };
}
