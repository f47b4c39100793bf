import type { HttpAnswer } from '../../core/refusal/refusal-response';
import type { Refusal } from '../../core/refusal/refusal';
import type { RequestView } from '../../core/request/request-view';

/** An HTTP request of a gateway, as Node received it. */
export interface HttpQuestion {
  readonly method: string;
  /** Path and query as sent. */
  readonly url: string;
  /** Names and values in turn. */
  readonly rawHeaders: readonly string[];
}

/** What a gateway asks. */
export interface Question {
  /** Name of the policy. */
  readonly policy: string;
  /** The client's request. */
  readonly request: RequestView;
}

/** What a gateway is told about a request that may pass. */
export interface Permission {
  /**
   * Every header that the policy writes or takes away, by its name as configured, whether or not the client sent it.
   * `undefined`: the header must not reach the service.
   */
  readonly headers: ReadonlyMap<string, string | undefined>;
  /** More headers that must not reach the service, by the names that the client sent, in lower case. */
  readonly forged: readonly string[];
  /** Values of `Set-Cookie` for the answer to the client. A gateway that cannot add them leaves them out. */
  readonly setCookies: readonly string[];
  /** The query without the token; absent when it stays as it is. */
  readonly rawQuery?: string;
}

/** An HTTP answer to a gateway. */
export interface GatewayAnswer {
  readonly status: number;
  /** Names and values in turn. */
  readonly headers: readonly string[];
  readonly body: string;
}

/** What a gateway can do with an answer, beyond passing or refusing the request. */
export interface GatewayAbilities {
  /** It sets whatever header it is told, without having been told its name in its own configuration. */
  readonly setsAnyHeader: boolean;
  /** It removes whatever header it is told, likewise. */
  readonly removesAnyHeader: boolean;
  /** It can replace the query. */
  readonly replacesQuery: boolean;
}

/** How one gateway asks over HTTP, and how it is told. Everything that is special about it is here. */
export interface HttpGateway extends GatewayAbilities {
  /** Returns the question, or a {@link Refusal} when the gateway does not say what its configuration must make it say. */
  read(asked: HttpQuestion): Question | Refusal;
  permit(permission: Permission): GatewayAnswer;
  refuse(response: HttpAnswer): GatewayAnswer;
}

/**
 * What the gateway's own configuration does with headers that only the gateway may set.
 *
 * - `nothing`: a request that has one is refused.
 * - `answered`: it replaces or removes the headers that an answer names, under exactly these names. Other forged headers
 *   are refused.
 * - `everything`: it removes all of them, including variants such as X_User_ID, as files in examples/gateways do.
 */
export const STRIPPING = ['nothing', 'answered', 'everything'] as const;
/** One of {@link STRIPPING}. */
export type Stripping = (typeof STRIPPING)[number];
