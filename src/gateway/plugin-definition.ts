import type { RecordField } from '../../schema/kong-schema';
import type { Violation } from '../../schema/validate';
import type { PluginEntry } from './declarative/entities';
import type { Exchange, ResponseHead } from './exchange';
import type { ExchangeRecord } from './exchange-record';
import type { LocalResponse } from './http/local-response';
import type { PdkHost } from './pdk/handlers';
import type { Counters } from './bundled/counters';

/** What Kong knows of a kind of plugin before it is configured. */
export interface PluginDefinition {
  readonly name: string;
  /** The highest runs first. */
  readonly priority: number;
  /** A record with the one member `config`, as plugins describe themselves to Kong, with rules across its fields. */
  readonly schema: RecordField;
  /** Whether Kong refuses to bind it to a consumer. */
  readonly refusesConsumer?: boolean;
  /** Returns what is wrong with a configuration beyond what a schema can say. */
  violations?(config: Readonly<Record<string, unknown>>): readonly Violation[];
}

/** Finds a kind of plugin by its name. */
export type FindPlugin = (name: string) => PluginDefinition | undefined;

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
