/** For services behind the gateway: the package's export `kong-plugin-jwt-identity/guard` (docs/GUARD.md). */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Refusal } from '../core/refusal/refusal';
import { refusalResponse, type HttpAnswer } from '../core/refusal/refusal-response';
import { describeError } from '../telemetry/describe-error';
import { createLogger, LOG_LEVEL_VARIABLE } from '../telemetry/log';
import type { GatewayProof, GuardedRequest, SignedHeaders } from './gateway-proof';
import { guardedRequest, guardedWebRequest, sendFailure, sendRefusal } from './guarded-request';
import { DEFAULT_MAPPING, readIdentity, type Identity, type IdentityMapping } from './identity';
import type { Requirement } from './requirement';

export { gatewayAddresses } from './gateway-address';
export { gatewayCertificate } from './gateway-certificate';
export type { GatewayProof, GuardedRequest, SignedHeaders } from './gateway-proof';
export { DEFAULT_MAPPING, list, text, words, type Identity, type IdentityMapping } from './identity';
export { requireIdentity, requireRole, requireScope, type Requirement } from './requirement';
export { Refusal } from '../core/refusal/refusal';

/** How a service knows its gateway and what it reads from it. */
export interface GuardOptions<Mapping extends IdentityMapping> {
  /** What tells the gateway's requests from others; at least one, and each must hold. */
  readonly proofs: readonly [GatewayProof, ...GatewayProof[]];
  /** Which headers make an identity; {@link DEFAULT_MAPPING} unless the gateway's `identity_headers` say otherwise. */
  readonly identity?: Mapping;
  /** Realm of challenges, as in the plugin's `realm`. */
  readonly realm?: string;
  /** Told of every refused request, for the log; neither argument holds a header's value unless it is asked for. */
  readonly onRefusal?: (refusal: Refusal, request: GuardedRequest) => void;
  /**
   * Told of an exception of a handler that was given to `listener`, or of `onRefusal` there; the client gets 500 with
   * `internal_error`. Left out: one line in the log with the error's name and place. It must not throw.
   */
  readonly onError?: (error: unknown, request: GuardedRequest) => void;
}

/** Lets requests of the gateway pass that meet the requirements, and answers all others as the gateway would. */
export interface Guard<I> {
  /** For Express and other servers that take Connect's middleware. */
  middleware(
    ...requirements: readonly Requirement<I>[]
  ): (request: IncomingMessage, response: ServerResponse, next: (error?: unknown) => void) => void;
  /** For Fastify: an `onRequest` hook, of the whole server or of a route. */
  onRequest(
    ...requirements: readonly Requirement<I>[]
  ): (request: { readonly raw: IncomingMessage }, reply: FastifyReply) => Promise<unknown>;
  /**
   * For node:http and node:https: a listener for `createServer`. A handler that throws or rejects ends the request with
   * 500, or cuts the connection when it had begun to answer; the process goes on.
   */
  listener(
    handler: (request: IncomingMessage, response: ServerResponse, identity: I | undefined) => unknown,
    ...requirements: readonly Requirement<I>[]
  ): (request: IncomingMessage, response: ServerResponse) => void;
  /** For what takes a Web `Request`, such as a Next.js route handler. Proofs that need the connection refuse there. */
  route<Context>(
    handler: (request: Request, identity: I | undefined, context: Context) => Response | Promise<Response>,
    ...requirements: readonly Requirement<I>[]
  ): (request: Request, context: Context) => Promise<Response>;
  /**
   * Who is calling, for a request that passed `middleware` or `onRequest` (there: `request.raw`).
   *
   * @throws Error for a request that did not: not guarded must never look like anonymous
   */
  identityOf(request: IncomingMessage): I | undefined;
}

/** The part of Fastify's reply that a guard uses. */
export interface FastifyReply {
  code(status: number): unknown;
  headers(values: Record<string, string>): unknown;
  send(body: Uint8Array): unknown;
}

/**
 * Returns a guard.
 *
 * @throws TypeError without proofs: the headers of a request are worth what is known of its sender
 */
export function createGuard<Mapping extends IdentityMapping = typeof DEFAULT_MAPPING>(
  options: GuardOptions<Mapping>,
): Guard<Identity<Mapping>> {
  const { proofs, realm = 'service', onRefusal, onError = logError } = options;
  // The default is what `Mapping` is when no mapping is given.
  const mapping = options.identity ?? (DEFAULT_MAPPING as IdentityMapping as Mapping);
  // Plain JavaScript can leave them out.
  if (!((proofs as readonly GatewayProof[] | undefined)?.length ?? 0)) {
    throw new TypeError('createGuard: proofs must say how the gateway is known, see gatewayAddresses');
  }
  type I = Identity<Mapping>;
  const identities = new WeakMap<IncomingMessage, { readonly identity: I | undefined }>();

  const admit = async (
    request: GuardedRequest,
    requirements: readonly Requirement<I>[],
  ): Promise<{ readonly identity: I | undefined } | HttpAnswer> => {
    const outcome = await check(request, proofs, mapping, requirements);
    if (!(outcome instanceof Refusal)) return { identity: outcome };
    onRefusal?.(outcome, request);
    return refusalResponse(outcome, { realm }, { requestId: requestIdOf(request) });
  };

  return {
    middleware:
      (...requirements) =>
      (request, response, next) => {
        admit(guardedRequest(request), requirements).then((outcome) => {
          if ('status' in outcome) {
            sendRefusal(response, outcome);
            return;
          }
          identities.set(request, outcome);
          next();
        }, next);
      },
    onRequest:
      (...requirements) =>
      async ({ raw }, reply) => {
        const outcome = await admit(guardedRequest(raw), requirements);
        if (!('status' in outcome)) {
          identities.set(raw, outcome);
          return undefined;
        }
        reply.code(outcome.status);
        reply.headers({ ...outcome.headers });
        // Of a string Fastify would say in which charset it is, as the gateway does not.
        return reply.send(Buffer.from(outcome.body));
      },
    listener:
      (handler, ...requirements) =>
      (request, response) => {
        const guarded = guardedRequest(request);
        const answer = async (): Promise<void> => {
          const outcome = await admit(guarded, requirements);
          if ('status' in outcome) sendRefusal(response, outcome);
          else await handler(request, response, outcome.identity);
        };
        answer().catch((error: unknown) => {
          sendFailure(response, refusalResponse(HANDLER_FAILED, { realm }, { requestId: requestIdOf(guarded) }));
          onError(error, guarded);
        });
      },
    route:
      (handler, ...requirements) =>
      async (request, context) => {
        const outcome = await admit(guardedWebRequest(request), requirements);
        if (!('status' in outcome)) return handler(request, outcome.identity, context);
        return new Response(outcome.body, { status: outcome.status, headers: outcome.headers });
      },
    identityOf: (request) => {
      const known = identities.get(request);
      if (known === undefined) throw new Error('this request did not pass the guard');
      return known.identity;
    },
  };
}

const HANDLER_FAILED = new Refusal('internal_error', 'the handler failed');

function logError(error: unknown): void {
  const { log } = createLogger(process.env[LOG_LEVEL_VARIABLE] ?? 'warn');
  log('error', 'a handler behind the guard failed', describeError(error));
}

/** Returns the caller when every proof holds; an unexpected error refuses the request. */
async function check<Mapping extends IdentityMapping>(
  request: GuardedRequest,
  proofs: readonly GatewayProof[],
  mapping: Mapping,
  requirements: readonly Requirement<Identity<Mapping>>[],
): Promise<Identity<Mapping> | undefined | Refusal> {
  try {
    for (const proof of proofs) {
      const proven = await proof(request);
      if (proven instanceof Refusal) return proven;
      if (proven !== undefined && differsFrom(proven, mapping, request)) {
        return new Refusal('not_from_gateway', 'the identity headers are not those that were signed');
      }
    }
    const identity = readIdentity(mapping, request.headers);
    if (identity instanceof Refusal) return identity;
    for (const requirement of requirements) {
      const refusal = requirement(identity);
      if (refusal !== undefined) return refusal;
    }
    return identity;
  } catch {
    return new Refusal('internal_error', 'an unexpected error in the guard');
  }
}

/** Whether an identity header is missing, was changed, or was added to what the gateway signed. */
function differsFrom({ signed }: SignedHeaders, mapping: IdentityMapping, { headers }: GuardedRequest): boolean {
  const mapped = Object.values(mapping).map(({ header }) => header.toLowerCase());
  return [...signed.keys(), ...mapped].some((name) => {
    const value = signed.get(name);
    const lines = headers(name);
    return lines.length !== (value === undefined ? 0 : 1) || lines[0] !== value;
  });
}

/** Kong 3.9.3 sends its id of the request to the service, in 32 hexadecimal digits. */
function requestIdOf({ headers }: GuardedRequest): string | undefined {
  const [id = ''] = headers('X-Kong-Request-Id');
  return /^[0-9a-f]{32}$/.test(id) ? id : undefined;
}
