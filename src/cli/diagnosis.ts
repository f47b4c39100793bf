import { readFileSync } from 'node:fs';
import { generateKeyPairSync } from 'node:crypto';
import { ConfigError } from '../../schema/config-error';
import type { SigningKey } from '../core/identity/signing-key';
import type { Finding } from '../diagnostics/finding';
import { diagnoseKongFile } from '../diagnostics/kong-file';
import { createGatekeepers } from '../gatekeeper/gatekeeper';
import { bundledPlugins } from '../gateway/plugins/bundled/bundled-plugins';
import type { Violation } from '../kong/schema-language/violation';
import { CommandFailure } from './command-failure';

/** Something else signs, and nobody sees it: the gateway's own keys are on another machine. */
export const stagedSigningKey = (): SigningKey => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return { alg: 'ES256', kid: 'staged', key: privateKey };
};

/** Returns what is wrong with the text of a kong.yml, its entries opened as the plugin opens them. */
export function diagnose(text: string, environment: NodeJS.ProcessEnv = process.env, overlaps = true): Finding[] {
  const openGatekeeper = createGatekeepers({ log: () => undefined });
  const door = { signingKeys: stagedSigningKey, isKong: true, knowsUpstreamPath: true };
  const tryConfig = (config: unknown): readonly Violation[] => {
    try {
      openGatekeeper(config, door);
      return [];
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const message = error.message.slice(error.field.length + 2);
      return [{ field: withPosition(error.field, message, config), message }];
    }
  };
  return diagnoseKongFile(text, { plugins: bundledPlugins, environment, overlaps, tryConfig });
}

/** Whoever opens the keys of an issuer knows its name, which the message ends with, and not its place in the list. */
function withPosition(field: string, message: string, config: unknown): string {
  const issuers = (config as { readonly issuers?: readonly { readonly issuer?: unknown }[] }).issuers ?? [];
  const index = issuers.findIndex(({ issuer }) => message.endsWith(`(issuer ${String(issuer)})`));
  return index < 0 ? field : field.replace(/^config\.issuers\./, `config.issuers[${index + 1}].`);
}

/** One line about a finding: `FILE:LINE:COLUMN: error: FIELD: MESSAGE (route orders, global)`. */
export function findingLine(file: string, finding: Finding): string {
  return `${file}:${finding.line}:${finding.column}: ${finding.severity}: ${findingText(finding)}`;
}

/** The same without place and severity. */
export function findingText({ field, message, concerns }: Finding): string {
  const what = field === '' ? message : `${field}: ${message}`;
  const where = concerns.length === 0 ? '' : ` (${someOf(concerns)})`;
  return `${what}${where}`;
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

/** What is said of a file that cannot be read. */
export function unreadable(file: string, error: unknown): CommandFailure {
  const { code = 'unknown error' } = error as NodeJS.ErrnoException;
  const reason = code === 'EISDIR' ? 'is a folder; a file is needed' : `cannot be read (${code})`;
  return new CommandFailure(`${file}: ${reason}`);
}
