import type { Decision, Proceed } from '../../src/core/decision';
import type { Policy } from '../../src/core/policy';
import type { Refusal } from '../../src/core/refusal/refusal';
import type { RequestView } from '../../src/core/request/request-view';
import { SUBPROTOCOL_HEADER } from '../../src/core/request/subprotocol-token';
import { decisionMessage } from '../../src/gatekeeper/decision-report';
import type { Repetition } from '../../src/protocol/verdict';

/**
 * What of a request a repeated answer may depend on. A view with anything else in it (a path, a query, a certificate)
 * was decided by something that the handler does not compare, and is not repeated. Whether another plugin
 * authenticated the caller decides only about requests without a token. The path of the request decides nothing but
 * whether it is one for the metadata, which {@link Repetition.exceptPath} says.
 */
const COMPARED_MEMBERS: ReadonlySet<string> = new Set(['headers', 'method', 'isAuthenticated', 'requestPath']);

/** A client can make up any number of others, and each would be an answer of its own in Kong's worker. */
const METHODS: ReadonlySet<unknown> = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']);
/** The same for `Connection`. Whatever else it says may be about other headers. */
const CONNECTIONS: ReadonlySet<unknown> = new Set([undefined, 'keep-alive', 'Keep-Alive', 'close', 'Close']);
/** As almost every client writes it: a token has one text, so that its holder cannot fill a worker with variants. */
const BEARER = /^Bearer [^ ]+$/;
const BARE = /^[^ ]+$/;

/** A header whose value decides about the form of a refusal. */
const CONTENT_TYPE = 'content-type';

/**
 * Returns for which other requests the handler inside Kong's worker may repeat that a verified caller passes, or
 * `undefined` when it must ask each time: the answer depends on more than headers and the method, the token is in a
 * cookie or in the query, or the request holds a header that the client may not send.
 *
 * It must name everything that `decide` and the hand-over look at. Headers are read in few places of `src/core`; a spec
 * lists them, so that a new one is thought of here.
 *
 * @param knowsConsumer - whether Kong was told a consumer that exists
 * @param now - seconds since the epoch
 */
export function repetitionOfCaller(
  request: RequestView,
  policy: Policy,
  decision: Proceed,
  knowsConsumer: boolean,
  now: number,
): Repetition | undefined {
  const { token } = decision;
  if (token === undefined || !isComparable(request, policy)) return undefined;
  if (policy.handOver.consumer !== undefined && !knowsConsumer) return undefined;
  const { headers } = request;
  const { headerNames, cookieNames } = policy.sources;
  if (!headerNames.every((name) => isPlain(name, headers[name])) || !CONNECTIONS.has(headers['connection'])) {
    return undefined;
  }
  const equal = [...headerNames, 'connection'];
  const harmless: string[] = [];
  for (const name of Object.keys(headers)) {
    if (policy.hygiene.isForged(name) || (name === 'cookie' && cookieNames.length > 0)) return undefined;
    if (!equal.includes(name)) harmless.push(name);
  }
  const { exp } = token.claims;
  const end = typeof exp === 'number' ? exp + token.issuer.claimRules.leewaySeconds - now : Infinity;
  const seconds = Math.min(policy.repeatSeconds, end);
  if (seconds <= 0) return undefined;
  return {
    seconds,
    kind: 'token',
    equal,
    absent: [],
    method: policy.needsMethod,
    harmless,
    ...exceptMetadata(policy),
    ...(knowsConsumer && { consumer: true }),
    label: labelOf(decision),
  };
}

/**
 * Returns for which other requests the handler may repeat the refusal of a request without any token: those without one
 * under the same configuration, as long as nothing else decides.
 */
export function repetitionOfMissing(request: RequestView, policy: Policy, refusal: Refusal): Repetition | undefined {
  const { headers } = request;
  const { headerNames, cookieNames } = policy.sources;
  if (refusal.code !== 'token_missing' || policy.allowAuthenticated || !isComparable(request, policy)) return undefined;
  if (headerNames.some((name) => headers[name] !== undefined)) return undefined;
  return {
    seconds: policy.repeatSeconds,
    kind: 'missing',
    equal: ['connection', CONTENT_TYPE, ...(cookieNames.length > 0 ? ['cookie'] : [])],
    absent: headerNames,
    method: !policy.runOnPreflight,
    ...exceptMetadata(policy),
    label: labelOf(refusal),
  };
}

function exceptMetadata({ resourceMetadata }: Policy): Pick<Repetition, 'exceptPath'> {
  return resourceMetadata === undefined ? {} : { exceptPath: resourceMetadata.path };
}

function isComparable(request: RequestView, policy: Policy): boolean {
  // Also where there is none: the handler does not see whether the next request has one.
  if (policy.needsQuery || policy.needsPath) return false;
  if (policy.repeatSeconds <= 0 || !Object.keys(request).every((member) => COMPARED_MEMBERS.has(member))) return false;
  if (policy.needsMethod && !METHODS.has(request.method)) return false;
  // A preflight is told apart by headers that matter to nothing else.
  return policy.runOnPreflight || request.method !== 'OPTIONS';
}

function isPlain(name: string, value: string | readonly string[] | undefined): boolean {
  if (value === undefined) return true;
  // A list has many orders, and a handshake is rare.
  if (name === SUBPROTOCOL_HEADER) return false;
  return typeof value === 'string' && (BEARER.test(value) || (name !== 'authorization' && BARE.test(value)));
}

/** What a repetition counts as in the metrics. */
function labelOf(decision: Decision): string {
  return JSON.stringify(decisionMessage(decision));
}
