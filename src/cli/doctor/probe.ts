import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { request as httpsRequest } from 'node:https';

/** Every request of `doctor` has this, so that readers of logs know its origin. */
export const MARK = { 'User-Agent': 'kong-jwt-identity doctor' } as const;

/** How much of an answer is read, in bytes. */
const MAX_BODY = 64 * 1024;

/** What came of one request. */
export type Answer =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly headers: IncomingHttpHeaders;
      /** As much of the body as was read. */
      readonly body: string;
      /** `Date.now()` when the head came. */
      readonly atMs: number;
    }
  /** Nobody answered, for the reason that the system gives. */
  | { readonly kind: 'none'; readonly reason: string };

/** Sends GET requests, one at a time, and never more than a number. */
export interface Prober {
  /** Sends one request with these headers, each line as given. Never rejects. */
  get(url: string, headers?: readonly (readonly [name: string, value: string])[]): Promise<Answer>;
  /** Requests that were sent. */
  readonly sent: number;
}

/** Most requests of one run. */
const MAX_REQUESTS = 1000;

/** Returns a prober. @param timeoutMs - how long one request may take, in milliseconds */
export function createProber(timeoutMs: number): Prober {
  let sent = 0;
  return {
    get sent() {
      return sent;
    },
    get: (url, headers = []) => {
      if (sent >= MAX_REQUESTS) return Promise.resolve({ kind: 'none', reason: 'too many requests for one run' });
      sent += 1;
      return get(url, headers, timeoutMs);
    },
  };
}

function get(url: string, headers: readonly (readonly [string, string])[], timeoutMs: number): Promise<Answer> {
  return new Promise((resolve) => {
    const none = (reason: string): void => {
      resolve({ kind: 'none', reason });
    };
    const { protocol, hostname, port, pathname, search } = new URL(url);
    const send = protocol === 'https:' ? httpsRequest : httpRequest;
    const flat = [...Object.entries(MARK), ...headers].flat();
    try {
      const request = send(
        {
          host: hostname.replace(/^\[(.*)\]$/, '$1'),
          port: port === '' ? undefined : Number(port),
          path: pathname + search,
          method: 'GET',
          // As a list, so that names keep their spelling and may repeat.
          headers: ['Host', new URL(url).host, ...flat],
          agent: false,
          // Whether somebody answers is the question, not who.
          ...(protocol === 'https:' && { rejectUnauthorized: false }),
        },
        (response) => {
          const atMs = Date.now();
          let body = '';
          const end = (): void => {
            resolve({ kind: 'answer', status: response.statusCode ?? 0, headers: response.headers, body, atMs });
          };
          response.setEncoding('utf8').on('data', (chunk: string) => {
            body += chunk;
            if (body.length <= MAX_BODY) return;
            end();
            request.destroy();
          });
          response.on('end', end).on('error', end).on('close', end);
        },
      );
      const timer = setTimeout(() => request.destroy(new Error('no answer in time')), timeoutMs);
      request.on('close', () => {
        clearTimeout(timer);
      });
      request.on('error', (error: NodeJS.ErrnoException) => {
        none(error.code ?? error.message);
      });
      request.end();
    } catch (error) {
      none((error as NodeJS.ErrnoException).code ?? 'cannot be asked');
    }
  });
}
