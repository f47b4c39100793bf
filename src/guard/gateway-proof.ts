import type { Socket } from 'node:net';
import type { Refusal } from '../core/refusal/refusal';
import type { HeaderLines } from './identity';

/** What a guard sees of a request. */
export interface GuardedRequest {
  readonly method: string;
  /** Path as it was received, without the query. */
  readonly path: string;
  readonly headers: HeaderLines;
  /** The connection; `undefined` where the runtime does not show it, as in a Next.js route handler. */
  readonly socket: Pick<Socket, 'remoteAddress'> | undefined;
}

/** Identity headers for which the gateway vouches one by one. */
export interface SignedHeaders {
  /** Every identity header that it wrote, by name in lower case. */
  readonly signed: ReadonlyMap<string, string>;
}

/** What a proof says: `undefined` or more about a request of the gateway. */
export type Proof = Refusal | SignedHeaders | undefined;

/** What tells the gateway's requests from others. */
export type GatewayProof = (request: GuardedRequest) => Proof | Promise<Proof>;
