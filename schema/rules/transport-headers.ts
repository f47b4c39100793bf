import { foldHeaderName } from '../header-name';

/** Headers by which a gateway says where a request came from, folded. Kong writes them from the connection it sees. */
export const FORWARDING_HEADERS: readonly string[] = [
  'x-real-ip',
  ...['for', 'host', 'path', 'port', 'prefix', 'proto'].map((what) => `x-forwarded-${what}`),
];

/**
 * Headers, folded, that a configuration may neither fill from a claim nor reserve: with them it could change where a
 * message ends, how it is read, where it goes or whom it seems to come from.
 */
const TRANSPORT_HEADERS: readonly string[] = [
  // Of one connection: whoever forwards the message deals with them (RFC 9110 §7.6.1).
  ...['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'http2-settings', 'proxy-*'],
  // Framing, meaning and target of the message.
  ...['content-length', 'content-type', 'content-encoding', 'expect', 'host', 'sec-websocket-*'],
  // Credentials: hide_credentials and the service decide about them.
  ...['authorization', 'cookie'],
  // Written by Kong itself from the connection it sees.
  ...['forwarded', 'via'],
  ...FORWARDING_HEADERS,
];

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
