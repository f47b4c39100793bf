import type { Readable } from 'node:stream';
import { Agent, type Dispatcher } from 'undici';
import { problemResponse, type DoorProblem } from './problem';
import { BodyProblem, boundedBody } from './request-body';
import { passedHeaders } from './response-headers';

/** How a service is reached, and what a request to it may cost. Times are in milliseconds. */
export interface ServiceConnection {
  /** Such as `http://10.0.0.7:8080`. */
  readonly origin: string;
  readonly connectTimeoutMs: number;
  /** The longest silence of the client while it sends a body. */
  readonly writeTimeoutMs: number;
  /** The longest silence of the service, before its answer and within it. */
  readonly readTimeoutMs: number;
  /** How often a request is repeated that failed on the way and can be repeated. */
  readonly retries: number;
  /** Whether the certificate of an https service is checked. */
  readonly verifyTls: boolean;
  readonly maxBodyBytes: number;
}

/** What the service is asked. */
export interface ForwardTarget {
  /** Path and query, as in a request line. */
  readonly path: string;
  /** All headers that the service gets, such as the `forwardedHeaders` of an admission; not how the body is framed. */
  readonly headers: Headers;
}

/** Passes requests on to one service. */
export interface Forwarder {
  /**
   * Sends a request's method and body to the service and returns its answer. Both bodies are streams: nothing waits for
   * the end of one. When the client goes away, the request to the service ends. Redirects are passed on, not followed.
   * Never rejects: what goes wrong is an answer of the door's own.
   */
  forward(request: Request, target: ForwardTarget): Promise<Response>;
  /** Closes the connections that are kept open. */
  close(): Promise<void>;
}

/** RFC 9110 §9.2.2. */
const IDEMPOTENT = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'];
/** RFC 9110 §15: an answer with these has no body, and a `Response` refuses one. */
const WITHOUT_BODY = [204, 205, 304];

/** Returns what passes requests on to a service. Variables of the environment, such as `HTTP_PROXY`, change nothing. */
export function createForwarder(connection: ServiceConnection): Forwarder {
  const { origin, connectTimeoutMs, readTimeoutMs, retries, verifyTls } = connection;
  const agent = new Agent({
    connect: { timeout: connectTimeoutMs, rejectUnauthorized: verifyTls },
    headersTimeout: readTimeoutMs,
    bodyTimeout: readTimeoutMs,
  });

  const ask = async (request: Request, target: ForwardTarget): Promise<Dispatcher.ResponseData> => {
    const { method, signal } = request;
    const body = bodyOf(request, connection);
    const headers = [...target.headers].flat();
    const length = request.headers.get('content-length');
    if (body !== null && length !== null) headers.push('content-length', length);
    for (let tries = 0; ; tries += 1) {
      try {
        const options = { origin, path: target.path, method, headers, body, signal };
        return await agent.request({ ...options, responseHeaders: 'raw' });
      } catch (error) {
        const isRepeatable = body === null && IDEMPOTENT.includes(method) && isLostConnection(error);
        if (!isRepeatable || tries >= retries || signal.aborted) throw error;
      }
    }
  };

  return {
    forward: async (request, target) => {
      const length = request.headers.get('content-length');
      if (length !== null && !(Number(length) <= connection.maxBodyBytes))
        return problemResponse('body_too_large', request);
      try {
        return answerOf(await ask(request, target), request.method);
      } catch (error) {
        return problemResponse(problemOf(error, request.signal), request);
      }
    },
    close: () => agent.destroy(),
  };
}

function bodyOf({ body }: Request, { maxBodyBytes, writeTimeoutMs }: ServiceConnection): Readable | null {
  return body === null ? null : boundedBody(body, { maxBytes: maxBodyBytes, maxSilenceMs: writeTimeoutMs });
}

function answerOf({ statusCode, headers, body }: Dispatcher.ResponseData, method: string): Response {
  // undici's type for `raw` is that of the parsed form.
  const lines = headers as unknown as readonly string[];
  const isEmpty = method === 'HEAD' || WITHOUT_BODY.includes(statusCode);
  // What goes wrong later reaches the browser through the stream.
  body.on('error', () => undefined);
  try {
    const headers = passedHeaders(lines);
    if (!isEmpty) return new Response(webStream(body), { status: statusCode, headers });
    body.dump().catch(() => undefined);
    return new Response(null, { status: statusCode, headers });
  } catch (error) {
    body.destroy();
    throw error;
  }
}

/** Node 20.20: a stream of `Readable.toWeb` that is cancelled throws where nobody can catch it. */
function webStream(body: Readable): ReadableStream<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]() as AsyncIterator<Uint8Array, undefined>;
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const { done, value } = await chunks.next();
        if (done === true) controller.close();
        else controller.enqueue(value);
      },
      cancel: () => void body.destroy(),
    },
    { highWaterMark: 0 },
  );
}

function codeOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : '';
}

/** The connection could not be made, or ended before there was an answer: another one may do better. */
function isLostConnection(error: unknown): boolean {
  return ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET'].includes(codeOf(error));
}

function problemOf(error: unknown, given: AbortSignal): DoorProblem {
  if (error instanceof BodyProblem) return error.code;
  if (given.aborted) return 'client_gone';
  const code = codeOf(error);
  if (['ENOTFOUND', 'EAI_AGAIN'].includes(code)) return 'service_unknown';
  return /TIMEOUT|ETIMEDOUT/.test(code) ? 'service_timeout' : 'service_failed';
}
