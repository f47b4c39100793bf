/**
 * What the plugin tells listeners in the same process: typed `node:diagnostics_channel` channels. The plugin
 * server's metrics subscribe to them; under the stock plugin server nobody does, and publishing costs one comparison.
 * Messages never hold a token, a claim's value or key material.
 */
import diagnostics, { type Channel } from 'node:diagnostics_channel';

/** One decision. `code` is `proceed`, `anonymous` or a refusal's code (docs/ERRORS.md). */
export interface DecisionMessage {
  readonly outcome: 'proceed' | 'refuse';
  readonly code: string;
  /** HTTP status of a refusal; 0 when the request proceeds. */
  readonly status: number;
  /** The configured issuer whose rules verified the token, when one was. */
  readonly issuer?: string;
  /** The `kid` of the key that verified the token, when it has one. Comes from the key set, never from the token. */
  readonly kid?: string;
  /** The code with which `authorize_shadow` would have refused a request that proceeds. */
  readonly shadow?: string;
  /**
   * How often the handler inside Kong's worker repeated this decision since it last said so; absent for one decision
   * that was made here.
   */
  readonly count?: number;
}

/** Outcomes of requests of one route, where the route is known: behind the handler in Kong's worker, and by policy. */
export interface RouteDecisionMessage {
  /** Name of the route, or of the policy of a decision server. */
  readonly route: string;
  /** Name of the service; absent where there are policies. */
  readonly service?: string;
  readonly outcome: DecisionMessage['outcome'];
  readonly code: string;
  readonly count: number;
}

/** A part of a decision, in time. Times are in milliseconds since the epoch, with fractions. */
export interface TraceStep {
  readonly name: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** One decision with its steps, for traces. Nobody makes one unless somebody listens. */
export interface TraceMessage {
  readonly decision: DecisionMessage;
  /** Name of the policy, where policies have names. */
  readonly policy?: string;
  /** The span that the client named in a valid `traceparent`. */
  readonly parent?: { readonly traceId: string; readonly parentId: string; readonly isSampled: boolean };
  readonly startMs: number;
  readonly endMs: number;
  readonly steps: readonly TraceStep[];
}

/** One look into the cache of verified tokens. */
export interface TokenCacheMessage {
  readonly hit: boolean;
  /** How many such looks, reported at once; absent for one. */
  readonly count?: number;
}

/** One attempt to fetch a key set or a discovery document. */
export interface KeyFetchMessage {
  readonly issuer: string;
  readonly outcome: 'ok' | 'not_modified' | 'failed';
  readonly durationMs: number;
  /** Keys that are usable after the attempt. */
  readonly keys: number;
}

/**
 * Whether an issuer's keys can be used: within their lifetime, past it because the provider fails, or not at all.
 */
export const KEY_SET_STATES = ['fresh', 'stale', 'unavailable'] as const;

/** Age and use of an issuer's key set, published whenever either changes. */
export interface KeySetMessage {
  readonly issuer: string;
  /** `Date.now()` of the last successful fetch, 0 before it; metrics derive the age from it when they are read. */
  readonly fetchedAtMs: number;
  readonly state: (typeof KEY_SET_STATES)[number];
}

/** Use and age of a list of revoked tokens, published when it changes. */
export interface RevocationListMessage {
  /** Where the list comes from: a path, a URL, or the place in Redis without its password. */
  readonly list: string;
  /** As for a key set. */
  readonly state?: (typeof KEY_SET_STATES)[number];
  /** `Date.now()` at which the list was last known to be complete, 0 before it. */
  readonly readAtMs?: number;
  /** Entries that are held. */
  readonly entries?: number;
}

/** A `diagnostics_channel` channel whose messages have one type. */
export interface TypedChannel<Message> {
  readonly hasSubscribers: boolean;
  publish(message: Message): void;
  subscribe(onMessage: (message: Message) => void): void;
  unsubscribe(onMessage: (message: Message) => void): void;
}

function channel(name: string): Channel {
  return diagnostics.channel(`kong-plugin-jwt-identity:${name}`);
}

/** Every decision of the plugin. */
export const decisionChannel = channel('decision') as TypedChannel<DecisionMessage>;
/** Every decision with its steps; a door makes no message unless somebody listens. */
export const traceChannel = channel('trace') as TypedChannel<TraceMessage>;
/** Outcomes by route. */
export const routeDecisionChannel = channel('route-decision') as TypedChannel<RouteDecisionMessage>;
/** Every look into the cache of verified tokens. */
export const tokenCacheChannel = channel('token-cache') as TypedChannel<TokenCacheMessage>;
/** Every attempt to fetch keys. */
export const keyFetchChannel = channel('key-fetch') as TypedChannel<KeyFetchMessage>;
/** Every change in the state of a key set. */
export const keySetChannel = channel('key-set') as TypedChannel<KeySetMessage>;
/** Every change in a list of revoked tokens. */
export const revocationListChannel = channel('revocation-list') as TypedChannel<RevocationListMessage>;
/** The other way round: the process that runs the plugin asks for all keys to be read anew. */
export const renewalChannel = channel('renewal') as TypedChannel<object>;
