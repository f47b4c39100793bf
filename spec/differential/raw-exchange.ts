import { connect } from 'node:net';

/** A response as it came. One character for each byte. */
export interface Answer {
  readonly status: number;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
}

/** Longest that an answer may take, in milliseconds. */
const PATIENCE_MS = 4_000;

/**
 * Writes bytes to a gateway and returns its first final answer, `undefined` when there is none: the connection was
 * closed, or nothing came in time.
 *
 * @param request - one character for each byte
 */
export function exchange(
  { host, port }: { readonly host: string; readonly port: number },
  request: string,
): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, host);
    const isHead = request.startsWith('HEAD ');
    let text = '';
    const finish = (): void => {
      socket.destroy();
      resolve(parse(text, isHead));
    };
    socket.setTimeout(PATIENCE_MS, finish);
    socket.on('connect', () => socket.write(request, 'latin1'));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      if (isComplete(text, isHead)) finish();
    });
    socket.on('error', finish);
    socket.on('close', finish);
  });
}

function isComplete(text: string, isHead: boolean): boolean {
  const answer = parse(text, isHead);
  const length = answer?.headers.find(([name]) => name === 'content-length')?.[1];
  return answer !== undefined && (isHead || (length !== undefined && answer.body.length >= Number(length)));
}

function parse(text: string, isHead: boolean): Answer | undefined {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return undefined;
  const [start = '', ...lines] = text.slice(0, end).split('\r\n');
  const status = Number(start.split(' ')[1]);
  if (status >= 100 && status < 200 && status !== 101) return parse(text.slice(end + 4), isHead);
  const headers = lines.map((line): [string, string] => {
    const at = line.indexOf(':');
    return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()];
  });
  return { status, headers, body: isHead ? '' : text.slice(end + 4) };
}
