import { createServer, type IncomingMessage } from 'node:http';
import { describeError } from '../../telemetry/describe-error';
import type { Logger } from '../../telemetry/log';
import { decisionServer, type DecisionServer, type PeerFilter, REQUEST_MS } from './decision-server';
import type { GatewayAnswer, HttpGateway } from './gateway';
import type { PendingDecisions } from './pending-decisions';

/** What a request's head may take, in bytes: a token of `max_token_bytes` (64 KiB at most) and as much besides. */
const MAX_HEAD_BYTES = 128 * 1024;
/** More lines than the core takes, so that a list that Node cut is refused and never taken for whole. */
const MAX_HEADER_LINES = 2_000;
/** How long an unused connection stays open, in milliseconds: longer than gateways keep theirs, so that they close it. */
const IDLE_MS = 300_000;

/**
 * What is asked to find out whether a worker answers. The answer is no permission: a gateway that asks this by mistake lets
 * nothing pass.
 */
export const HEALTH_URL = '/?health';
/** The answer to {@link HEALTH_URL}, beside a JSON object with the number of policies. */
export const HEALTH_STATUS = 404;

/** Returns a decision server for a gateway that asks over HTTP/1.1. */
export function httpDecisionServer(
  gateway: HttpGateway,
  decisions: PendingDecisions,
  mayAsk: PeerFilter,
  logger: Logger,
): DecisionServer {
  let isDraining = false;

  const answer = async (request: IncomingMessage): Promise<GatewayAnswer> => {
    const { method = '', url = '', rawHeaders } = request;
    if (url === HEALTH_URL) return answerOf({ status: HEALTH_STATUS, headers: [], body: health() }, request);
    const outcome = await decisions.decide(gateway.read({ method, url, rawHeaders }));
    return answerOf(
      outcome.outcome === 'proceed' ? gateway.permit(outcome.permission) : gateway.refuse(outcome.response),
      request,
    );
  };
  const health = (): string => JSON.stringify({ policies: decisions.policyCount });
  const answerOf = ({ status, headers, body }: GatewayAnswer, request: IncomingMessage): GatewayAnswer => {
    // No body is of interest. One that is still being sent must not be taken for the next request.
    const closing = request.complete && !isDraining ? [] : ['Connection', 'close'];
    return { status, headers: [...headers, ...closing, 'Content-Length', String(Buffer.byteLength(body))], body };
  };
  const server = createServer(
    {
      maxHeaderSize: MAX_HEAD_BYTES,
      headersTimeout: REQUEST_MS,
      requestTimeout: REQUEST_MS,
      keepAliveTimeout: IDLE_MS,
    },
    (request, response) => {
      answer(request)
        .then(({ status, headers, body }) => response.writeHead(status, [...headers]).end(body))
        .catch((error: unknown) => {
          logger.log('error', 'request refused because of an unexpected error', describeError(error));
          if (!response.headersSent) response.writeHead(500);
          response.end();
        });
    },
  );
  server.maxHeadersCount = MAX_HEADER_LINES;
  return decisionServer(server, decisions, mayAsk, logger.log, () => {
    // HTTP/1.1 cannot say that a connection will end, but with an answer.
    isDraining = true;
  });
}
