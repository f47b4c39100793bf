import type { RecordField } from '../../schema/kong-schema';

/** What Kong knows of a kind of plugin before it is configured. */
export interface PluginDefinition {
  readonly name: string;
  /** The highest runs first. */
  readonly priority: number;
  /** A record with the one member `config`, as plugins describe themselves to Kong, with rules across its fields. */
  readonly schema: RecordField;
}

/** Finds a kind of plugin by its name. */
export type FindPlugin = (name: string) => PluginDefinition | undefined;
