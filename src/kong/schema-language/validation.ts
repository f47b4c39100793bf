import { failedChecks } from './entity-checks';
import { brokenConstraint } from './field-constraints';
import { namedFields, type Field, type RecordField } from './field';
import { assertSupported } from './supported-schema';
import type { Violation } from './violation';

/**
 * Whose text is validated.
 *
 * `user`: what someone wrote into kong.yml. As in Kong, a field that the schema does not know is refused, so is an
 * explicit null for a required field, and a vault reference in a `referenceable` field is taken on trust.
 *
 * `kong`: what Kong 3.9.3 hands to a plugin server. Kong has refused unknown fields already and added members of its
 * own (`__key__`, `route_id` … at the top, `$refs` at every level); null means "not set"; references are resolved, and
 * one that could not be is an empty string, which is refused here.
 */
export type Author = 'user' | 'kong';

/** A record with defaults applied and every member present, `null` when not set. Only usable without violations. */
export interface Validated {
  readonly value: Readonly<Record<string, unknown>>;
  readonly violations: readonly Violation[];
}

/**
 * Checks `value` against a schema in Kong's language, taken as data: the fields of this plugin, or what a plugin server
 * dumped. Finds every violation and says it in Kong's words. Throws an `Error` when the schema itself uses a word that
 * is not known here: a constraint that is left out would accept what Kong refuses.
 *
 * @param path - how violations call the record, such as `config`
 * @see Kong 3.9.3: kong/db/schema/init.lua
 */
export function validate(schema: RecordField, value: unknown, path: string, author: Author): Validated {
  assertSupported(schema, path);
  const violations: Violation[] = [];
  const accepted = accept({ ...schema, required: true }, value, path, { author, violations, top: path });
  return { value: isTable(accepted) ? accepted : {}, violations };
}

/** Kong 3.9.3: a member of this name may stand in any record, with any value, and means nothing. */
const UNVALIDATED = 'updated_at';

interface Run {
  readonly author: Author;
  /** What was found so far. */
  readonly violations: Violation[];
  /** The path at which Kong adds members of its own. */
  readonly top: string;
}

/** Returns a value with defaults applied, and adds what is wrong with it to the violations. */
function accept(field: Field, given: unknown, path: string, run: Run): unknown {
  const value = given === undefined || (given === null && run.author === 'kong') ? defaultOf(field) : given;
  const message = value === null ? nullProblem(field) : formProblem(field, value, run.author);
  if (message !== null) run.violations.push({ field: path, message });
  if (message !== null || value === null || isReference(field, value)) return value;
  const found = run.violations.length;
  const accepted = acceptMembers(field, value, path, run);
  // Kong 3.9.3, `validate_field`: a value of which a member is wrong is not looked at any further.
  if (run.violations.length > found) return accepted;
  const broken = brokenConstraint(field, accepted);
  if (broken !== null) run.violations.push({ field: path, message: broken });
  return accepted;
}

/** Kong 3.9.3, `handle_missing_field`: a required record without a default is made of its members' defaults. */
function defaultOf(field: Field): unknown {
  if (field.default !== undefined) return field.default;
  return field.type === 'record' && isRequired(field) ? {} : null;
}

/** Kong 3.9.3, kong/db/schema/entity.lua: a record that does not say so is required. */
function isRequired({ type, required = type === 'record' }: Field): boolean {
  return required;
}

function nullProblem(field: Field): string | null {
  if (field.type === 'boolean' && field.eq !== undefined) return `value must be ${field.eq}`;
  return isRequired(field) ? 'required field missing' : null;
}

function formProblem(field: Field, value: unknown, author: Author): string | null {
  if (author === 'kong' && isReference(field, value)) return 'holds a vault reference that Kong did not resolve';
  if (author === 'kong' && isReferenceable(field) && value === '') {
    return 'is empty, as a vault reference is that Kong could not resolve';
  }
  if (hasType(field, value)) return null;
  return `expected ${['array', 'integer'].includes(field.type) ? 'an' : 'a'} ${field.type}`;
}

function hasType({ type }: Field, value: unknown): boolean {
  switch (type) {
    case 'string':
    case 'boolean':
      return typeof value === type;
    case 'number':
      return Number.isFinite(value);
    case 'integer':
      return Number.isInteger(value);
    case 'array':
    case 'set':
      return Array.isArray(value) || isEmptyTable(value);
    case 'map':
    case 'record':
      return isTable(value) || isEmptyTable(value);
    case 'any':
      return true;
  }
}

function acceptMembers(field: Field, value: unknown, path: string, run: Run): unknown {
  if (field.type === 'array' || field.type === 'set') {
    const element: Field = { ...field.elements, required: true };
    const given: readonly unknown[] = Array.isArray(value) ? value : [];
    const items = given.map((item, i) => accept(element, item, `${path}[${i + 1}]`, run));
    return field.type === 'set' ? [...new Set(items)] : items;
  }
  if (field.type === 'map') {
    const element: Field = { ...field.values, required: true };
    const given = Object.entries(value as Readonly<Record<string, unknown>>);
    given.forEach(([key]) => accept(field.keys, key, `${path}.${key}`, run));
    return Object.fromEntries(given.map(([key, item]) => [key, accept(element, item, `${path}.${key}`, run)]));
  }
  return field.type === 'record' ? acceptRecord(field, value as Readonly<Record<string, unknown>>, path, run) : value;
}

function acceptRecord(schema: RecordField, given: Readonly<Record<string, unknown>>, path: string, run: Run): unknown {
  const fields = namedFields(schema.fields);
  const known = new Set(fields.map(([name]) => name));
  for (const name of Object.keys(given)) {
    if (name !== UNVALIDATED && !known.has(name) && !isKongsOwn(name, path, run)) {
      run.violations.push({ field: `${path}.${name}`, message: 'unknown field' });
    }
  }
  const open = new Set<string>();
  const record: Record<string, unknown> = {};
  for (const [name, field] of fields) {
    const found = run.violations.length;
    record[name] = accept(field, Object.hasOwn(given, name) ? given[name] : undefined, `${path}.${name}`, run);
    if (run.violations.length > found || isReference(field, record[name])) open.add(name);
  }
  run.violations.push(...failedChecks(schema, record, path, { problem, isOpen: (name) => open.has(name) }));
  return record;
}

/** What is wrong with a value that has its defaults already. */
function problem(field: Field, value: unknown): string | null {
  const violations: Violation[] = [];
  accept(field, value, '', { author: 'user', violations, top: '' });
  return violations[0]?.message ?? null;
}

function isKongsOwn(name: string, path: string, { author, top }: Run): boolean {
  return author === 'kong' && (path === top || name.startsWith('$') || name.startsWith('__'));
}

function isReferenceable(field: Field): boolean {
  return field.type === 'string' && field.referenceable === true;
}

/** Kong 3.9.3, `is_reference`. */
function isReference(field: Field, value: unknown): boolean {
  return isReferenceable(field) && typeof value === 'string' && value.startsWith('{vault://') && value.endsWith('}');
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An empty Lua table is a list and a record at once, and arrives as `{}` or `[]`. */
function isEmptyTable(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
