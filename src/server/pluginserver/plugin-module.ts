import { resolve } from 'node:path';

/** Phases that Kong can call, in kong-pdk's list. */
const PHASES = ['certificate', 'rewrite', 'log', 'access', 'preread', 'response'] as const;

/** One configured plugin. Its methods are the phases. */
export type PluginInstance = Readonly<Record<string, unknown>>;

/** A plugin as its module describes it, checked. */
export interface PluginModule {
  readonly name: string;
  readonly version: string;
  readonly priority: number;
  readonly phases: readonly string[];
  /** Fields of `config` in Kong's schema language. */
  readonly configFields: readonly unknown[];
  /** Data-only checks across those fields, if the module has any. */
  readonly entityChecks: readonly unknown[] | undefined;
  /** @throws whatever the plugin's constructor throws for a configuration that it does not accept. */
  instantiate(config: unknown): PluginInstance;
}

/** What a query command prints for Kong. */
export interface PluginDump {
  readonly Protocol: 'ProtoBuf:1';
  readonly Plugins: readonly object[];
}

/** A module that cannot be served as a plugin; the message says what is wrong with which path. */
export class PluginModuleError extends Error {
  override readonly name = 'PluginModuleError';
}

/**
 * Loads the plugin at `path`: a module with `Plugin`, `Name`, `Version`, `Priority` and `Schema`, as kong-pdk's loader
 * takes it, and optionally `EntityChecks`.
 *
 * @throws {@link PluginModuleError} when there is no such module or one of its exports is unusable
 */
export function loadPlugin(path: string): PluginModule {
  const exported = requirePlugin(resolve(path));
  const { Plugin, Name, Version, Priority, Schema, EntityChecks } = exported;
  const check = (isRight: boolean, problem: string): void => {
    if (!isRight) throw new PluginModuleError(`${path}: ${problem}`);
  };
  check(typeof Plugin === 'function', 'exports no class "Plugin"');
  check(typeof Name === 'string' && /^[a-z0-9][a-z0-9_-]*$/.test(Name), 'exports no "Name" in lower case');
  check(typeof Version === 'string', 'exports no text "Version"');
  check(Number.isSafeInteger(Priority), 'exports no integer "Priority"');
  check(Array.isArray(Schema), 'exports no list "Schema"');
  check(EntityChecks === undefined || Array.isArray(EntityChecks), 'exports "EntityChecks" that are no list');
  const constructor = Plugin as new (config: unknown) => PluginInstance;
  const prototype = constructor.prototype as Record<string, unknown>;
  const phases = PHASES.filter((phase) => typeof prototype[phase] === 'function');
  check(phases.length > 0, `"Plugin" has no method for any of the phases ${PHASES.join(', ')}`);
  return {
    name: Name as string,
    version: Version as string,
    priority: Priority as number,
    phases,
    configFields: Schema as unknown[],
    entityChecks: EntityChecks as unknown[] | undefined,
    instantiate: (config) => new constructor(config),
  };
}

/** Returns what Kong wants to know of a plugin before it starts. Kong 3.9.3 reads the first plugin only. */
export function describePlugin(plugin: PluginModule): PluginDump {
  const config = {
    type: 'record',
    fields: plugin.configFields,
    ...(plugin.entityChecks !== undefined && { entity_checks: plugin.entityChecks }),
  };
  return {
    Protocol: 'ProtoBuf:1',
    Plugins: [
      {
        Name: plugin.name,
        Version: plugin.version,
        Priority: plugin.priority,
        Phases: plugin.phases,
        Schema: { name: plugin.name, fields: [{ config }] },
      },
    ],
  };
}

function requirePlugin(path: string): Record<string, unknown> {
  let file: string;
  try {
    file = require.resolve(path);
  } catch {
    throw new PluginModuleError(`${path}: there is no module here`);
  }
  try {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- which module it is, is known at run time only
    return require(file) as Record<string, unknown>;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message.split('\n', 1)[0] : String(cause);
    throw new PluginModuleError(`${path}: cannot be loaded: ${reason ?? 'unknown error'}`, { cause });
  }
}
