import type { Socket } from 'node:net';
import type { Refusal } from '../core/refusal';
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

/** What tells the gateway's requests from others: `undefined` for a request of the gateway. */
export type GatewayProof = (request: GuardedRequest) => Refusal | undefined | Promise<Refusal | undefined>;
