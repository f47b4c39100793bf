import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseAllDocuments } from 'yaml';

const ROOT = join(__dirname, '../..');

/** A YAML block of a Markdown document, as its reader sees it. */
export interface YamlBlock {
  /** Document and line of its first line, for the name of a test. */
  readonly place: string;
  readonly content: unknown;
}

type Entry = Readonly<Record<string, unknown>>;

/** Every block between "```yaml" and "```" of the README, SECURITY.md and docs/. */
export function documentedYaml(): readonly YamlBlock[] {
  const inDocs = readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' });
  const documents = [...['README.md', 'SECURITY.md', 'CONTRIBUTING.md'], ...inDocs.map((name) => join('docs', name))];
  return documents
    .filter((name) => name.endsWith('.md'))
    .flatMap((name) => {
      const text = readFileSync(join(ROOT, name), 'utf8');
      return [...text.matchAll(/^([ ]*)```ya?ml\n([\s\S]*?)^[ ]*```/gm)].flatMap(({ 1: indent, 2: yaml = '', index }) =>
        // A block in a list is indented like the list, and one block may hold several documents.
        parseAllDocuments(yaml.replaceAll(new RegExp(`^${indent!}`, 'gm'), '')).map((document) => ({
          place: `${relative(ROOT, join(ROOT, name))}:${text.slice(0, index).split('\n').length + 1}`,
          content: document.toJS() as unknown,
        })),
      );
    });
}

/** Names of files that other programs read, told by a member that Kong's files do not have. */
export function isForKong({ content }: YamlBlock): boolean {
  if (Array.isArray(content)) return true;
  const { services, kind, apiVersion, policies } = content as Entry;
  return !isEntry(services) && [kind, apiVersion, policies].every((member) => member === undefined);
}

/**
 * Completes a block to a kong.yml that can be tried on this machine:
 *
 * - a list is one of plugins; a mapping without `plugins`, `services` and `_format_version` is `config` of jwt-identity;
 * - a configuration without `issuers` gets one, a file without jwt-identity gets one with that issuer alone;
 * - a file without services gets one with the route `/`; every service is the one at `serviceUrl`;
 * - the keys of every issuer are `jwks`, wherever the block takes them from;
 * - lists of revoked tokens are left out: they are elsewhere, too;
 * - certificates are left out: they belong to the connection to a service that is not here.
 */
export function completed({ content }: YamlBlock, serviceUrl: string, jwks: string): CompletedBlock {
  const file = fileOf(content);
  const ours = (entry: Entry): boolean => entry['name'] === 'jwt-identity';
  const ofRoutes = list(file['services']).flatMap(({ routes }) =>
    list(routes).flatMap((route) => list(route['plugins'])),
  );
  const plugins = [...list(file['plugins']), ...(list(file['plugins']).some(ours) ? [] : ofRoutes.filter(ours))];
  const guarded = plugins.some(ours) ? plugins : [{ name: 'jwt-identity' }, ...plugins];
  const config = withKeys((guarded.find(ours)?.['config'] ?? {}) as Entry, jwks);
  const services = list(file['services']);
  return {
    config,
    path: services.length === 0 ? '/' : (list(services[0]!['routes'])[0]!['paths'] as string[])[0]!,
    text: JSON.stringify({
      _format_version: '3.0',
      plugins: guarded.map((entry) => (ours(entry) ? { ...entry, config } : entry)),
      services: (services.length === 0 ? [{ name: 'any', routes: [{ paths: ['/'] }] }] : services).map(
        ({ name, routes }) => ({
          name,
          routes: list(routes).map((route) => withoutCompleted(route, plugins)),
          url: serviceUrl,
        }),
      ),
    }),
  };
}

/** A block that a gateway can load. */
export interface CompletedBlock {
  readonly text: string;
  /** Of jwt-identity. */
  readonly config: Entry;
  /** Of a route that it guards. */
  readonly path: string;
}

function fileOf(content: unknown): Entry {
  if (Array.isArray(content)) return { plugins: content as Entry[] };
  const mapping = content as Entry;
  const isFile = ['plugins', 'services', '_format_version'].some((member) => member in mapping);
  return isFile ? mapping : { plugins: [{ name: 'jwt-identity', config: mapping }] };
}

/** A route without the plugins that were completed for the whole file. */
function withoutCompleted(route: Entry, completed: readonly Entry[]): Entry {
  const plugins = list(route['plugins']).filter((entry) => !completed.includes(entry));
  return { ...route, ...(route['plugins'] !== undefined && { plugins }) };
}

/** Members of an issuer's entry that say where its keys are. */
const KEY_SOURCES = ['jwks_uri', 'discovery', 'jwks', 'public_key', 'secret', 'secret_is_base64', 'key_fetch'];

function withKeys(config: Entry, jwks: string): Entry {
  const written = list(config['issuers']);
  const issuers = written.length === 0 ? [{ issuer: 'https://auth.example.com/', audiences: ['orders-api'] }] : written;
  // A secret beside other entries is another entry of their issuer, which the keys below would not tell apart.
  const apart = issuers.filter((issuer) => issuer['secret'] === undefined || issuers.length === 1);
  const kept = apart.map((issuer) =>
    Object.entries(issuer).filter(([name]) => ![...KEY_SOURCES, 'revoke_issued_before'].includes(name)),
  );
  const others = Object.entries(config).filter(([name]) => name !== 'revocation_lists');
  return {
    ...Object.fromEntries(others),
    issuers: kept.map((members) => {
      const issuer = Object.fromEntries(members);
      // A preset knows which algorithms its provider uses. The key at hand may use another one.
      const algorithms = issuer['provider'] !== undefined && { algorithms: ['ES256'] };
      // With one key set for all tenants, a claim must name the tenant.
      const tenant = String(issuer['issuer']).includes('{') && { tenant_claim: 'tenant' };
      return { ...tenant, ...issuer, ...algorithms, jwks };
    }),
  };
}

function list(value: unknown): readonly Entry[] {
  return Array.isArray(value) ? (value as Entry[]) : [];
}

function isEntry(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
