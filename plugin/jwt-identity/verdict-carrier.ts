import { randomUUID } from 'node:crypto';
import { refusalResponse } from '../../src/core/refusal/refusal-response';
import { refusalLine } from '../../src/gatekeeper/refusal-line';
import { HANDLER_MEMBER, PACKAGE_VERSION, VERDICT_MEMBER, type Answer, type Verdict } from '../../src/protocol/verdict';
import { SERVER_START_VARIABLE } from '../../src/telemetry/server-start';
import type { Carrier, Rejection } from './carrier';
import { replaceQuery } from './log-hiding';
import type { Pdk } from './pdk';

/** One for all processes of a plugin server; the stock plugin server has a single one. */
const serverStart = process.env[SERVER_START_VARIABLE] ?? randomUUID();

/** Version of the handler inside Kong's worker, as it wrote itself into `config`; `undefined` when there is none. */
export function handlerVersion(config: unknown): string | undefined {
  const version = member(config, HANDLER_MEMBER);
  if (version === undefined || version === null) return undefined;
  return typeof version === 'string' ? version : 'that is not a text';
}

/**
 * Leaves a verdict for the handler inside Kong's worker, which carries it out: one call, in the write that ends the
 * event. A refusal needs no answer from Kong and leaves the connection open.
 *
 * @param config - as Kong sent it, with the ids of the configuration
 */
export function verdictCarrier(config: unknown): Carrier {
  const about = {
    version: PACKAGE_VERSION,
    server: serverStart,
    plugin: member(config, '__plugin_id') as string,
    sequence: member(config, '__seq__') as number,
  };
  return {
    async proceed(kong, { headers, groups, credential, log, rawQuery, setCookies }, _, repetition) {
      // Not part of a verdict: the query and the answer are no headers of the request, and neither is ever repeated.
      if (rawQuery !== undefined) await replaceQuery(kong, rawQuery);
      if (setCookies !== undefined) await kong.response.addHeader('Set-Cookie', setCookies);
      const repeat = rawQuery === undefined ? repetition() : undefined;
      await leave(kong, {
        ...about,
        proceed: {
          headers: Object.entries(headers).map(asKongWrites),
          ...(groups && { groups }),
          ...(credential !== undefined && { credential }),
        },
        ...(log && { log }),
        ...(repeat && { repeat }),
      });
    },

    async answer(kong, { status, headers, body }) {
      await leave(kong, { ...about, refuse: { status, headers, body } });
    },

    async refuse(kong, rejection, _, repetition) {
      const { log, refusal } = rejection;
      const repeat = repetition();
      await leave(kong, {
        ...about,
        refuse: answerOf(rejection),
        line: { kind: refusal.code, text: refusalLine(refusal) },
        ...(log && { log }),
        ...(repeat && { repeat }),
      });
    },
  };
}

/** Kong's PDK sends a blank in place of an empty value; the handler sets headers without it. */
function asKongWrites([name, value]: [string, string | readonly string[]]): [string, string | readonly string[]] {
  return [name, typeof value === 'string' ? value || ' ' : value.map((each) => each || ' ')];
}

let written = 0;

async function leave(kong: Pdk, verdict: Omit<Verdict, 'spread'>): Promise<void> {
  written += 1;
  await kong.ctx.shared.set(VERDICT_MEMBER, jsonOf({ ...verdict, spread: 100 + (written % 900) }));
}

/**
 * Half of a surrogate pair, which a claim may hold, is no text in UTF-8. Kong gets U+FFFD for it, as over ProtoBuf;
 * Kong's JSON decoder would refuse it.
 */
function jsonOf(verdict: Verdict): string {
  const json = JSON.stringify(verdict);
  if (!json.includes('\\ud')) return json;
  return JSON.stringify(verdict, (_, value: unknown) => (typeof value === 'string' ? value.toWellFormed() : value));
}

/** The handler adds the ids: it knows them, and the plugin server would have to ask. */
function answerOf({ refusal, challenge, form }: Rejection): Answer {
  return { ...refusalResponse(refusal, challenge, {}, form), ...(form === 'problem' && { takesIds: true }) };
}

function member(config: unknown, name: string): unknown {
  return typeof config === 'object' && config !== null ? (config as Record<string, unknown>)[name] : undefined;
}
