import { ConfigurationError } from '../kong/declarative/configuration-error';
import type { PluginDefinition } from '../kong/declarative/plugin-definition';
import type { Environment } from '../kong/declarative/vault';
import type { Position } from '../kong/declarative/yaml-positions';
import type { Violation } from '../kong/schema-language/violation';

/** Something that a load of the file would refuse, or that is accepted and probably not meant. */
export type Severity = 'error' | 'warning';

/** One thing that is wrong with a file. */
export interface Finding extends Position {
  readonly severity: Severity;
  /** The field in Kong's names, for an entry of the plugin from `config` on; empty for the file itself. */
  readonly field: string;
  /** What is wrong and, where it is known, what to do about it. Never holds a secret's value. */
  readonly message: string;
  /** What it concerns, in the words of the file: `route orders`, `service shop`, `global`. */
  readonly concerns: readonly string[];
}

/** What a diagnosis depends on besides the file. */
export interface DiagnosisOptions {
  /** Plugins whose configuration can be checked; that of others is left to Kong. */
  readonly plugins: readonly PluginDefinition[];
  readonly environment: Environment;
  /** Whether open routes that take requests of guarded ones are looked for. */
  readonly overlaps: boolean;
  /** Returns what shows only when a configuration is put to work, such as keys of no use. */
  readonly tryConfig: (config: unknown) => Trial;
}

/** What came out when a configuration was put to work. */
export interface Trial {
  /** Why it cannot be used. */
  readonly errors: readonly Violation[];
  readonly warnings: readonly Violation[];
}

/** Adds a finding about what a path leads to. */
export type Report = (severity: Severity, path: string, message: string) => void;

/** What is wrong with a file that cannot be read as YAML. @throws the error, when it says something else */
export function unreadableFile(error: unknown): Finding[] {
  if (!(error instanceof ConfigurationError)) throw error;
  return error.violations.map(({ message, position = { line: 1, column: 1 } }) => ({
    severity: 'error',
    field: '',
    message,
    concerns: [],
    ...position,
  }));
}

/**
 * Returns findings once each, in the order of the file: one that stands in an anchor is one, however many entries use
 * it.
 */
export function mergedFindings(findings: readonly Finding[]): Finding[] {
  const merged = new Map<string, Finding>();
  for (const finding of findings) {
    const { severity, line, column, message, concerns } = finding;
    const key = JSON.stringify([severity, line, column, message]);
    const before = merged.get(key);
    merged.set(key, before === undefined ? finding : { ...before, concerns: union(before.concerns, concerns) });
  }
  return [...merged.values()].sort((a, b) => a.line - b.line || a.column - b.column);
}

function union(some: readonly string[], others: readonly string[]): string[] {
  return [...new Set([...some, ...others])];
}
