import { LOG_MEMBER, type Answer, type Verdict } from '../protocol/verdict';
import { copy } from './json';
import { logRefusal, requestId } from './refusal-log';
import { countOutcome } from './tally';
import { traceId } from './trace-context';

/**
 * Carries a verdict out, the first time and each time that it is repeated: the same calls in the same order. Returns
 * when the request may go on; a refusal ends the request and does not return.
 *
 * @param consumer - the consumer that belongs to a repeated answer; the plugin server itself told Kong the first time
 */
export function carryOut(verdict: Verdict, consumer?: unknown): void {
  const { proceed, refuse, log, line } = verdict;
  if (log !== undefined) kong.log.set_serialize_value(LOG_MEMBER, withTrace(copy(log as Record<string, unknown>)));
  const outcome = proceed === undefined ? line?.kind : 'proceed';
  // An answer that is no refusal, such as metadata, has none.
  if (outcome !== undefined) countOutcome(outcome);
  if (proceed === undefined) {
    if (line !== undefined) logRefusal('notice', line.kind, line.text);
    answer(refuse as Answer);
    return;
  }
  if (consumer !== undefined) kong.client.authenticate(consumer, undefined);
  if (proceed.groups !== undefined) kong.ctx.shared['authenticated_groups'] = copy(proceed.groups);
  if (proceed.credential !== undefined) ngx.ctx['authenticated_credential'] = { id: proceed.credential };
  // Not `kong.service.request.set_headers`, which looks at each name and value again in each request.
  for (const [name, value] of proceed.headers) ngx.req.set_header(name, value);
}

/** The entry is the same for all requests that an answer is repeated for; the trace is not. */
function withTrace(entry: Record<string, unknown>): Record<string, unknown> {
  entry['trace_id'] = traceId();
  return entry;
}

/** Ends the request with an answer. Does not return inside a phase. */
export function answer(refused: Answer): void {
  const { status, headers, body, takesIds } = refused;
  kong.response.exit(status, takesIds === true ? withIds(body) : body, headers);
}

/** Both ids are letters and digits, which JSON takes as they are. */
function withIds(problem: string): string {
  const [id, trace] = [requestId(), traceId()];
  const members = `${id === undefined ? '' : `,"request_id":"${id}"`}${trace === undefined ? '' : `,"trace_id":"${trace}"`}`;
  return `${string.sub(problem, 1, -2)}${members}}`;
}
