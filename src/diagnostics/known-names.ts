import { CONFIG_RECORD } from '../../schema/parse-config';
import { CONSUMER, FILE, PLUGIN, ROUTE, SERVICE } from '../kong/declarative/entity-schemas';
import { namedFields, type Field, type RecordField } from '../kong/schema-language/field';
import { suggestion } from './suggestion';

const LISTS = ['services', 'routes', 'plugins', 'consumers', 'acls', 'keyauth_credentials'];

/** What stands in an entity besides what its schema says. */
const ENTITIES: Readonly<Record<string, readonly [schema: RecordField, others: readonly string[]]>> = {
  services: [SERVICE, ['url', 'routes', 'plugins']],
  routes: [ROUTE, ['service', 'plugins']],
  plugins: [PLUGIN, ['config', 'route', 'service', 'consumer']],
  consumers: [CONSUMER, ['plugins', 'acls', 'keyauth_credentials']],
};

/**
 * Returns the names that may stand where a field stands, such as those of an issuer for
 * `services[1].plugins[1].config.issuers[2].isuer`.
 */
function knownNames(path: string): readonly string[] {
  const steps = path.split('.').map((step) => step.replace(/\[\d+\]/g, ''));
  const holders = steps.slice(0, -1);
  const config = holders.indexOf('config');
  if (config >= 0) return membersAt(CONFIG_RECORD, holders.slice(config + 1));
  const kind = holders.findLast((step) => ENTITIES[step] !== undefined);
  const [schema, others] = ENTITIES[kind ?? ''] ?? [FILE, LISTS];
  return [...namesOf(schema), ...others];
}

/** Returns the message about a field, with the name that was probably meant instead of an unknown one. */
export function withSuggestion(field: string, message: string): string {
  if (message !== 'unknown field') return message;
  const meant = suggestion(field.slice(field.lastIndexOf('.') + 1), knownNames(field));
  return meant === undefined ? message : `${message}; did you mean \`${meant}\`?`;
}

function membersAt(record: RecordField, steps: readonly string[]): readonly string[] {
  let field: Field | undefined = record;
  for (const step of steps) {
    const inner: Field | undefined = itemOf(field);
    field = inner?.type === 'record' ? Object.fromEntries(namedFields(inner.fields))[step] : undefined;
  }
  const found = itemOf(field);
  return found?.type === 'record' ? namesOf(found) : [];
}

function itemOf(field: Field | undefined): Field | undefined {
  return field?.type === 'array' || field?.type === 'set' ? field.elements : field;
}

function namesOf({ fields }: RecordField): string[] {
  return namedFields(fields).map(([name]) => name);
}
