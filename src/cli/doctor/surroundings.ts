import { PLUGIN_NAME } from '../../../schema/parse-config';
import { placedEntries } from '../../diagnostics/placed-entries';
import { isMap, type Given } from '../../kong/declarative/entity-reader';
import { readYaml } from '../../kong/declarative/yaml';
import type { ProbedRoute } from './gateway-checks';

/** What a kong.yml says about where things are. */
export interface Surroundings {
  readonly services: readonly string[];
  readonly routes: readonly ProbedRoute[];
  /** Addresses of key sets, each once. */
  readonly keySets: readonly string[];
  /** Every identity header of the file, each once. */
  readonly identityHeaders: readonly string[];
  /** Whether a secret is in the file itself. */
  readonly holdsSecret: boolean;
}

const DEFAULT_HEADERS = ['X-User-ID', 'X-User-Roles'];

/** Reads what is to be asked from a kong.yml. @throws ConfigurationError when it is no YAML */
export function surroundingsOf(text: string): Surroundings {
  const document = readYaml(text);
  const top: Given = isMap(document) ? document : {};
  const { routes, entries } = placedEntries(top, PLUGIN_NAME);
  const configs = entries.map(({ given }) => (isMap(given['config']) ? given['config'] : {}));
  const issuers = configs.flatMap((config) => maps(config['issuers']));
  return {
    services: unique(maps(top['services']).flatMap(addressOf)),
    routes: routes.map(({ name, given, entry }) => {
      const config = entry && isMap(entry.given['config']) ? entry.given['config'] : {};
      return {
        name,
        path:
          texts(given['paths']).find((path) => path.startsWith('/')) ??
          (given['paths'] === undefined ? '/' : undefined),
        host: texts(given['hosts']).find((host) => !host.includes('*')),
        isPublic: config['allow_missing'] === true,
        identityHeaders: headersOf(config),
      };
    }),
    keySets: unique(issuers.flatMap(({ jwks_uri: uri }) => (typeof uri === 'string' ? [uri] : []))),
    identityHeaders: unique(configs.flatMap(headersOf)),
    holdsSecret: issuers.some(({ secret }) => typeof secret === 'string' && !secret.startsWith('{vault://')),
  };
}

function headersOf(config: Given): readonly string[] {
  if (!Array.isArray(config['identity_headers'])) return DEFAULT_HEADERS;
  return maps(config['identity_headers']).flatMap(({ header }) => (typeof header === 'string' ? [header] : []));
}

function addressOf({ url, protocol = 'http', host, port, path = '/' }: Given): string[] {
  const text =
    typeof url === 'string'
      ? url
      : `${String(protocol)}://${String(host)}${port === undefined ? '' : `:${Number(port)}`}${String(path)}`;
  return /^https?:/.test(text) && URL.canParse(text) ? [text] : [];
}

function maps(value: unknown): readonly Given[] {
  return Array.isArray(value) ? value.filter(isMap) : [];
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

function unique(list: readonly string[]): string[] {
  return [...new Set(list)];
}
