import { connect } from 'node:net';

/** A response as it came over the wire. */
export interface RawResponse {
  readonly status: number;
  /** Values by name in lower case. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /** As it came: chunks are not joined. */
  readonly body: string;
}

/** Longest that a server may take to close the connection, in milliseconds. */
const PATIENCE_MS = 20_000;

/**
 * Writes bytes to a server and returns what it answers: until the body is as long as it says, otherwise until the server
 * closes the connection, so a request should ask for that. Resolves with `undefined` when it closes without an answer.
 *
 * @param request - one character for each byte
 */
export function sendRaw(
  { host, port }: { host: string; port: number },
  request: string,
): Promise<RawResponse | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host);
    const chunks: Buffer[] = [];
    socket.setTimeout(PATIENCE_MS, () => {
      socket.destroy(new Error('the server did not close the connection'));
    });
    socket.on('connect', () => socket.write(request, 'latin1'));
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk);
      if (isComplete(Buffer.concat(chunks).toString('latin1'))) socket.destroy();
    });
    socket.on('error', reject);
    socket.on('close', () => {
      resolve(parseResponse(Buffer.concat(chunks).toString('latin1')));
    });
  });
}

/**
 * Writes several requests on one connection and returns the status of each response until the server closes it, so the
 * last request should ask for that.
 */
export function sendPipelined(
  { host, port }: { host: string; port: number },
  requests: readonly string[],
): Promise<number[]> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host, () => socket.write(requests.join(''), 'latin1'));
    let text = '';
    socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error('the server did not close the connection')));
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.on('error', reject);
    socket.on('close', () => {
      resolve([...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status)));
    });
  });
}

/** Returns the bytes of a GET request with these header lines, and `Host` and `Connection: close` around them. */
export function rawGet(path: string, lines: readonly string[]): string {
  return [`GET ${path} HTTP/1.1`, 'Host: api.test', ...lines, 'Connection: close', '', ''].join('\r\n');
}

function isComplete(text: string): boolean {
  const response = parseResponse(text);
  const length = response?.headers['content-length']?.[0];
  return response !== undefined && length !== undefined && response.body.length >= Number(length);
}

function parseResponse(text: string): RawResponse | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [start = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
  for (const line of lines) {
    const at = line.indexOf(':');
    (headers[line.slice(0, at).toLowerCase()] ??= []).push(line.slice(at + 1).trim());
  }
  return { status: Number(start.split(' ')[1]), headers, body: text.slice(end + 4) };
}
