import type { IncomingMessage, ServerResponse } from 'node:http';

/** Longest body that the demo's servers read, in bytes. */
const MAX_BODY_BYTES = 64 * 1024;

/** Answers with JSON, which nobody may store. */
export function answerJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  response.writeHead(status, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store', ...headers });
  response.end(`${JSON.stringify(body, null, 2)}\n`);
}

/** Returns the body as text, `undefined` when it is longer than anything the demo needs. */
export async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/**
 * Whether a request is addressed to this very server: a page elsewhere may have its name point here (DNS rebinding).
 *
 * @param names - what this server is called
 */
export function isAddressedToUs(
  { headers, socket }: IncomingMessage,
  names: readonly string[] = ['127.0.0.1', 'localhost'],
): boolean {
  return names.some((name) => headers.host === `${name}:${String(socket.localPort)}`);
}
