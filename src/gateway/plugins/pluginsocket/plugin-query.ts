import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Fields, RecordField } from '../../../kong/schema-language/field';
import { assertSupported } from '../../../kong/schema-language/supported-schema';
import type { PluginDefinition } from '../../../kong/declarative/plugin-definition';
import type { PluginServerSettings } from './server-settings';

/** The protocol that fails closed. Kong 3.9.3: with MsgPack:1 a plugin server that fails lets requests through. */
const PROTOCOL = 'ProtoBuf:1';
/** Longest that a query command may take, and most that it may print. */
const QUERY_LIMITS = { timeout: 60_000, maxBuffer: 16 * 1024 * 1024 };

/** What a plugin server says about its plugin. */
export interface ExternalPlugin extends PluginDefinition {
  readonly version: string;
  readonly phases: readonly string[];
}

/** A plugin server that cannot be used; the message says which one and why. */
export class PluginServerError extends Error {
  override readonly name = 'PluginServerError';
}

/**
 * Runs the query command, as Kong does before it starts, and returns the plugin that it describes. Only the first
 * plugin counts (Kong ≥ 3.9).
 *
 * @throws {@link PluginServerError}
 */
export async function queryPlugin(settings: PluginServerSettings): Promise<ExternalPlugin> {
  const refuse = (reason: string): never => {
    throw new PluginServerError(`pluginserver ${settings.name}: the query command ${reason}: ${settings.queryCommand}`);
  };
  const { stdout } = await promisify(execFile)('/bin/sh', ['-c', settings.queryCommand], QUERY_LIMITS).catch(
    (error: unknown) => refuse(`failed (${lastLine(error)})`),
  );
  const dump = parse(stdout) ?? refuse('did not print JSON, and nothing but JSON');
  if (Array.isArray(dump) || dump['Protocol'] !== PROTOCOL) {
    refuse(`does not speak ${PROTOCOL}; with another protocol Kong lets requests through when the plugin fails`);
  }
  const [plugin] = Array.isArray(dump['Plugins']) ? (dump['Plugins'] as unknown[]) : [];
  return isMap(plugin) ? describe(plugin, refuse) : refuse('describes no plugin');
}

function describe(plugin: Readonly<Record<string, unknown>>, refuse: (reason: string) => never): ExternalPlugin {
  const { Name: name, Version: version, Priority: priority, Phases: phases, Schema: schema } = plugin;
  if (typeof name !== 'string' || typeof priority !== 'number' || !isMap(schema) || !Array.isArray(schema['fields'])) {
    return refuse('describes its plugin without a name, a priority or a schema');
  }
  const ownPhases = Array.isArray(phases) ? phases.filter((phase) => typeof phase === 'string') : [];
  const other = ownPhases.find((phase) => phase !== 'access');
  if (other !== undefined) refuse(`has a phase '${other}': the development gateway runs 'access' only; use Kong`);
  const described: RecordField = {
    type: 'record',
    fields: schema['fields'] as Fields,
    entity_checks: (schema['entity_checks'] ?? []) as NonNullable<RecordField['entity_checks']>,
  };
  try {
    assertSupported(described, name);
  } catch (error) {
    return refuse(`prints a schema that cannot be checked (${(error as Error).message})`);
  }
  return {
    name,
    priority,
    version: typeof version === 'string' ? version : '',
    phases: ownPhases,
    schema: described,
  };
}

function parse(text: string): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' ? (value as Readonly<Record<string, unknown>> | null) : null;
  } catch {
    return null;
  }
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function lastLine(error: unknown): string {
  const { stderr, message } = error as { readonly stderr?: string; readonly message: string };
  const lines = `${message.split('\n')[0] ?? ''}\n${stderr ?? ''}`.trim().split('\n');
  return lines.at(-1) ?? '';
}
