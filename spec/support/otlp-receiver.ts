import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** A span as OTLP's JSON has it, with its attributes as an object. */
export interface ReceivedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code?: number };
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** A receiver of OTLP/HTTP on 127.0.0.1. */
export interface OtlpReceiver {
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** What each request had in its body. */
  readonly bodies: readonly string[];
  /** Attributes of the sender. */
  readonly resources: readonly Readonly<Record<string, unknown>>[];
  /** What it does instead of taking spans. */
  fault: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
  /** Requests so far, those that a fault met included. */
  readonly requests: number;
  /** Resolves when as many spans fit. */
  received(fits: (span: ReceivedSpan) => boolean, count?: number): Promise<readonly ReceivedSpan[]>;
  stop(): Promise<void>;
}

/** Starts one. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const bodies: string[] = [];
  const resources: Record<string, unknown>[] = [];
  const watchers = new Set<() => void>();
  const sockets = new Set<Socket>();
  let requests = 0;
  const server: Server = createServer((request, response) => {
    requests += 1;
    if (receiver.fault !== undefined) {
      receiver.fault(request, response);
      return;
    }
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      bodies.push(body);
      if (request.method === 'POST' && request.url === '/v1/traces') read(JSON.parse(body));
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      for (const watcher of watchers) watcher();
    });
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
  });
  const read = (message: unknown): void => {
    const { resourceSpans } = message as {
      resourceSpans: {
        resource: { attributes: Pair[] };
        scopeSpans: { spans: (ReceivedSpan & { attributes: Pair[] })[] }[];
      }[];
    };
    for (const { resource, scopeSpans } of resourceSpans) {
      resources.push(attributesOf(resource.attributes));
      for (const span of scopeSpans.flatMap((scope) => scope.spans)) {
        spans.push({ ...span, attributes: attributesOf(span.attributes) });
      }
    }
  };
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const receiver: OtlpReceiver = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    bodies,
    resources,
    fault: undefined,
    get requests() {
      return requests;
    },
    received: (fits, count = 1) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = spans.filter(fits);
          if (found.length < count) return;
          watchers.delete(look);
          resolve(found);
        };
        watchers.add(look);
        look();
      }),
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return receiver;
}

interface Pair {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: number | string; readonly doubleValue?: number };
}

function attributesOf(pairs: readonly Pair[]): Record<string, unknown> {
  return Object.fromEntries(
    pairs.map(({ key, value }) => [key, value.stringValue ?? value.intValue ?? value.doubleValue]),
  );
}
