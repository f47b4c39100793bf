import type { Environment } from '../../src/kong/declarative/vault';
import { startKongContainer } from './kong-docker';
import { startEmbeddedKong } from './kong-embedded';
import { startNativeKong } from './kong-native';
import { kongTarget, type KongTarget } from './kong-target';

/** What Kong is started with. */
export interface KongOptions {
  /** The text of a kong.yml. */
  readonly declarativeConfig: string;
  /** Variables for the `env` vault. */
  readonly environment?: Environment;
  /** More arguments for `kong-jwt-identity serve`; not with docker, whose image has its own. */
  readonly serveFlags?: readonly string[];
  /** The address that connections to services come from. */
  readonly serviceLocalAddress?: string;
  /** How long Kong itself may take to serve, in milliseconds. */
  readonly patienceMs?: number;
}

/** A gateway that serves with this package's plugin. */
export interface Kong {
  /** Where clients connect, without a slash at the end. */
  readonly proxyUrl: string;
  readonly host: string;
  readonly port: number;
  /** Everything it logged so far. */
  log(): string;
  /** Puts another kong.yml in place and resolves when it serves. @throws when it is refused, with the reason */
  reload(declarativeConfig: string): Promise<void>;
  /** Ends it with everything it started. */
  stop(): Promise<void>;
}

const STARTERS: Readonly<Record<KongTarget, (options: KongOptions) => Promise<Kong>>> = {
  embedded: startEmbeddedKong,
  native: (options) => startNativeKong(options),
  docker: startKongContainer,
};

/**
 * Starts the gateway that `KONG_TARGET` names on a free port of 127.0.0.1, with this package's plugin server. Resolves
 * when requests are decided.
 *
 * @throws when the configuration is refused, with the reason
 */
export function startKong(options: KongOptions): Promise<Kong> {
  return STARTERS[kongTarget](options);
}
