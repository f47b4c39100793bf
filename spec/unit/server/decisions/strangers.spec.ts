import { connect, type AddressInfo } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import type { DecisionServer, PeerFilter } from '../../../../src/server/decisions/decision-server';
import { HTTP_GATEWAYS } from '../../../../src/server/decisions/gateways';
import { grpcDecisionServer } from '../../../../src/server/decisions/grpc-server';
import { httpDecisionServer } from '../../../../src/server/decisions/http-server';
import { peerFilter } from '../../../../src/server/decisions/peers';
import { PendingDecisions } from '../../../../src/server/decisions/pending-decisions';
import { createLogger } from '../../../../src/telemetry/log';

const logger = createLogger('error');
const refusal = { outcome: 'refuse', response: { status: 500, headers: {}, body: '' } } as const;
const policies = { size: 0, decide: () => Promise.resolve(refusal) };
const HTTP1 = 'GET /orders HTTP/1.1\r\nHost: a\r\n\r\n';
const HTTP2 = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0';

/** What a server writes to a connection from 127.0.0.1. */
async function bytesFor(server: DecisionServer, request: string): Promise<number> {
  await server.listen({ host: '127.0.0.1', port: 0 });
  const bytes = await new Promise<number>((resolve) => {
    let count = 0;
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1', () => socket.write(request, 'latin1'));
    socket.on('data', (data) => {
      count += data.length;
      socket.destroy();
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      resolve(count);
    });
  });
  await server.drain(1);
  return bytes;
}

describe.each<[string, (decisions: PendingDecisions, mayAsk: PeerFilter) => DecisionServer, string]>([
  ['HTTP', (decisions, mayAsk) => httpDecisionServer(HTTP_GATEWAYS.nginx, decisions, mayAsk, logger), HTTP1],
  ['gRPC', (decisions, mayAsk) => grpcDecisionServer(decisions, mayAsk, logger), HTTP2],
])('the decision server over %s', (_, serverFor, request) => {
  it.each([
    ['closes the connection of an address that is not in the ranges, without an answer', ['127.0.0.9'], false],
    ['answers an address that is in the ranges', ['127.0.0.0/8'], true],
  ])('%s', async (__, ranges, isAnswered) => {
    const pending = new PendingDecisions({ policies, reject: () => refusal, logger, deadlineMs: 1_000 });
    expect((await bytesFor(serverFor(pending, peerFilter(ranges)), request)) > 0).toBe(isAnswered);
    pending.close();
  });
});
