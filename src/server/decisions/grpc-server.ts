import { createServer, type ServerHttp2Session } from 'node:http2';
import { create } from '@bufbuild/protobuf';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import type { Logger } from '../../telemetry/log';
import { decisionServer, type DecisionServer, type PeerFilter } from './decision-server';
import { CHECK, type EnvoyCheckRequest } from './envoy-check';
import { envoyAnswer, envoyQuestion } from './gateways/envoy-grpc';
import type { PendingDecisions } from './pending-decisions';

/** Largest check, in bytes: twice what a request's head may have over HTTP. */
const MAX_CHECK_BYTES = 256 * 1024;
/** Checks that one connection may have at once. Envoy opens a connection for each of its threads. */
const MAX_STREAMS = 10_000;

/** Returns a decision server for Envoy's `ext_authz` over gRPC, which is HTTP/2 without TLS here. */
export function grpcDecisionServer(decisions: PendingDecisions, mayAsk: PeerFilter, { log }: Logger): DecisionServer {
  const sessions = new Set<ServerHttp2Session>();
  const handler = connectNodeAdapter({
    grpc: true,
    grpcWeb: false,
    connect: false,
    readMaxBytes: MAX_CHECK_BYTES,
    acceptCompression: [],
    routes: (router) => {
      router.rpc(CHECK, async (request) => {
        const outcome = await decisions.decide(envoyQuestion(request as unknown as EnvoyCheckRequest));
        return create(CHECK.output, envoyAnswer(outcome) as unknown as Record<string, unknown>);
      });
    },
  });
  const server = createServer({ settings: { maxConcurrentStreams: MAX_STREAMS } }, handler);
  server.on('session', (session) => {
    sessions.add(session);
    session.on('error', () => undefined);
    session.once('close', () => {
      sessions.delete(session);
    });
  });
  return decisionServer(server, decisions, mayAsk, log, () => {
    // Envoy is told to use another connection; what goes on may end.
    for (const session of sessions) session.close();
  });
}
