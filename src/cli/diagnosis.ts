import { readFileSync } from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';
import { ConfigError } from '../../schema/config-error';
import type { SigningKey } from '../core/identity/signing-key';
import type { Finding, Trial } from '../diagnostics/finding';
import type { Inspection } from '../diagnostics/inspection';
import { inspectKongFile } from '../diagnostics/kong-file';
import { inspectPoliciesFile, isPoliciesFile } from '../diagnostics/policies-file';
import { createGatekeepers } from '../gatekeeper/gatekeeper';
import { bundledPlugins } from '../gateway/plugins/bundled/bundled-plugins';
import type { Violation } from '../kong/schema-language/violation';
import { escapeControls } from '../telemetry/log';
import { CommandFailure } from './command-failure';

/** Stands in for the gateway's own keys, which are on another machine. Nothing that it signs is sent. */
export const stagedSigningKey = (): SigningKey => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { alg: 'ES256', kid: 'staged', key: privateKey };
};

/** What a file is: declarative configuration of Kong, or policies for `authz`. */
export const FILE_FORMATS = ['kong', 'policies'] as const;
/** One of {@link FILE_FORMATS}. */
export type FileFormat = (typeof FILE_FORMATS)[number];

/** How a file is looked at. */
export interface InspectionSettings {
  /** Without it, what is in the file decides. */
  readonly format?: FileFormat | undefined;
  readonly environment?: NodeJS.ProcessEnv;
  /** Whether open routes that take requests of guarded ones are looked for. */
  readonly overlaps?: boolean;
  /** Opens a configuration as it will be used, and returns what is doubtful about it. @throws ConfigError */
  readonly open?: (config: unknown) => readonly Violation[];
}

/** Looks at the text of a kong.yml or a policies.yml; its entries are opened as the plugin or `authz` opens them. */
export function inspect(text: string, settings: InspectionSettings = {}): Inspection {
  const { format, environment = process.env, overlaps = true } = settings;
  const isPolicies = format === undefined ? isPoliciesFile(text) : format === 'policies';
  const { open = opener(!isPolicies) } = settings;
  const tryConfig = (config: unknown): Trial => {
    const placed = ({ field, message }: Violation): Violation => ({
      field: withPosition(field, message, config),
      message,
    });
    try {
      return { errors: [], warnings: open(config).map(placed) };
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const { field, message } = error;
      return { errors: [placed({ field, message: message.slice(field.length + 2) })], warnings: [] };
    }
  };
  const inspectFile = isPolicies ? inspectPoliciesFile : inspectKongFile;
  return inspectFile(text, { plugins: bundledPlugins, environment, overlaps, tryConfig });
}

/** Returns what is wrong with a file ({@link inspect}). */
export function diagnose(text: string, environment: NodeJS.ProcessEnv = process.env, overlaps = true): Finding[] {
  return inspect(text, { environment, overlaps }).findings();
}

function opener(isKong: boolean): (config: unknown) => readonly Violation[] {
  let doubts: Violation[] = [];
  const openGatekeeper = createGatekeepers({
    log: () => undefined,
    onDoubt: (field, message) => doubts.push({ field, message }),
  });
  const door = { signingKeys: stagedSigningKey, isKong, knowsUpstreamPath: isKong };
  return (config) => {
    doubts = [];
    openGatekeeper(config, door);
    return doubts;
  };
}

/** A message about the keys of an issuer ends with its name. Its position in the list is added here. */
function withPosition(field: string, message: string, config: unknown): string {
  const issuers = (config as { readonly issuers?: readonly { readonly issuer?: unknown }[] }).issuers ?? [];
  const index = issuers.findIndex(({ issuer }) => message.endsWith(`(issuer ${String(issuer)})`));
  return index < 0 ? field : field.replace(/^config\.issuers\./, `config.issuers[${index + 1}].`);
}

/** One line about a finding: `FILE:LINE:COLUMN: error: FIELD: MESSAGE (route orders, global)`. */
export function findingLine(file: string, finding: Finding): string {
  return `${placeOf(file, finding)}: ${finding.severity}: ${findingText(finding)}`;
}

/** The same without the severity, for a log that has its own. */
export function findingLogLine(file: string, finding: Finding): string {
  return `${placeOf(file, finding)}: ${findingText(finding)}`;
}

function placeOf(file: string, { line, column }: Finding): string {
  return `${file}:${line}:${column}`;
}

function findingText({ field, message, concerns }: Finding): string {
  const what = field === '' ? message : `${field}: ${message}`;
  const where = concerns.length === 0 ? '' : ` (${someOf(concerns)})`;
  // Names are the file's own words, and any text may be one.
  return escapeControls(`${what}${where}`);
}

/** More names than this are counted. */
const MAX_NAMES = 5;

function someOf(names: readonly string[]): string {
  const more = names.length - MAX_NAMES;
  return more <= 0 ? names.join(', ') : `${names.slice(0, MAX_NAMES).join(', ')} and ${more} more`;
}

/** Reads a file that a command was given; `-` is stdin. @throws CommandFailure that names the file */
export function readTextFile(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (error) {
    throw unreadable(file, error);
  }
}

/** The message about a file that cannot be read. */
export function unreadable(file: string, error: unknown): CommandFailure {
  const { code = 'unknown error' } = error as NodeJS.ErrnoException;
  const reason = code === 'EISDIR' ? 'is a folder; a file is needed' : `cannot be read (${code})`;
  return new CommandFailure(`${file}: ${reason}`);
}
