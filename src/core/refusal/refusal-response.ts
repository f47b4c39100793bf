import { STATUS_CODES } from 'node:http';
import { REFUSALS, type Refusal } from './refusal';

/** A complete HTTP answer. */
export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What is the same in every challenge of one configuration. */
export interface Challenge {
  readonly realm: string;
  /** URL of the document that says how to get a token (RFC 9728 §5.1); left out when there is none. */
  readonly resourceMetadata?: string;
}

/** How a client reads an answer: HTTP's own way, or gRPC's. */
export type ResponseForm = 'problem' | 'grpc';

/** Returns how the client of a request reads an answer. @param headers - of the request, by name in lower case */
export function responseForm(headers: Readonly<Record<string, unknown>>): ResponseForm {
  return /^application\/grpc *($|[+;])/i.test(String(headers['content-type'])) ? 'grpc' : 'problem';
}

/** gRPC status by HTTP status, the same as Kong's own plugins answer (Kong 3.9.3: kong/pdk/response.lua). */
const GRPC_STATUS: Readonly<Record<number, number>> = { 400: 3, 401: 16, 403: 7, 500: 13, 503: 14 };

/** What leads from an answer to the logs. Each is left out when it is not known. */
export interface AnswerIds {
  /** The gateway's id of the request. */
  readonly requestId?: string | undefined;
  /** The id of the trace that the client named in a valid `traceparent` (W3C Trace Context). */
  readonly traceId?: string | undefined;
}

/**
 * Returns the response for a refusal: `application/problem+json` with fixed texts, an RFC 6750 challenge where one is
 * due, and `Cache-Control: no-store`. Nothing in it comes from the request but the ids, which are hexadecimal.
 *
 * @param challenge - what every challenge says; printable ASCII (the schema checks it)
 * @param form - `grpc` puts code and text into `grpc-status` and `grpc-message` and leaves the body empty; the HTTP
 *   status stays that of the refusal, as with Kong's own plugins, so that nobody counts it as a success
 * @see RFC 9457 (body), RFC 6750 §3 (challenge), RFC 9110 §11.6.1 (quoting)
 */
export function refusalResponse(
  refusal: Refusal,
  challenge: Challenge,
  { requestId, traceId }: AnswerIds = {},
  form: ResponseForm = 'problem',
): HttpAnswer {
  const { status, detail } = REFUSALS[refusal.code];
  const headers: Record<string, string> = {
    'Content-Type': form === 'grpc' ? 'application/grpc' : 'application/problem+json',
    'Cache-Control': 'no-store',
  };
  const authenticate = bearerChallenge(refusal, challenge);
  if (authenticate !== undefined) headers['WWW-Authenticate'] = authenticate;
  if (refusal.hints.retryAfterSeconds !== undefined) {
    headers['Retry-After'] = String(Math.max(1, Math.ceil(refusal.hints.retryAfterSeconds)));
  }
  if (form === 'grpc') {
    headers['grpc-status'] = String(GRPC_STATUS[status]);
    headers['grpc-message'] = detail;
    return { status, headers, body: '' };
  }
  const problem = { type: 'about:blank', title: STATUS_CODES[status], status, detail, code: refusal.code };
  // The handler inside Kong's worker adds the same members in the same order.
  return { status, headers, body: JSON.stringify({ ...problem, request_id: requestId, trace_id: traceId }) };
}

/**
 * Returns the `WWW-Authenticate` value, or `undefined` where the caller's credentials are not the problem. A request
 * without a token gets a challenge without an error (RFC 6750 §3.1: "SHOULD NOT include an error code").
 */
function bearerChallenge(refusal: Refusal, { realm, resourceMetadata }: Challenge): string | undefined {
  const { status, error, detail } = REFUSALS[refusal.code];
  if (error === null && status !== 401) return undefined;
  const parameters = [`realm=${quoted(realm)}`];
  if (error !== null) parameters.push(`error=${quoted(error)}`, `error_description=${quoted(detail)}`);
  if (refusal.hints.scope !== undefined) parameters.push(`scope=${quoted(refusal.hints.scope.join(' '))}`);
  if (resourceMetadata !== undefined) parameters.push(`resource_metadata=${quoted(resourceMetadata)}`);
  return `Bearer ${parameters.join(', ')}`;
}

/** RFC 9110 §5.6.4 quoted-string. A quote in a realm must not end it and start a parameter of its own. */
function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, '\\$&')}"`;
}
