import type { RecordField } from '../schema-language/field';
import type { Violation } from '../schema-language/violation';

/** What Kong knows of a kind of plugin before it is configured. */
export interface PluginDefinition {
  readonly name: string;
  /** The highest runs first. */
  readonly priority: number;
  /** A record with the one member `config`, as plugins describe themselves to Kong, with rules across its fields. */
  readonly schema: RecordField;
  /** The protocols of routes that it can be configured for; all when left out. */
  readonly protocols?: readonly string[];
  /** Whether Kong refuses to bind it to a consumer. */
  readonly refusesConsumer?: boolean;
  /** Returns what is wrong with a configuration beyond what a schema can say. */
  violations?(config: Readonly<Record<string, unknown>>): readonly Violation[];
}

/** Finds a kind of plugin by its name. */
export type FindPlugin = (name: string) => PluginDefinition | undefined;
