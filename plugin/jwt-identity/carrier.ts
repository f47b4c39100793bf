import type { HeaderChanges } from '../../src/core/decision';
import type { logEntry } from '../../src/core/log-entry';
import type { Refusal } from '../../src/core/refusal/refusal';
import { refusalResponse, type Challenge, type ResponseForm } from '../../src/core/refusal/refusal-response';
import { LOG_MEMBER, type Repetition } from '../../src/protocol/verdict';
import { replaceQuery } from './log-hiding';
import type { Pdk } from './pdk';

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
  /** @param repetition - for which other requests the handler may repeat the answer; `undefined` for none */
  proceed(kong: Pdk, permission: Permission, repetition: () => Repetition | undefined): Promise<void>;
  refuse(kong: Pdk, rejection: Rejection, repetition: () => Repetition | undefined): Promise<void>;
}

/** Tells Kong by calls. Those that nobody waits for travel with the end of the event. */
export const CALLS: Carrier = {
  async proceed(kong, { headers, groups, credential, log, rawQuery }) {
    if (groups !== undefined) await kong.ctx.shared.set('authenticated_groups', groups);
    // Kong 3.9.3: client.authenticate without a consumer would leave an empty consumer_id that makes acl answer 500.
    if (credential !== undefined) await kong.nginx.setCtx('authenticated_credential', { id: credential });
    if (log !== undefined) await tellLogPlugins(kong, log);
    if (rawQuery !== undefined) await replaceQuery(kong, rawQuery);
    if (Object.keys(headers).length > 0) await kong.service.request.setHeaders(headers);
  },

  async refuse(kong, { refusal, challenge, form, log }) {
    // It travels with the question for the id. A refusal that cannot be logged is a refusal all the same.
    if (log !== undefined) await tellLogPlugins(kong, log).catch(() => undefined);
    const response = refusalResponse(refusal, challenge, await requestIdOf(kong), form);
    await kong.response.exit(response.status, response.body, response.headers);
  },
};

/** Adds to what Kong's log plugins write: one message that nobody waits for. */
async function tellLogPlugins(kong: Pdk, log: NonNullable<LogEntry>): Promise<void> {
  await kong.log.setSerializeValue(LOG_MEMBER, log);
}

/** Kong's id of the request; nothing when Kong does not tell, because without the id an answer is still an answer. */
async function requestIdOf(kong: Pdk): Promise<string | undefined> {
  try {
    return (await kong.nginx.getVar('kong_request_id')) ?? undefined;
  } catch {
    return undefined;
  }
}
