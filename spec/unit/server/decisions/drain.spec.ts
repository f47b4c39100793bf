/** How a decision server ends: a gateway has an answer to what it asked, and is told to connect anew. */
import { Agent, request as httpRequest } from 'node:http';
import { connect, type ClientHttp2Session, type IncomingHttpHeaders } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { decode, encode } from '../../../../src/protocol/message';
import type { DecisionServer } from '../../../../src/server/decisions/decision-server';
import { CHECK_PATH, checkRequest, checkResponse } from '../../../../src/server/decisions/envoy-check';
import { HTTP_GATEWAYS } from '../../../../src/server/decisions/gateways';
import { grpcDecisionServer } from '../../../../src/server/decisions/grpc-server';
import { httpDecisionServer } from '../../../../src/server/decisions/http-server';
import { PendingDecisions } from '../../../../src/server/decisions/pending-decisions';
import type { Outcome } from '../../../../src/server/decisions/policies';
import { createReject } from '../../../../src/server/decisions/rejection';

const logger = { log: () => undefined, isEnabled: () => false };
const PERMITTED: Outcome = { outcome: 'proceed', permission: { headers: new Map(), forged: [], setCookies: [] } };
/** Longer than a spec may take. */
const NEVER_MS = 600_000;

/** A gateway with one connection. It resolves with what it was answered, in short. */
interface Asker {
  ask(): Promise<string>;
  /** Whether the connection is there. */
  isConnected(): boolean;
  end(): void;
}

function httpAsker(port: number): Asker {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const headers = { 'x-original-method': 'GET', 'x-original-uri': '/' };
  return {
    ask: () =>
      new Promise((resolve) => {
        httpRequest({ host: '127.0.0.1', port, path: '/orders', headers, agent }, (response) => {
          response.resume().on('end', () => {
            resolve(response.statusCode === 200 ? 'permitted' : 'refused');
          });
        })
          .on('error', (error) => {
            resolve(error.message);
          })
          .end();
      }),
    isConnected: () => Object.keys(agent.freeSockets).length > 0,
    end: () => {
      agent.destroy();
    },
  };
}

const CHECK = encode(checkRequest, {
  attributes: {
    request: { http: { method: 'GET', path: '/', headerMap: { headers: [] } } },
    contextExtensions: [{ key: 'policy', value: 'orders' }],
  },
});

function grpcAsker(port: number): Asker {
  const session: ClientHttp2Session = connect(`http://127.0.0.1:${port}`);
  session.on('error', () => undefined);
  const frame = Buffer.concat([Buffer.alloc(5), CHECK]);
  frame.writeUInt32BE(CHECK.length, 1);
  return {
    ask: () =>
      new Promise((resolve) => {
        const stream = session.request({ ':method': 'POST', ':path': CHECK_PATH, 'content-type': 'application/grpc' });
        const chunks: Buffer[] = [];
        stream.on('data', (chunk: Buffer) => chunks.push(chunk));
        stream.on('error', (error: Error) => {
          resolve(error.message);
        });
        let isWhole = false;
        stream.on('trailers', (trailers: IncomingHttpHeaders) => (isWhole = trailers['grpc-status'] === '0'));
        stream.on('close', () => {
          const answer = decode(checkResponse, Buffer.concat(chunks).subarray(5));
          if (!isWhole) resolve('no whole answer');
          else resolve(answer.okResponse !== undefined ? 'permitted' : 'refused');
        });
        stream.end(frame);
      }),
    isConnected: () => !session.closed && !session.destroyed,
    end: () => {
      session.destroy();
    },
  };
}

describe.each([
  [
    'HTTP',
    (pending: PendingDecisions) => httpDecisionServer(HTTP_GATEWAYS.nginx, pending, () => true, logger),
    httpAsker,
  ],
  ['gRPC', (pending: PendingDecisions) => grpcDecisionServer(pending, () => true, logger), grpcAsker],
] as const)('a decision server over %s that is told to end', (protocol, serverFor, askerFor) => {
  let pending: PendingDecisions;
  let server: DecisionServer;
  let gateway: Asker;
  let waiting: ((outcome: Outcome) => void)[];
  let isAsked: () => void;
  beforeEach(async () => {
    waiting = [];
    const decide = (): Promise<Outcome> =>
      new Promise((resolve) => {
        waiting.push(resolve);
        isAsked();
      });
    isAsked = () => undefined;
    const policies = { size: 1, decide };
    pending = new PendingDecisions({ policies, reject: createReject(logger), logger, deadlineMs: NEVER_MS });
    server = serverFor(pending);
    await server.listen({ host: '127.0.0.1', port: 0 });
    gateway = askerFor((server.address() as AddressInfo).port);
  });
  afterEach(() => {
    gateway.end();
    pending.close();
  });

  /** Asks, and resolves when the server has heard it. */
  const asked = async (): Promise<{ answer: Promise<string> }> => {
    const heard = new Promise<void>((resolve) => (isAsked = resolve));
    const answer = gateway.ask();
    await heard;
    return { answer };
  };
  const permit = (): void => {
    for (const resolve of waiting.splice(0)) resolve(PERMITTED);
  };

  it('answers what is going on as it is decided', async () => {
    const { answer } = await asked();
    const ended = server.drain(NEVER_MS);
    permit();
    expect(await answer).toBe('permitted');
    await ended;
  });

  // gRPC closes such a connection at once.
  if (protocol === 'HTTP') {
    it('answers a question that comes on a connection that was not in use', async () => {
      const first = await asked();
      permit();
      expect(await first.answer).toBe('permitted');
      const ended = server.drain(NEVER_MS);
      // The gateway cannot know yet that the server ends.
      const { answer } = await asked();
      permit();
      expect(await answer).toBe('permitted');
      await ended;
    });
  }

  it('refuses at the limit what is not decided, and ends', async () => {
    const { answer } = await asked();
    const ended = server.drain(1);
    expect(await answer).toBe('refused');
    await ended;
  });
});

describe('a decision server over gRPC that is told to end', () => {
  it('ends a connection that is not in use at once', async () => {
    const policies = { size: 1, decide: () => Promise.resolve(PERMITTED) };
    const pending = new PendingDecisions({ policies, reject: createReject(logger), logger, deadlineMs: NEVER_MS });
    const server = grpcDecisionServer(pending, () => true, logger);
    await server.listen({ host: '127.0.0.1', port: 0 });
    const gateway = grpcAsker((server.address() as AddressInfo).port);
    expect(await gateway.ask()).toBe('permitted');
    await server.drain(NEVER_MS);
    expect(gateway.isConnected()).toBe(false);
    pending.close();
  });
});
