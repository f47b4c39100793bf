import type { Consumer, Pdk } from '../../plugin/jwt-identity/pdk';
import { proceed } from '../../plugin/jwt-identity/carrier';
import { handOver } from '../../plugin/jwt-identity/hand-over';
import { readRequest } from '../../plugin/jwt-identity/request';
import type { HeaderChanges } from '../core/decision';
import type { Stage } from '../core/observer';
import { Refusal } from '../core/refusal/refusal';
import { metadataAnswer } from '../core/refusal/resource-metadata';
import type { Gatekeeper } from '../gatekeeper/gatekeeper';
import type { RouteNeighbour } from './route-order';
import { type SourceReport, sourcesOf } from './token-sources';

/** A request as it is to be explained. Header names are in lower case; a repeated header is a list. */
export interface ExplainedRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly rawQuery: string;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
}

/** Why a request is let through or refused. Neither the token's text nor its signature is in it; claims are. */
export interface Explanation {
  /** Where a token may be, and what is there. */
  readonly sources: readonly SourceReport[];
  readonly findings: readonly { readonly stage: Stage; readonly finding: string }[];
  readonly decision:
    | { readonly outcome: 'proceed'; readonly code: 'proceed' | 'anonymous' }
    /** The plugin itself answers: the metadata of the resource. */
    | { readonly outcome: 'answer'; readonly status: number }
    | { readonly outcome: 'refuse'; readonly code: string; readonly reason: string; readonly status: number };
  /** What `authorize_shadow` would have answered, when it would have refused. */
  readonly shadow?: { readonly code: string; readonly reason: string };
  /** What changes in the request before the service gets it. */
  readonly changes?: {
    readonly set: Readonly<Record<string, string>>;
    readonly remove: readonly string[];
    readonly query?: string;
  };
  /** What the rest of Kong is told, by its own names. */
  readonly kong?: Readonly<Record<string, unknown>>;
}

/**
 * Decides about a request with the plugin's own code, from reading it to handing it over, and returns what happened on
 * the way.
 *
 * @param findConsumer - stands for Kong's database
 */
export async function explain(
  request: ExplainedRequest,
  { policy, decide }: Gatekeeper,
  findConsumer: (value: string, byUsername: boolean) => Consumer | undefined,
): Promise<Explanation> {
  const findings: { stage: Stage; finding: string }[] = [];
  const { kong, told } = listeningKong(request, findConsumer);
  const view = await readRequest(kong, policy);
  const sources = sourcesOf({ headers: request.headers, rawQuery: request.rawQuery }, policy.sources);
  const metadata = metadataAnswer(policy.resourceMetadata, view);
  if (metadata !== undefined) {
    findings.push({ stage: 'request', finding: 'is one for the metadata of the resource, which needs no token' });
    return { sources, findings, decision: { outcome: 'answer', status: metadata.status } };
  }
  const decision = await decide(view, (stage, finding) => {
    findings.push({ stage, finding });
  });
  const handedOver = decision instanceof Refusal ? decision : await handOver(kong, decision, policy.handOver);
  if (handedOver instanceof Refusal) {
    const { outcome, code, reason, status } = handedOver;
    return { sources, findings, decision: { outcome, code, reason, status } };
  }
  await proceed(kong, handedOver.permission, view, () => undefined);
  const { token, shadow } = decision as Exclude<typeof decision, Refusal>;
  return {
    sources,
    findings,
    decision: { outcome: 'proceed', code: token === undefined ? 'anonymous' : 'proceed' },
    ...(shadow !== undefined && { shadow: { code: shadow.code, reason: shadow.reason } }),
    changes: changesOf(told, policy.identityToken?.header),
    kong: told.kong,
  };
}

/** An explanation, and what it is about. */
export interface ExplainedRoute extends Explanation {
  /** Of a policies.yml; then there is no route. */
  readonly policy?: string;
  readonly route: string | null;
  readonly service: string | null;
  /** Routes that would take the request without this one, in Kong's order. */
  readonly otherRoutes: readonly string[];
  /** What the plugin is attached to, in words; `null` for a policy. */
  readonly plugin: string | null;
  /** The other plugins on the route, in Kong's order. */
  readonly plugins: readonly RouteNeighbour[];
}

/** What the plugin told Kong. */
interface Told {
  headers: HeaderChanges;
  query?: string;
  readonly kong: Record<string, unknown>;
}

/** A Kong that knows one request, and remembers what it is told. */
function listeningKong(
  { method, target, rawQuery, headers }: ExplainedRequest,
  findConsumer: (value: string, byUsername: boolean) => Consumer | undefined,
): { readonly kong: Pdk; readonly told: Told } {
  const told: Told = { headers: {}, kong: {} };
  const remember = (name: string, value: unknown): Promise<void> => {
    told.kong[name] = value;
    return Promise.resolve();
  };
  const nothing = (): Promise<undefined> => Promise.resolve(undefined);
  const kong: Pdk = {
    request: {
      getHeaders: () => Promise.resolve(headers),
      getMethod: () => Promise.resolve(method),
      getRawQuery: () => Promise.resolve(rawQuery),
    },
    service: {
      request: {
        setHeaders: (changes) => {
          told.headers = changes;
          return Promise.resolve();
        },
        setRawQuery: (query) => {
          told.query = query;
          return Promise.resolve();
        },
      },
    },
    response: { exit: nothing, addHeader: (name, lines) => remember(name, lines) },
    client: {
      getConsumer: nothing,
      getCredential: nothing,
      loadConsumer: (value, byUsername) => Promise.resolve(findConsumer(value, byUsername)),
      authenticate: (consumer) => remember('authenticated_consumer', consumer),
    },
    log: { setSerializeValue: remember, notice: nothing },
    router: { getRoute: nothing, getService: nothing },
    ctx: { shared: { set: remember } },
    // Of other variables, only that of the path that an identity token is bound to is asked; its text is not shown.
    nginx: { getVar: (name) => Promise.resolve(name === 'request_uri' ? target : '/'), setCtx: remember },
  };
  return { kong, told };
}

function changesOf({ headers, query }: Told, signedHeader: string | undefined): NonNullable<Explanation['changes']> {
  const entries = Object.entries(headers);
  const isRemoved = ([, value]: readonly [string, string | readonly string[]]): boolean => value.length === 0;
  return {
    set: Object.fromEntries(
      entries
        .filter((entry) => !isRemoved(entry))
        .map(([name, value]) => [name, name === signedHeader ? '(signed by the gateway)' : String(value)]),
    ),
    remove: entries.filter(isRemoved).map(([name]) => name),
    ...(query !== undefined && { query }),
  };
}
