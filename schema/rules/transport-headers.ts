import { foldHeaderName } from '../header-name';

/** Headers by which a gateway says where a request came from, folded. Kong writes them from the connection it sees. */
export const FORWARDING_HEADERS: readonly string[] = [
  'x-real-ip',
  ...['for', 'host', 'path', 'port', 'prefix', 'proto'].map((what) => `x-forwarded-${what}`),
];

/** Headers, folded, of one connection: an intermediary deals with them, and `Connection` may name them (RFC 9110 §7.6.1). */
const CONNECTION_HEADERS: readonly string[] = [
  ...['connection', 'keep-alive', 'te', 'trailer', 'upgrade', 'http2-settings', 'proxy-*'],
];

/** Headers, folded, that say where a message ends, how it is read, where it goes or whom it seems to come from. */
const MESSAGE_HEADERS: readonly string[] = [
  // Framing, meaning and target of the message.
  ...['content-length', 'transfer-encoding', 'content-type', 'content-encoding', 'expect', 'host', 'sec-websocket-*'],
  // Credentials: hide_credentials and the service decide about them.
  ...['authorization', 'cookie'],
  // Written by Kong itself from the connection it sees.
  ...['forwarded', 'via'],
  ...FORWARDING_HEADERS,
];

/** What a configuration may neither fill from a claim nor reserve. */
const TRANSPORT_HEADERS: readonly string[] = [...CONNECTION_HEADERS, ...MESSAGE_HEADERS];

/**
 * Headers, folded, that a request's `Connection` header must not name: those of {@link MESSAGE_HEADERS}, and what makes
 * a request a CORS preflight. Kong 3.9.3 removes a named header after the plugins ran. Without `Content-Length` the
 * service takes the body for the next request on the connection (CVE-2026-6338).
 */
export const NEEDED_HEADERS: readonly string[] = [...MESSAGE_HEADERS, 'origin', 'access-control-request-*'];

/**
 * Returns the transport or credential header that a header name, or the beginning of names with `*`, covers, in any
 * spelling; `undefined` when there is none.
 */
export function coveredTransportHeader(pattern: string): string | undefined {
  return TRANSPORT_HEADERS.find((header) => overlap(pattern, header));
}

/** Whether some name is covered by both patterns. */
function overlap(one: string, other: string): boolean {
  const [a, b] = [beginning(one), beginning(other)];
  if (one.endsWith('*') && b.startsWith(a)) return true;
  return (other.endsWith('*') && a.startsWith(b)) || a === b;
}

function beginning(pattern: string): string {
  return foldHeaderName(pattern.replace(/\*$/, ''));
}
