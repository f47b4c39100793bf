import { generateKeyPairSync } from 'node:crypto';
import type { Config } from '../../schema/config';
import { CONFIG_RECORD, configViolations, parseConfig } from '../../schema/parse-config';
import { configWarnings } from '../../schema/rules/config-warnings';
import { isMap, type Given } from '../kong/declarative/entity-reader';
import { resolveConfig } from '../kong/declarative/vault';
import { validate } from '../kong/schema-language/validation';
import type { Violation } from '../kong/schema-language/violation';
import type { DiagnosisOptions, Report } from './finding';
import type { PlacedEntry } from './placed-entries';

/** An entry whose configuration can be used. */
export interface CheckedEntry extends PlacedEntry {
  readonly config: Config;
}

/** Returns what Kong's schema language cannot say about a configuration that it accepts. For vault references, nothing. */
export function entryViolations(config: Given): readonly Violation[] {
  return knownViolations(config);
}

/** Reports what is wrong with an entry that Kong accepts; returns it unless it cannot be used. */
export function entryFindings(
  entry: PlacedEntry,
  { environment, tryConfig }: DiagnosisOptions,
  report: Report,
): CheckedEntry[] {
  const at = (field: string): string => `${entry.path}.${field}`;
  const given = isMap(entry.given['config']) ? entry.given['config'] : {};
  const { value } = validate(CONFIG_RECORD, given, 'config', 'user');
  const resolved = resolveConfig(CONFIG_RECORD, value, 'config', environment, []) as Given;
  const known = withReferences(resolved, value);
  const { config, replaced } = withStandIns(known);
  // A configuration with stand-ins in it is not put to work: only Kong knows the real values.
  const { errors, warnings } =
    replaced.size === 0 ? tryConfig(config) : { errors: knownViolations(known), warnings: [] };
  for (const { field, message } of errors) report('error', at(field), message);
  if (errors.length > 0 || configViolations(config).length > 0) return [];
  const parsed = parseConfig(config);
  const doubts = [...warnings, ...configWarnings(parsed), ...writtenSecrets(given), ...examples(parsed)];
  for (const { field, message } of doubts) report('warning', at(field), message);
  return [{ ...entry, config: parsed }];
}

/** Puts a vault reference back where the environment has no value for it, and leaves out what only Kong reads. */
function withReferences(resolved: Given, written: Readonly<Record<string, unknown>>): Given {
  const restored = (value: unknown, before: unknown): unknown => {
    if (value === '' && isReference(before)) return before;
    if (Array.isArray(value))
      return value.map((item: unknown, i) => restored(item, Array.isArray(before) ? before[i] : null));
    if (!isMap(value)) return value;
    const members = Object.entries(value).filter(([name]) => name !== '$refs');
    return Object.fromEntries(
      members.map(([name, member]) => [name, restored(member, isMap(before) ? before[name] : null)]),
    );
  };
  return restored(resolved, written) as Given;
}

/** Stands for a proxy that only a vault knows. Nothing can be asked through it. */
export const UNKNOWN_PROXY = 'https://proxy.invalid';

/** Values for vault references that cannot be looked up here: any that the rules accept. */
const STAND_INS: Readonly<Record<string, () => string>> = {
  secret: () => 'not the secret, which is in a vault and not looked up here; long enough',
  jwks: () => '{"keys":[]}',
  public_key: () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    return publicKey.export({ type: 'spki', format: 'pem' }).toString();
  },
  proxy_url: () => UNKNOWN_PROXY,
};

/** A configuration in which each vault reference has another value, and the names of the fields that had one. */
function withStandIns(config: Given): { readonly config: Given; readonly replaced: ReadonlySet<string> } {
  const replaced = new Set<string>();
  const walk = (value: unknown, name: string): unknown => {
    if (Array.isArray(value)) return value.map((item: unknown) => walk(item, name));
    if (isMap(value)) return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, walk(member, key)]));
    if (!isReference(value)) return value;
    replaced.add(name);
    return STAND_INS[name]?.() ?? 'stand-in';
  };
  return { config: walk(config, '') as Given, replaced };
}

/** What is wrong with a configuration, but for the values that only Kong knows. */
function knownViolations(given: Given): readonly Violation[] {
  const { config, replaced } = withStandIns(given);
  return configViolations(config).filter(({ field }) => !replaced.has(field.slice(field.lastIndexOf('.') + 1)));
}

function isReference(value: unknown): boolean {
  return typeof value === 'string' && /^\{vault:\/\/.*\}$/s.test(value);
}

/** Secrets that are in the file itself, for all who may read it. */
function writtenSecrets(config: Given): Violation[] {
  const issuers = Array.isArray(config['issuers']) ? (config['issuers'] as readonly unknown[]) : [];
  return issuers.flatMap((issuer, index) => {
    const secret = isMap(issuer) ? issuer['secret'] : undefined;
    if (typeof secret !== 'string' || isReference(secret)) return [];
    const message =
      'is readable for all who may read this file; a vault reference such as {vault://env/jwt-secret} is not';
    return [{ field: `config.issuers[${index + 1}].secret`, message }];
  });
}

/** RFC 2606 §3: addresses for documents, which lead nowhere. */
const EXAMPLE_HOST = /^https?:\/\/([^/]*\.)?example\.(com|net|org)([:/]|$)/;

function examples({ issuers }: Config): Violation[] {
  return issuers.flatMap(({ issuer, jwksUri }, index) => {
    const message = 'is an example address from the documentation; write that of your provider';
    const field = EXAMPLE_HOST.test(issuer)
      ? 'issuer'
      : jwksUri !== null && EXAMPLE_HOST.test(jwksUri)
        ? 'jwks_uri'
        : null;
    return field === null ? [] : [{ field: `config.issuers[${index + 1}].${field}`, message }];
  });
}
