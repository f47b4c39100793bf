import { ABSOLUTE_PATH, CLAIM, HEADER_NAME } from '../fields/field-patterns';
import { CONFIG_ENTITY_CHECKS, CONFIG_FIELDS } from '../fields/config-fields';
import {
  namedFields,
  type ArrayField,
  type EntityCheck,
  type Field,
  type Fields,
  type RecordField,
} from '../../src/kong/schema-language/field';
import { EXAMPLES } from './examples';

const INTRODUCTION = `# Configuration

<!-- Made from schema/ by \`npm run docs\`; change the descriptions there. -->

Every field of the \`jwt-identity\` plugin's \`config\`. The smallest configuration:

\`\`\`yaml
plugins:
- name: jwt-identity
  config:
    issuers:
    - issuer: https://auth.example.com/
      audiences: [orders-api]
      jwks_uri: https://auth.example.com/jwks.json
\`\`\`

Kong checks types, bounds and most rules when it loads the file, the plugin all of them at its start. After an error there,
every request of the route gets 500, and the log names the field: \`config.issuers[1].jwks_uri: must be …\`. Lists count
from 1.

Types:

- a type in the plural, such as strings: a list
- claim: its whole name (\`sub\`) or a JSON Pointer (\`/realm_access/roles\`, RFC 6901); up to 256 bytes
- header name: up to 128 letters, digits, \`-\` and \`_\`, of which the first is a letter or digit
- vault: may be a vault reference (\`{vault://env/my-secret}\`); secret: the same, and never appears in logs

Each field has an example, as members of its record. \`npx jest spec/unit/schema/generate\` loads them.
`;

const REFUSALS = `## Refused when the plugin starts

Besides the rules above:

- \`issuers\`: two entries for the same tokens
- \`jwks_uri\`, and \`issuer\` with \`discovery\`: not an \`https://\` URL (or \`http://\` on this machine, or with
  \`key_fetch.allow_http\`), or with user name, password or fragment
- \`secret\`: too short for its \`algorithms\` (HS256 if none is listed), or a public key
- \`public_key\`: not one PEM block, or a private key. \`jwks\`: not JSON with a list \`keys\`
- \`key_fetch\`, \`list_fetch\`: not \`min_ttl\` ≤ \`ttl\` ≤ \`max_ttl\`
- \`identity_headers\`: two names that a server reads as one (\`X-User-ID\`, \`X_User_ID\`), or a name that is not reserved
- identity, reserved and token headers: transport and credential headers (\`Connection\`, \`Host\`, \`Cookie\` …)
- \`header_names\`: a reserved header
- \`reserved_headers\`: fewer than 3 characters before \`*\`
- \`unreserved_headers\`: a header that is not reserved, that \`reserved_headers\` names, or that Kong or this plugin writes
- \`cookie_names\`: a part (\`session.0\`) of another one (\`session\`)
- a name twice in \`header_names\`, \`cookie_names\`, \`uri_param_names\` or \`unreserved_headers\`
- \`resource_metadata\`: \`resource\` or every issuer is not an \`https://\` URL, or an issuer has \`any_audience\`
- a vault reference that Kong could not resolve
`;

/** Where each list of fields is described: records with the same fields share a section, and its examples. */
export type Sections = ReadonlyMap<Fields, string>;

/** Returns the records of the configuration with the path of their section, in the order of the document. */
export function configurationSections(): Sections {
  const sections = new Map<Fields, string>();
  const visit = (path: string, field: Field): void => {
    if (field.type === 'array') visit(`${path}[]`, field.elements);
    if (field.type !== 'record' || sections.has(field.fields)) return;
    sections.set(field.fields, path);
    for (const [name, member] of namedFields(field.fields)) visit(`${path}.${name}`, member);
  };
  visit('config', CONFIG);
  return sections;
}

const CONFIG: RecordField = { type: 'record', fields: CONFIG_FIELDS, entity_checks: CONFIG_ENTITY_CHECKS };

/** Returns docs/CONFIGURATION.md: every field of the configuration, from the list that Kong and the compiler read. */
export function configurationMarkdown(): string {
  return [INTRODUCTION, ...recordSections('config', CONFIG, configurationSections()), REFUSALS].join('\n');
}

/** One section for a record, and one for each record in it that no earlier section describes. */
function recordSections(path: string, record: RecordField, sections: Sections): string[] {
  if (sections.get(record.fields) !== path) return [];
  const fields = namedFields(record.fields);
  const entries = fields.map(([name, field]) => {
    const facts = [typeText(field, sections), defaultText(field)].filter((text) => text !== '').join('; ');
    return `- **\`${name}\`** ${facts}<br>${meaning(path, name, field)}`;
  });
  const rules = (record.entity_checks ?? []).map((check) => `- ${rule(check)}`);
  const section = [`## \`${path}\``, '', ...entries, '', ...(rules.length > 0 ? ['Rules:', '', ...rules, ''] : [])];
  return [section.join('\n'), ...fields.flatMap(([name, field]) => nestedSections(`${path}.${name}`, field, sections))];
}

function nestedSections(path: string, field: Field, sections: Sections): string[] {
  if (field.type === 'record') return recordSections(path, field, sections);
  return field.type === 'array' ? nestedSections(`${path}[]`, field.elements, sections) : [];
}

function meaning(path: string, name: string, field: Field): string {
  return `${linked(field.description ?? '')}<br>\`${EXAMPLES[path]?.[name] ?? ''}\``;
}

/** A description is text for Kong, too. Here, the pages that it names are links. */
function linked(description: string): string {
  return description
    .replace(/\bdocs\/(\w[\w-]*)\.md/g, '[$1]($1.md)')
    .replace('docs/providers', '[presets](providers/README.md)');
}

function typeText(field: Field, sections: Sections): string {
  if (field.type !== 'array') return [typeName(field, '', sections), ...bounds(field)].join('; ');
  const elements = [typeName(field.elements, 's', sections), ...bounds(field.elements)].join('; ');
  return `${count(field)}${elements}`;
}

function typeName(field: Field, plural: '' | 's', sections: Sections): string {
  if (field.type === 'record') return `[record${plural}](#${anchor(sections.get(field.fields) ?? '')})`;
  if (field.err === HEADER_NAME.err) return `header name${plural}`;
  if (field.err === ABSOLUTE_PATH.err) return `absolute path${plural}`;
  return `${isClaim(field) ? 'claim' : field.type}${plural}`;
}

function isClaim(field: Field): boolean {
  return 'match_none' in field && field.match_none === CLAIM.match_none;
}

function count({ len_min: min = 0, len_max: max }: ArrayField): string {
  if (max !== undefined) return `${min} to ${max} `;
  return min === 0 ? '' : `${min} or more `;
}

/** The address of a section, as GitHub makes it. */
function anchor(path: string): string {
  return path.replace(/[^\w]/g, '');
}

function bounds(field: Field): string[] {
  return [...limits(field), ...('encrypted' in field ? ['secret'] : 'referenceable' in field ? ['vault'] : [])];
}

function limits(field: Field): string[] {
  if ('between' in field) return [`${field.between[0]} to ${field.between[1]}`];
  if ('one_of' in field) return [field.one_of.map((choice) => `\`${choice}\``).join(' ')];
  if ('ne' in field) return ['`true`'];
  if (field.err === HEADER_NAME.err || field.err === ABSOLUTE_PATH.err || isClaim(field)) return [];
  if (field.err !== undefined) return [field.err.replace(/^must (?:be|hold only) /, '')];
  return 'len_max' in field ? [`up to ${field.len_max} bytes`] : [];
}

function defaultText(field: Field): string {
  if (field.default !== undefined) return `default \`${JSON.stringify(field.default)}\``;
  return field.required && field.type !== 'record' ? '**required**' : '';
}

function rule(check: EntityCheck): string {
  if ('conditional' in check) {
    const { if_field: condition, then_field: demand, then_err: text } = check.conditional;
    return text ?? `\`${condition}\` restricts \`${demand}\``;
  }
  if ('mutually_exclusive_sets' in check) {
    const { set1, set2 } = check.mutually_exclusive_sets;
    return `${codes(set1)} not with ${codes(set2)}`;
  }
  const [[name, fields] = ['', []]]: [string, readonly string[]][] = Object.entries(check);
  return `${name.replaceAll('_', ' ')}: ${codes(fields)}`;
}

function codes(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ');
}
