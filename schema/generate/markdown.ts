import { CONFIG_ENTITY_CHECKS, CONFIG_FIELDS } from '../fields/config-fields';
import {
  namedFields,
  type EntityCheck,
  type Field,
  type Fields,
  type RecordField,
} from '../../src/kong/schema-language/field';
import { EXAMPLES } from './examples';

const INTRODUCTION = `# Configuration

<!-- Made from schema/ by \`npm run docs\`; change the descriptions there. -->

Every field of the \`jwt-identity\` plugin's \`config\`. The least that works:

\`\`\`yaml
plugins:
- name: jwt-identity
  config:
    issuers:
    - issuer: https://auth.example.com/
      audiences: [orders-api]
      jwks_uri: https://auth.example.com/jwks.json
\`\`\`

Kong checks types, bounds and most rules when it loads the file. The plugin checks all of it again, and what Kong's
schema language cannot say, when it starts on a route: it then refuses every request of that route with 500 and logs a
message that names the field, such as \`config.issuers[1].jwks_uri: must be …\`. Positions in lists count from 1.

A claim is named by its whole name (\`sub\`, \`https://example.com/roles\`) or, when the text starts with \`/\`, by a JSON
Pointer into the claims (\`/realm_access/roles\`, RFC 6901). "Secret" marks fields that Kong can keep in a vault
(\`{vault://env/my-secret}\`) and whose values never appear in logs.

Each field has an example: members of the record that holds it. \`npx jest spec/unit/schema/generate\` loads every example
in a whole configuration.
`;

const REFUSALS = `## Refused when the plugin starts

Besides the rules above:

- an issuer that is listed twice;
- \`jwks_uri\`, or \`issuer\` with \`discovery\`, that is not an \`https://\` URL, holds a user name, password or fragment;
  plain \`http://\` is accepted on 127.0.0.0/8, ::1 and localhost, elsewhere only with \`key_fetch.allow_http\`;
- a \`secret\` shorter than the hash of the longest of its \`algorithms\` (HS256 when none is listed);
- a \`secret\` that is a public key, certificate or JSON Web Key, which is not secret;
- a \`public_key\` that is not one PEM block, or is a private key; a \`jwks\` that is not JSON with a \`keys\` list;
- \`key_fetch\` without \`min_ttl\` ≤ \`ttl\` ≤ \`max_ttl\`;
- two \`identity_headers\` with names that some server reads as one (\`X-User-ID\`, \`X_User_ID\`), or one that
  \`reserved_headers\` does not cover, so that a client could send it itself;
- an identity header, reserved header or token header that is a transport or credential header (\`Connection\`, \`Host\`,
  \`Content-Length\`, \`Cookie\`, \`X-Forwarded-For\` …), and a reserved beginning of fewer than 3 characters;
- a token header that is reserved; an exception in \`unreserved_headers\` that is not reserved, that \`reserved_headers\`
  lists by name, or that Kong or this plugin writes for services;
- a cookie that is a part (\`session.0\`) of another one that is listed (\`session\`);
- \`resource_metadata\` whose \`resource\` is not a plainly written \`https://\` URL, without an issuer whose name is one, or
  beside an issuer with \`any_audience\`;
- a name that is listed twice in \`header_names\`, \`cookie_names\`, \`uri_param_names\` or \`unreserved_headers\`;
- a vault reference that Kong could not resolve.
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
  const rows = fields.map(([name, field]) => {
    const cells = [`\`${name}\``, typeText(field, sections), defaultText(field), meaning(path, name, field)];
    return `| ${cells.map(cell).join(' | ')} |`;
  });
  const rules = (record.entity_checks ?? []).map((check) => `- ${rule(check)}`);
  const section = [
    `## \`${path}\``,
    '',
    '| field | type | default | meaning, and an example |',
    '| --- | --- | --- | --- |',
    ...rows,
    '',
    ...(rules.length > 0 ? ['Rules:', '', ...rules, ''] : []),
  ];
  return [section.join('\n'), ...fields.flatMap(([name, field]) => nestedSections(`${path}.${name}`, field, sections))];
}

function nestedSections(path: string, field: Field, sections: Sections): string[] {
  if (field.type === 'record') return recordSections(path, field, sections);
  return field.type === 'array' ? nestedSections(`${path}[]`, field.elements, sections) : [];
}

function meaning(path: string, name: string, field: Field): string {
  const secret = 'encrypted' in field && field.encrypted ? ' **Secret.**' : '';
  return `${field.description ?? ''}${secret}<br>\`${EXAMPLES[path]?.[name] ?? ''}\``;
}

/** A table's cell: `|` would end it. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function typeText(field: Field, sections: Sections): string {
  const element = field.type === 'array' ? ` of ${typeText(field.elements, sections)}` : '';
  const type = field.type === 'record' ? `[record](#${anchor(sections.get(field.fields) ?? '')})` : field.type;
  return [`${type}${element}`, ...bounds(field)].join('; ');
}

/** The address of a section, as GitHub makes it. */
function anchor(path: string): string {
  return path.replace(/[^\w]/g, '');
}

function bounds(field: Field): string[] {
  if ('between' in field) return [`${field.between[0]} to ${field.between[1]}`];
  if ('one_of' in field) return [field.one_of.map((choice) => `\`${choice}\``).join(' ')];
  if ('ne' in field) return ['`true` or left out'];
  if (field.type === 'array') return field.len_min === undefined ? [] : [`at least ${field.len_min}`];
  if (field.err !== undefined) return [field.err];
  return 'len_max' in field ? [`at most ${field.len_max} bytes`] : [];
}

function defaultText(field: Field): string {
  if (field.default !== undefined) return `\`${JSON.stringify(field.default)}\``;
  if (field.type === 'record' && field.required) return 'its fields’ defaults';
  return field.required ? '**required**' : 'none';
}

function rule(check: EntityCheck): string {
  if ('conditional' in check) {
    const { if_field: condition, then_field: demand, then_err: text } = check.conditional;
    return text ?? `\`${condition}\` restricts \`${demand}\``;
  }
  if ('mutually_exclusive_sets' in check) {
    const { set1, set2 } = check.mutually_exclusive_sets;
    return `${codes(set1)} cannot stand together with ${codes(set2)}`;
  }
  const [[name, fields] = ['', []]]: [string, readonly string[]][] = Object.entries(check);
  return `${name.replaceAll('_', ' ')}: ${codes(fields)}`;
}

function codes(names: readonly string[]): string {
  return names.map((name) => `\`${name}\``).join(', ');
}
