import type { PluginEntry } from '../../kong/declarative/entities';
import type { PluginDefinition } from '../../kong/declarative/plugin-definition';
import type { Exchange, ResponseHead } from '../exchange/exchange';
import type { ExchangeRecord } from '../exchange/exchange-record';
import type { LocalResponse } from '../http/local-response';
import type { PdkHost } from '../pdk/handlers';
import type { Counters } from './bundled/counters';

/** What configured plugins need besides the request. */
export interface PluginHost extends PdkHost {
  /** Unix time in milliseconds. */
  readonly now: () => number;
  /** Counts that outlive a reload. */
  readonly counters: Counters;
}

/** A kind of plugin that runs in this gateway. */
export interface PluginKind extends PluginDefinition {
  /** Returns what one entry of the configuration, which was checked, does with requests. */
  configure(entry: PluginEntry, host: PluginHost): ConfiguredPlugin;
}

/** What one configured plugin does with requests, phase by phase. */
export interface ConfiguredPlugin {
  /** Kong's access phase. Returns the response that ends the request, `null` to let it go on. An error means 500. */
  access?(exchange: Exchange): Promise<LocalResponse | null> | LocalResponse | null;
  /** Kong's header_filter phase: may change the head of any response, also of those that the gateway gives itself. */
  headerFilter?(exchange: Exchange, response: ResponseHead): void;
  /** Kong's log phase, after the response was sent. */
  log?(record: ExchangeRecord): void;
  /** Gets ready without a request, when it takes over from an older configuration. Never rejects. */
  start?(): Promise<void>;
  /** Called once no request uses it any more. Never rejects. */
  close?(): Promise<void>;
}
