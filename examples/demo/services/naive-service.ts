import { createServer } from 'node:http';
import { answerJson } from '../http-answer';
import { listen, type Listening } from '../listen';
import { callerOf, type Caller } from './caller';

/** A header line: name and value, as they came. */
export type HeaderLine = readonly [name: string, value: string];

/** A request as a service received it. */
export interface Receipt {
  readonly service: string;
  readonly requestId: string | undefined;
  readonly method: string;
  readonly target: string;
  readonly headers: readonly HeaderLine[];
}

/** What a service does: a path, and the answer to whoever calls it. */
export type Pages = Readonly<Record<string, (caller: Caller | undefined) => object>>;

/** What {@link startNaiveService} needs. */
export interface NaiveServiceOptions {
  readonly name: string;
  readonly port: number;
  readonly pages: Pages;
  /** Where it listens; this machine only, unless it is said. */
  readonly listenAddress?: string;
  /** The one address that may connect; `undefined` where the network sees to it that nobody but the gateway can. */
  readonly gatewayAddress: string | undefined;
  readonly onReceipt: (receipt: Receipt) => void;
  readonly onStranger: (address: string) => void;
}

/**
 * Starts a service that believes its headers. Because it does, it talks to the gateway alone: a connection from any
 * other address is reset before a byte of it is read. Outside a demo a network policy or mutual TLS does this.
 */
export function startNaiveService(options: NaiveServiceOptions): Promise<Listening> {
  const { name, port, pages, listenAddress, gatewayAddress, onReceipt, onStranger } = options;
  const server = createServer((request, response) => {
    const { method = '', url = '/', headers, rawHeaders } = request;
    onReceipt({
      service: name,
      requestId: headers['x-kong-request-id'] as string | undefined,
      method,
      target: url,
      headers: headerLines(rawHeaders),
    });
    const path = url.split('?', 1)[0] ?? '';
    const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
    if (page === undefined) answerJson(response, 404, { service: name, error: 'not_found' });
    else answerJson(response, 200, { service: name, ...page(callerOf(headers)), told: identityOf(rawHeaders) });
  });
  server.on('connection', (socket) => {
    if (gatewayAddress === undefined || socket.remoteAddress === gatewayAddress) return;
    onStranger(socket.remoteAddress ?? 'unknown');
    socket.resetAndDestroy();
  });
  return listen(server, port, name, listenAddress);
}

/** Returns Node's flat list of names and values as lines. */
export function headerLines(raw: readonly string[]): HeaderLine[] {
  return raw.flatMap((name, i): HeaderLine[] => (i % 2 === 0 ? [[name, raw[i + 1] ?? '']] : []));
}

/** Whether a header is one that services read identities from, in whatever spelling a server might take for it. */
export function isIdentityHeader(name: string): boolean {
  return /^x[^a-z0-9]user[^a-z0-9]/i.test(name);
}

function identityOf(raw: readonly string[]): Record<string, string> {
  return Object.fromEntries(headerLines(raw).filter(([name]) => isIdentityHeader(name)));
}
