import type { HeaderChanges } from '../../src/core/decision';
import type { logEntry } from '../../src/core/log-entry';
import type { Refusal } from '../../src/core/refusal/refusal';
import {
  refusalResponse,
  type Challenge,
  type HttpAnswer,
  type ResponseForm,
} from '../../src/core/refusal/refusal-response';
import type { RequestView } from '../../src/core/request/request-view';
import { traceIdOf } from '../../src/core/request/trace-context';
import { createRefusalLines, REFUSED } from '../../src/gatekeeper/refusal-line';
import { LOG_MEMBER, type Repetition } from '../../src/protocol/verdict';
import { formatFields } from '../../src/telemetry/log';
import { replaceQuery } from './log-hiding';
import type { NamedEntity, Pdk } from './pdk';

/** What log plugins are told of a decision. */
type LogEntry = ReturnType<typeof logEntry>;

/** What Kong is told about a request that goes on. */
export interface Permission {
  readonly headers: HeaderChanges;
  /** For Kong's acl plugin. */
  readonly groups: readonly string[] | undefined;
  /** Id of the credential for Kong's other plugins. */
  readonly credential: string | undefined;
  readonly log: LogEntry;
  /** The query string without the token; `undefined` when it stays as it is. */
  readonly rawQuery: string | undefined;
  /** Lines of `Set-Cookie` for the client, beside those of the service. */
  readonly setCookies: readonly string[] | undefined;
}

/** How a request is refused. */
export interface Rejection {
  readonly refusal: Refusal;
  readonly challenge: Challenge;
  readonly form: ResponseForm;
  readonly log: LogEntry;
}

/** How an outcome reaches Kong. Each does all of it or rejects, and then the request must be refused. */
export interface Carrier {
  /**
   * @param request - `undefined` when it could not be read
   * @param repetition - for which other requests the handler may repeat the answer; `undefined` for none
   */
  proceed(
    kong: Pdk,
    permission: Permission,
    request: RequestView,
    repetition: () => Repetition | undefined,
  ): Promise<void>;
  refuse(
    kong: Pdk,
    rejection: Rejection,
    request: RequestView | undefined,
    repetition: () => Repetition | undefined,
  ): Promise<void>;
  /** Ends the request with an answer that is the same for everybody. */
  answer(kong: Pdk, answer: HttpAnswer): Promise<void>;
}

/**
 * Returns what tells Kong by calls. Those that nobody waits for travel with the end of the event.
 *
 * @param logSelf - writes a line about a refusal where Kong must not, with its budget already spent
 */
export function callsCarrier(logSelf: (line: string) => void): Carrier {
  const lineOf = createRefusalLines();
  return { proceed, answer, refuse: (kong, rejection, request) => refuse(kong, rejection, request, lineOf, logSelf) };
}

/** The part of {@link callsCarrier} that lets a request go on. */
export const proceed: Carrier['proceed'] = async (kong, permission, request) => {
  const { headers, groups, credential, log, rawQuery, setCookies } = permission;
  if (groups !== undefined) await kong.ctx.shared.set('authenticated_groups', groups);
  // Kong 3.9.3: client.authenticate without a consumer would leave an empty consumer_id that makes acl answer 500.
  if (credential !== undefined) await kong.nginx.setCtx('authenticated_credential', { id: credential });
  if (log !== undefined) await tellLogPlugins(kong, log, request);
  if (rawQuery !== undefined) await replaceQuery(kong, rawQuery);
  if (setCookies !== undefined) await kong.response.addHeader('Set-Cookie', setCookies);
  if (Object.keys(headers).length > 0) await kong.service.request.setHeaders(headers);
};

async function answer(kong: Pdk, { status, headers, body }: HttpAnswer): Promise<void> {
  await kong.response.exit(status, body, headers);
}

async function refuse(
  kong: Pdk,
  { refusal, challenge, form, log }: Rejection,
  request: RequestView | undefined,
  lineOf: ReturnType<typeof createRefusalLines>,
  logSelf: (line: string) => void,
): Promise<void> {
  // It travels with the question for the id. A refusal that cannot be logged is a refusal all the same.
  if (log !== undefined) await tellLogPlugins(kong, log, request).catch(() => undefined);
  const fields = lineOf(refusal);
  const [id, route, service, target] = await Promise.all([
    answered(() => kong.nginx.getVar('kong_request_id')),
    ...(fields === undefined
      ? []
      : ([
          answered(() => kong.router.getRoute()),
          answered(() => kong.router.getService()),
          answered(() => kong.nginx.getVar('request_uri')),
        ] as const)),
  ]);
  const requestId = id ?? undefined;
  const traceId = traceIdOf(request?.headers);
  if (fields !== undefined) {
    const about = { request_id: requestId, trace_id: traceId, route: nameOf(route), service: nameOf(service) };
    const line = `${REFUSED} ${formatFields(fields(about))}`;
    // nginx adds the request line to what a request logs, and a client may have put a token into the query. It adds the
    // line that arrived, whatever a plugin has made of the query since.
    if (typeof target === 'string' && !target.includes('?')) await answered(() => kong.log.notice(line));
    else logSelf(line);
  }
  const response = refusalResponse(refusal, challenge, { requestId, traceId }, form);
  await kong.response.exit(response.status, response.body, response.headers);
}

/** Adds to what Kong's log plugins write: one message that nobody waits for. */
async function tellLogPlugins(kong: Pdk, log: NonNullable<LogEntry>, request: RequestView | undefined): Promise<void> {
  const traceId = traceIdOf(request?.headers);
  await kong.log.setSerializeValue(LOG_MEMBER, traceId === undefined ? log : { ...log, trace_id: traceId });
}

/** What Kong answers; `undefined` when it does not, because without that an answer is still an answer. */
async function answered<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch {
    return undefined;
  }
}

/** Kong 3.9.3: what has no name arrives with an empty one, and nothing arrives as an empty message. */
function nameOf(entity: NamedEntity | null | undefined): string {
  return [entity?.name, entity?.id].find((text) => text !== undefined && text !== '') ?? 'none';
}
