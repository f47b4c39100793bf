import type { HeaderChanges } from '../core/decision';
import type { RequestView } from '../core/request/request-view';

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

/** What belongs to one connection or one message (RFC 9110 §7.6.1, §8.6), or says whence a request came. */
const NOT_FORWARDED = [
  ...['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'expect'],
  ...['proxy-authorization', 'host', 'content-length', 'forwarded', 'x-real-ip'],
  ...['for', 'host', 'path', 'port', 'prefix', 'proto'].map((what) => `x-forwarded-${what}`),
  // They belong to the BFF and its browser.
  'cookie',
];

/**
 * Returns a browser's headers as a service may see them: with the changes of a decision, without what concerns the
 * connection, without what only a proxy may say, and without cookies.
 */
export function forwardedHeaders(request: Request, changes: HeaderChanges): Headers {
  const headers = new Headers(request.headers);
  const ofConnection = (headers.get('connection') ?? '').split(',').map((name) => name.trim());
  for (const name of [...ofConnection, ...NOT_FORWARDED]) if (name !== '') headers.delete(name);
  for (const [name, value] of Object.entries(changes)) {
    if (NOT_FORWARDED.includes(name.toLowerCase())) continue;
    if (typeof value === 'string') headers.set(name, value);
    else headers.delete(name);
  }
  return headers;
}
