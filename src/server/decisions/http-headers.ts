import type { RequestView } from '../../core/request/request-view';

/** Returns header lines by name in lower case; a repeated header is a list. No name finds something of JavaScript's. */
export function headersOf(rawHeaders: readonly string[]): Record<string, string | string[]> {
  const headers = Object.create(null) as Record<string, string | string[]>;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] ?? '').toLowerCase();
    const value = rawHeaders[i + 1] ?? '';
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else if (typeof before === 'string') headers[name] = [before, value];
    else before.push(value);
  }
  return headers;
}

/** Returns the first segment of a path. Nothing is decoded or resolved: `/orders/../x` is about `orders`. */
export function firstSegment(url: string): string {
  const [, segment = ''] = /^\/([^/?#]*)/.exec(url) ?? [];
  return segment;
}

/**
 * Returns the value of a header that the gateway itself writes; `undefined` when there is none, or more than one line of
 * it: then the gateway did not replace what the client sent.
 */
export function writtenByGateway(headers: RequestView['headers'], name: string): string | undefined {
  const value = headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** Returns the query of a request target, without the `?`. */
export function queryOf(target: string | undefined): string {
  const at = target?.indexOf('?') ?? -1;
  return target === undefined || at < 0 ? '' : target.slice(at + 1);
}
