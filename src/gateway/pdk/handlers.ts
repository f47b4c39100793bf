import type { PdkArguments, PdkMethodName, PdkResult } from '../../protocol/pdk-methods';
import type { Log } from '../../telemetry/log';
import type { Consumer } from '../../kong/declarative/entities';
import type { Exchange } from '../exchange/exchange';

/** What methods need besides the request. */
export interface PdkHost {
  /** Identifies this gateway while it runs. */
  readonly nodeId: string;
  readonly consumers: readonly Consumer[];
  readonly log: Log;
}

/** A plugin passed something that Kong's own checks refuse: Kong raises an error and the client gets 500. */
export class PdkError extends Error {
  override readonly name = 'PdkError';
}

/** How methods answer. Only `kong.response.exit` does not: it ends the request. */
export type PdkHandlers<M extends PdkMethodName> = {
  readonly [Name in M]: (
    exchange: Exchange,
    args: PdkArguments<Name>,
    host: PdkHost,
  ) => PdkResult<Name> | Promise<PdkResult<Name>>;
};
