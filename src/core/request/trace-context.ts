import type { RequestView } from './request-view';

/** What a `traceparent` header says about the trace that a request belongs to. */
export interface TraceContext {
  /** 32 hexadecimal digits in lower case, not all zero. */
  readonly traceId: string;
  /** The span that the client was in: 16 such digits. */
  readonly parentId: string;
  /** Whether the client records the trace. */
  readonly isSampled: boolean;
}

/** Of a version that is not known, only the members that the first one has are read, and more may follow. */
const TRACEPARENT =
  /^(?:00(?=.{53}$)|(?!00|ff)[0-9a-f]{2})-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)/;

/**
 * Returns the trace that a request belongs to; `undefined` without a `traceparent`, with several, and with one that is not
 * valid. Nothing is decided by it: it is for log lines, problem documents and spans. It holds hexadecimal digits only, so
 * a client cannot write anything else into a log with it. At most 56 characters are looked at.
 *
 * @param headers - by name in lower case; `undefined` where they are not known
 * @see W3C Trace Context §3.2.2, §4.3
 */
export function traceContextOf(headers: RequestView['headers'] | undefined): TraceContext | undefined {
  const value = headers?.['traceparent'];
  if (typeof value !== 'string' || !TRACEPARENT.test(value)) return undefined;
  const isSampled = (Number.parseInt(value.slice(53, 55), 16) & 1) === 1;
  return { traceId: value.slice(3, 35), parentId: value.slice(36, 52), isSampled };
}

/** Returns the id of that trace. */
export function traceIdOf(headers: RequestView['headers'] | undefined): string | undefined {
  return traceContextOf(headers)?.traceId;
}
