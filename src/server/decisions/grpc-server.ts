import { createServer } from 'node:net';
import {
  logVerbosity,
  type MethodDefinition,
  type sendUnaryData,
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptor,
  type ServerUnaryCall,
  setLogVerbosity,
  status,
} from '@grpc/grpc-js';
import { Refusal } from '../../core/refusal/refusal';
import { decode, encode, MalformedMessageError } from '../../protocol/message';
import { describeError } from '../../telemetry/describe-error';
import type { Logger } from '../../telemetry/log';
import { decisionServer, type DecisionServer, type PeerFilter, REQUEST_MS } from './decision-server';
import { CHECK_PATH, checkRequest, checkResponse } from './envoy-check';
import type { Question } from './gateway';
import { envoyAnswer, envoyQuestion } from './gateways/envoy-grpc';
import type { PendingDecisions } from './pending-decisions';

/** Largest check, in bytes: twice what a request's head may have over HTTP. */
const MAX_CHECK_BYTES = 256 * 1024;
/** Checks that one connection may have at once. Envoy opens a connection for each of its threads. */
const MAX_STREAMS = 10_000;
/** Memory of one connection, in megabytes: Node's own limit, which the library lifts. */
const MAX_CONNECTION_MB = 10;
/** Longer than a server drains: connections are ended with the sockets. */
const NEVER_MS = 2 ** 31 - 1;

// Its lines may quote metadata of a call.
setLogVerbosity(logVerbosity.NONE);

/**
 * Returns a decision server for Envoy's `ext_authz` over gRPC, which is HTTP/2 without TLS here.
 *
 * @param requestMs - how long a check may take to arrive, in milliseconds
 */
export function grpcDecisionServer(
  decisions: PendingDecisions,
  mayAsk: PeerFilter,
  logger: Logger,
  requestMs = REQUEST_MS,
): DecisionServer {
  const grpc = new Server({
    interceptors: [arrivalLimit(requestMs)],
    'grpc.max_receive_message_length': MAX_CHECK_BYTES,
    'grpc.max_concurrent_streams': MAX_STREAMS,
    'grpc-node.max_session_memory': MAX_CONNECTION_MB,
    'grpc.enable_channelz': 0,
  });
  const answer = async (check: Buffer): Promise<Buffer> => {
    const outcome = await decisions.decide(questionOf(check));
    return asBuffer(encode(checkResponse, envoyAnswer(outcome)));
  };
  const check = ({ request }: ServerUnaryCall<Buffer, Buffer>, respond: sendUnaryData<Buffer>): void => {
    answer(request)
      .then((bytes) => {
        respond(null, bytes);
      })
      .catch((error: unknown) => {
        logger.log('error', 'request refused because of an unexpected error', describeError(error));
        respond({ code: status.INTERNAL });
      });
  };
  grpc.addService({ check: CHECK }, { check });
  const connections = grpc.createConnectionInjector(ServerCredentials.createInsecure());
  const server = createServer((socket) => {
    connections.injectConnection(socket);
  });
  return decisionServer(server, decisions, mayAsk, logger.log, () => {
    // Envoy is told to use another connection; what goes on may end.
    connections.drain(NEVER_MS);
  });
}

/**
 * Ends a check that has not arrived in time with an error of gRPC. Envoy has a timeout of its own, which the library applies;
 * another client may have none. The connection goes on: other checks are on it. What still comes of the check is discarded.
 */
function arrivalLimit(requestMs: number): ServerInterceptor {
  return (_, call) => {
    const timer = setTimeout(() => {
      call.sendStatus({ code: status.DEADLINE_EXCEEDED, details: 'the check did not arrive in time' });
    }, requestMs);
    return new ServerInterceptingCall(call, {
      start: (next) => {
        next({
          onReceiveHalfClose: (proceed) => {
            clearTimeout(timer);
            proceed();
          },
          onCancel: () => {
            clearTimeout(timer);
          },
        });
      },
    });
  };
}

/** Messages stay bytes for the library, so that what is wrong with them is refused here. */
const CHECK: MethodDefinition<Buffer, Buffer> = {
  path: CHECK_PATH,
  requestStream: false,
  responseStream: false,
  requestSerialize: asIs,
  requestDeserialize: asIs,
  responseSerialize: asIs,
  responseDeserialize: asIs,
};

function asIs(bytes: Buffer): Buffer {
  return bytes;
}

function questionOf(check: Buffer): Question | Refusal {
  try {
    return envoyQuestion(decode(checkRequest, check));
  } catch (error) {
    if (!(error instanceof MalformedMessageError)) throw error;
    return new Refusal('configuration_error', 'the gateway sends something else than a check of Envoy');
  }
}

/** The same memory. */
function asBuffer({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}
