import { completeIssuers } from './complete-issuers';
import type { Config, WrittenConfig } from './config';
import { ConfigError } from './config-error';
import { CONFIG_ENTITY_CHECKS, CONFIG_FIELDS } from './fields/config-fields';
import { callerViolations } from './rules/caller-rules';
import { headerViolations } from './rules/header-rules';
import { issuerViolations } from './rules/issuer-rules';
import { revocationViolations } from './rules/revocation-rules';
import { resourceViolations } from './rules/resource-rules';
import { namedFields, type Field, type RecordField } from '../src/kong/schema-language/field';
import { validate } from '../src/kong/schema-language/validation';
import type { Violation } from '../src/kong/schema-language/violation';

/** Name of the plugin in Kong's configuration. */
export const PLUGIN_NAME = 'jwt-identity';

/** The whole configuration as one field of Kong's. */
export const CONFIG_RECORD: RecordField = {
  type: 'record',
  fields: CONFIG_FIELDS,
  entity_checks: CONFIG_ENTITY_CHECKS,
};

/**
 * Returns the configuration that Kong hands over, checked again, with defaults and presets applied, names in camelCase, deeply
 * frozen. Kong has checked some of it, but not after it resolved vault references, and not what its schema language
 * cannot say.
 *
 * It does not load anything: whether keys are usable and files are there is for whoever opens the key sources.
 *
 * @param raw - `config` as Kong 3.9.3 sends it, parsed from JSON; members of Kong's own in it are ignored
 * @throws ConfigError that names every field at fault; `field` is the first of them
 */
export function parseConfig(raw: unknown): Config {
  const { value, violations } = validate(CONFIG_RECORD, raw, 'config', 'kong');
  refuseAny(violations);
  const { config, violations: wrong } = completed(value);
  refuseAny(wrong);
  return config;
}

/** Returns everything for which {@link parseConfig} would throw, one by one. */
export function configViolations(raw: unknown): readonly Violation[] {
  const { value, violations } = validate(CONFIG_RECORD, raw, 'config', 'kong');
  return violations.length > 0 ? violations : completed(value).violations;
}

/** A configuration with presets applied, and what is wrong with it beyond what Kong's schema language can say. */
function completed(value: unknown): { readonly config: Config; readonly violations: readonly Violation[] } {
  // The one place where Kong's names become ours. The schema that was enforced is the one the type is inferred from.
  const written = inCamelCase(CONFIG_RECORD, value) as WrittenConfig;
  const { issuers, violations: incomplete } = completeIssuers(written);
  const config: Config = Object.freeze({ ...written, issuers });
  if (incomplete.length > 0) return { config, violations: incomplete };
  return {
    config,
    violations: [
      ...issuerViolations(issuers),
      ...callerViolations(config),
      ...revocationViolations(config),
      ...headerViolations(config),
      ...resourceViolations(config),
    ],
  };
}

function refuseAny([first, ...others]: readonly Violation[]): void {
  if (first === undefined) return;
  const reasons = [first.message, ...others.map(({ field, message }) => `${field}: ${message}`)];
  throw new ConfigError(first.field, reasons.join('; '));
}

function inCamelCase(field: Field, value: unknown): unknown {
  if (field.type === 'array' && Array.isArray(value)) {
    return Object.freeze(value.map((item) => inCamelCase(field.elements, item)));
  }
  if (field.type !== 'record' || value === null) return value;
  const members = value as Readonly<Record<string, unknown>>;
  const entries = namedFields(field.fields);
  return Object.freeze(
    Object.fromEntries(entries.map(([name, member]) => [camelCase(name), inCamelCase(member, members[name])])),
  );
}

function camelCase(name: string): string {
  return name.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
}
