import type { Exchange, ResponseHead } from './exchange';
import type { LocalResponse } from '../http/local-response';

/** One request that is over: its outcome, for logs and for observers of the gateway. */
export interface ExchangeRecord {
  readonly exchange: Exchange;
  /** The head as it was sent to the client. */
  readonly response: ResponseHead;
  /** Who answered: the service, one of the plugins (by name), or the gateway itself. */
  readonly answeredBy: { readonly kind: 'service' | 'gateway' } | { readonly kind: 'plugin'; readonly plugin: string };
  /** The response, when it was not the service's. */
  readonly answer: LocalResponse | null;
  /** What the service was asked, `null` when it was not: path with query, and all headers. */
  readonly forwarded: { readonly path: string; readonly headers: Exchange['headers'] } | null;
  /** Milliseconds. `service` is how long the service took to begin its answer, -1 when it was not asked. */
  readonly durations: { readonly gateway: number; readonly service: number; readonly total: number };
  /** Whether the response reached its end; otherwise the client or the service went away. */
  readonly isComplete: boolean;
}

/** Told about every request that is over. */
export type Observer = (record: ExchangeRecord) => void;

/**
 * Returns the stable code of a response that a plugin gave: the member `code` of its JSON body (RFC 9457), `null` for any
 * other response.
 */
export function problemCode({ answer }: Pick<ExchangeRecord, 'answer'>): string | null {
  if (answer === null) return null;
  try {
    const body: unknown = JSON.parse(answer.body.toString());
    const code = typeof body === 'object' && body !== null && 'code' in body ? body.code : null;
    return typeof code === 'string' ? code : null;
  } catch {
    return null;
  }
}
