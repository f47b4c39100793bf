import { namedFields, type Field } from '../schema-language/field';
import type { Violation } from '../schema-language/violation';

/** Where vault references are looked up: the environment, as in Kong's `env` vault. */
export type Environment = Readonly<Record<string, string | undefined>>;

const REFERENCE = /^\{vault:\/\/(?<vault>[^/]+)\/(?<name>[^/?]+)(?:\/(?<key>[^/?]+))?(?:\?.*)?\}$/;

/**
 * Returns a valid configuration with its `{vault://env/…}` references replaced, as Kong hands it to plugins: nothing
 * that is not set is in it, and `$refs` holds what was replaced. As in Kong, a variable that is not set becomes an
 * empty string, which the plugin refuses; other vaults are a violation.
 *
 * Kong 3.9.3: `{vault://env/my-secret}` is the variable MY_SECRET; `{vault://env/my-secret/member}` a member of the
 * JSON object that it holds.
 */
export function resolveConfig(
  field: Field,
  value: unknown,
  path: string,
  environment: Environment,
  violations: Violation[],
): unknown {
  if (field.type === 'record') {
    const record: Record<string, unknown> = {};
    const references: Record<string, unknown> = {};
    for (const [name, member] of namedFields(field.fields)) {
      const given = (value as Readonly<Record<string, unknown>>)[name] ?? null;
      if (given === null) continue;
      record[name] = resolveConfig(member, given, `${path}.${name}`, environment, violations);
      if (record[name] !== given && member.type === 'string') references[name] = given;
    }
    return Object.keys(references).length === 0 ? record : { ...record, $refs: references };
  }
  if (field.type === 'array' || field.type === 'set') {
    return (value as readonly unknown[]).map((item, i) =>
      resolveConfig(field.elements, item, `${path}[${i + 1}]`, environment, violations),
    );
  }
  if (field.type === 'map') {
    const members = Object.entries(value as Readonly<Record<string, unknown>>);
    return Object.fromEntries(
      members.map(([name, item]) => [
        name,
        resolveConfig(field.values, item, `${path}.${name}`, environment, violations),
      ]),
    );
  }
  if (field.type !== 'string' || field.referenceable !== true) return value;
  return resolve(value as string, path, environment, violations);
}

function resolve(text: string, path: string, environment: Environment, violations: Violation[]): string {
  const { vault, name, key } = REFERENCE.exec(text)?.groups ?? {};
  if (name === undefined) return text;
  if (vault !== 'env') {
    violations.push({
      field: path,
      message: `vault '${vault ?? ''}': the development gateway only has the vault 'env'`,
    });
    return text;
  }
  const value = environment[name.toUpperCase().replaceAll('-', '_')] ?? '';
  return key === undefined ? value : memberOf(value, key);
}

function memberOf(json: string, key: string): string {
  try {
    const member: unknown = (JSON.parse(json) as Readonly<Record<string, unknown>> | null)?.[key];
    return typeof member === 'string' ? member : '';
  } catch {
    return '';
  }
}
