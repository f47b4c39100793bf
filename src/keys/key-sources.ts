import type { IssuerConfig } from '../../schema/config';
import type { KeySource } from '../core/key-source';
import type { Log } from '../telemetry/log';
import { inlineKeySource } from './inline-key-source';

/** What key sources need from the outside. */
export interface KeySourceDependencies {
  /** The time, in milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Log;
}

/**
 * Returns a function that opens an issuer's keys. Key sets that come over the network are shared by everything that was
 * opened through it, so one of these is made for each process.
 */
export function createKeySources(dependencies: KeySourceDependencies): (issuer: IssuerConfig) => KeySource {
  void dependencies;
  return (issuer) => inlineKeySource(issuer);
}
