import { foldHeaderName } from '../../schema/header-name';
import { FORWARDING_HEADERS } from '../../schema/rules/transport-headers';
import type { HeaderChanges } from '../core/decision';
import type { RequestView } from '../core/request/request-view';
import { traceIdOf } from '../core/request/trace-context';

/**
 * Returns what the core sees of a Web `Request`. Lines of one header are joined there, so two `Authorization` lines are
 * one malformed value; the answer is the same.
 */
export function requestView(request: Request): RequestView {
  const { search } = new URL(request.url);
  return {
    headers: Object.fromEntries(request.headers),
    method: request.method,
    rawQuery: search.slice(1),
  };
}

/**
 * Returns the id of the trace that a request belongs to, if it names one. Several lines are joined, and then none counts.
 * It is for answers, so it never throws: anything but a request has no trace.
 */
export function traceIdOfRequest(request: Request): string | undefined {
  try {
    return traceIdOf({ traceparent: request.headers.get('traceparent') ?? '' });
  } catch {
    return undefined;
  }
}

/**
 * Headers, folded, of one connection or one message (RFC 9110 §7.6.1, §8.6), headers that say where a request came from,
 * and cookies, which belong to the BFF and its browser.
 */
const NOT_FORWARDED: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'expect'],
  ...['proxy-authorization', 'http2-settings', 'host', 'content-length', 'forwarded', 'cookie'],
  ...FORWARDING_HEADERS,
]);

/**
 * Returns a browser's headers as a service may see them: with the changes of a decision, without what concerns the
 * connection, without what only a proxy may say, and without cookies. A header is removed in every spelling that a
 * server may take for it (`x_forwarded_for`).
 */
export function forwardedHeaders(request: Request, changes: HeaderChanges): Headers {
  const ofConnection = (request.headers.get('connection') ?? '').split(',').map((name) => foldHeaderName(name.trim()));
  const dropped = new Set([...NOT_FORWARDED, ...ofConnection]);
  const headers = new Headers([...request.headers].filter(([name]) => !dropped.has(foldHeaderName(name))));
  for (const [name, value] of Object.entries(changes)) {
    if (typeof value !== 'string') headers.delete(name);
    // The browser's other cookies.
    else if (!NOT_FORWARDED.has(foldHeaderName(name))) headers.set(name, value);
  }
  return headers;
}
