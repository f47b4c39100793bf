import { Refusal } from '../../../core/refusal/refusal';
import type { HttpQuestion, Question } from '../gateway';
import { firstSegment, headersOf, queryOf, writtenByGateway } from '../http-headers';

/** Under which names a gateway says what the client asked for. */
export interface OriginalNames {
  readonly method: string;
  readonly uri: string;
  /**
   * A beginning of names: headers of one connection or one message, which the gateway's own request cannot carry, arrive
   * as `x-original-connection` and the like. Absent: the gateway does not tell them.
   */
  readonly hop?: string;
}

/** Headers that are about the gateway's own request, unless it says what the client sent. */
const HOP_HEADERS = ['connection', 'content-length', 'transfer-encoding'] as const;

/**
 * Reads a question of a gateway that makes a request of its own, with the client's headers and with headers that say
 * what else the client sent. The path of the client's request is not read: no decision depends on it.
 */
export function originalQuestion({ url, rawHeaders }: HttpQuestion, names: OriginalNames): Question | Refusal {
  const headers = headersOf(rawHeaders);
  const method = writtenByGateway(headers, names.method);
  const uri = writtenByGateway(headers, names.uri);
  if (method === undefined) return new Refusal('configuration_error', `the gateway does not send one ${names.method}`);
  for (const name of HOP_HEADERS) {
    const told = names.hop === undefined ? undefined : headers[`${names.hop}${name}`];
    // An empty value is how some gateways say that there was none.
    if (told === undefined || told === '') Reflect.deleteProperty(headers, name);
    else headers[name] = told;
  }
  return {
    policy: firstSegment(url),
    request: { headers, method, ...(uri !== undefined && { rawQuery: queryOf(uri) }) },
  };
}
