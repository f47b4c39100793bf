import { createServer, type ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import { create } from '@bufbuild/protobuf';
import { connectNodeAdapter } from '@connectrpc/connect-node';
import { CHECK, type EnvoyCheckRequest } from './envoy-check';
import { envoyAnswer, envoyQuestion } from './gateways/envoy-grpc';
import type { DecisionServer, PeerFilter } from './http-server';
import type { PendingDecisions } from './pending-decisions';

/** Largest check, in bytes: twice what a request's head may have over HTTP. */
const MAX_CHECK_BYTES = 256 * 1024;
/** Checks that one connection may have at once. Envoy opens a connection for each of its threads. */
const MAX_STREAMS = 10_000;

/** Returns a decision server for Envoy's `ext_authz` over gRPC, which is HTTP/2 without TLS here. */
export function grpcDecisionServer(decisions: PendingDecisions, mayAsk: PeerFilter): DecisionServer {
  const sessions = new Set<ServerHttp2Session>();
  let isUnixSocket = false;
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
  server.prependListener('connection', (socket: Socket) => {
    // A stranger learns nothing, not even that this is gRPC.
    if (!mayAsk(socket.remoteAddress, isUnixSocket)) socket.destroy();
  });
  return {
    get connectionCount() {
      return sessions.size;
    },
    address: () => server.address(),
    listen: (address) =>
      new Promise((resolve, reject) => {
        isUnixSocket = 'path' in address;
        server.once('error', reject);
        server.listen({ ...address, backlog: 65_535 }, resolve);
      }),
    drain: (maximumMs) =>
      new Promise((resolve) => {
        const limit = setTimeout(() => {
          decisions.failAll('the server was stopped');
          setImmediate(() => {
            for (const session of sessions) session.destroy();
          });
        }, maximumMs);
        server.close(() => {
          clearTimeout(limit);
          resolve();
        });
        // Envoy is told to use another connection; what goes on may end.
        for (const session of sessions) session.close();
      }),
  };
}
