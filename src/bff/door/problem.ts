import { STATUS_CODES } from 'node:http';
import { REFUSALS } from '../../core/refusal/refusal';
import { traceIdOfRequest } from '../web-request';

/**
 * What the door itself refuses, beside what the gatekeeper refuses (docs/ERRORS.md). The texts are fixed: nothing in an
 * answer comes from the request.
 */
export const DOOR_PROBLEMS = {
  path_not_normal: { status: 400, detail: 'The path is not written in its normal form.' },
  route_unknown: { status: 404, detail: 'There is nothing at this path.' },
  body_too_slow: { status: 408, detail: 'The body of the request did not arrive in time.' },
  body_too_large: { status: 413, detail: 'The body of the request is too large.' },
  headers_too_large: { status: 431, detail: 'The headers of the request are too large.' },
  client_gone: { status: 499, detail: 'The client went away.' },
  upgrade_not_supported: { status: 501, detail: 'The protocol cannot be changed here.' },
  service_failed: { status: 502, detail: 'The service did not answer the request.' },
  service_unknown: { status: 503, detail: 'The service cannot be found at the moment.' },
  service_timeout: { status: 504, detail: 'The service did not answer in time.' },
} as const satisfies Readonly<Record<string, { readonly status: number; readonly detail: string }>>;

/** A stable, public code of a refusal by the door. */
export type DoorProblem = keyof typeof DOOR_PROBLEMS;

/** Returns the answer for a problem, in the form that the gatekeeper's refusals have (RFC 9457). */
export function problemResponse(code: DoorProblem | 'internal_error', request: Request): Response {
  const { status, detail } = code === 'internal_error' ? REFUSALS[code] : DOOR_PROBLEMS[code];
  const title = STATUS_CODES[status] ?? 'Client Closed Request';
  const body = JSON.stringify({
    type: 'about:blank',
    title,
    status,
    detail,
    code,
    trace_id: traceIdOfRequest(request),
  });
  return new Response(body, {
    status,
    headers: { 'Content-Type': 'application/problem+json', 'Cache-Control': 'no-store' },
  });
}
