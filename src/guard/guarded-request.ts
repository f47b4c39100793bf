import type { IncomingMessage, ServerResponse } from 'node:http';
import type { HttpAnswer } from '../core/refusal/refusal-response';
import type { GuardedRequest } from './gateway-proof';

/** Returns what a guard sees of a request of Node's. */
export function guardedRequest(request: IncomingMessage): GuardedRequest {
  return {
    method: request.method ?? '',
    path: pathOf(request),
    headers: (name) => linesOf(request.rawHeaders, name.toLowerCase()),
    socket: request.socket,
  };
}

/**
 * Returns what a guard sees of a Web `Request`. Lines of one header are joined there; the gateway never writes a comma
 * and a blank, so a joined value is found to be malformed.
 */
export function guardedWebRequest(request: Request): GuardedRequest {
  return {
    method: request.method,
    path: new URL(request.url).pathname,
    headers: (name) => {
      const value = request.headers.get(name);
      return value === null ? [] : [value];
    },
    socket: undefined,
  };
}

/** Ends a response of Node's with a refusal. */
export function sendRefusal(response: ServerResponse, { status, headers, body }: HttpAnswer): void {
  response.writeHead(status, headers).end(body);
}

/** Ends a response of Node's that a handler left unfinished: a part of an answer must not pass for a whole one. */
export function sendFailure(response: ServerResponse, failure: HttpAnswer): void {
  if (response.writableEnded) return;
  if (response.headersSent) {
    response.destroy();
    return;
  }
  // Such as the length of the answer that was not given.
  for (const name of response.getHeaderNames()) response.removeHeader(name);
  sendRefusal(response, failure);
}

/** Express cuts `url` to what is below the place where a middleware is mounted. */
function pathOf(request: IncomingMessage & { readonly originalUrl?: string }): string {
  return (request.originalUrl ?? request.url ?? '').split('?', 1)[0] ?? '';
}

/** Node joins the lines of a header in `headers`; here they are still apart. */
function linesOf(rawHeaders: readonly string[], lowerCaseName: string): string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === lowerCaseName);
}
