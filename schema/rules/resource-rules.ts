import type { Config, IssuerConfig } from '../config';
import { LOOPBACK } from './key-url';
import type { Violation } from '../../src/kong/schema-language/violation';

/**
 * A URL that is written as it is sent: lower-case scheme and host, and a path that no server writes in another way
 * (RFC 3986 §6.2.2), since requests for the metadata are compared with it character by character.
 */
const PLAIN_URL = /^https?:\/\/[a-z0-9.[\]:-]+(\/[\w.~!$&'()*+,;=:@/-]*)?$/;

/**
 * Returns the issuers that are authorization servers for clients: those whose name is a URL, each once. The name of an
 * issuer without one (`joe`) tells a client nothing, and a template names none.
 *
 * @see RFC 9728 §2 `authorization_servers`, RFC 8414 §2 `issuer`
 */
export function authorizationServers(issuers: readonly Pick<IssuerConfig, 'issuer'>[]): readonly string[] {
  const names = issuers.map(({ issuer }) => issuer);
  return [...new Set(names.filter((issuer) => isSafeUrl(issuer) && !/[?#{}]/.test(issuer)))];
}

/** Returns what is wrong with `resource_metadata`. */
export function resourceViolations({ resourceMetadata, issuers }: Config): Violation[] {
  if (resourceMetadata === null) return [];
  const { resource, resourceDocumentation } = resourceMetadata;
  const open = issuers.findIndex(({ anyAudience }) => anyAudience);
  const problems: readonly (readonly [field: string, message: string | null])[] = [
    ['resource_metadata.resource', resourceProblem(resource)],
    [
      'resource_metadata.resource_documentation',
      resourceDocumentation === null || isSafeUrl(resourceDocumentation) ? null : 'must be an absolute https:// URL',
    ],
    [
      'resource_metadata',
      authorizationServers(issuers).length > 0
        ? null
        : 'needs an issuer whose name is an https:// URL: clients look for the authorization server there',
    ],
    [
      `issuers[${open + 1}].any_audience`,
      open < 0
        ? null
        : 'contradicts resource_metadata: tokens for other resources would be accepted as tokens for this one',
    ],
  ];
  return problems.flatMap(([field, message]) => (message === null ? [] : [{ field: `config.${field}`, message }]));
}

/** Returns what is accepted but probably not meant: tokens that clients ask for by the resource's name are rejected. */
export function resourceWarnings({ resourceMetadata, issuers }: Config): Violation[] {
  if (resourceMetadata === null) return [];
  const { resource } = resourceMetadata;
  if (issuers.some(({ audiences }) => audiences.includes(resource))) return [];
  const message =
    'no issuer lists it in audiences: tokens that a client asks for by this name (RFC 8707), as Model Context Protocol clients do, are rejected';
  return [{ field: 'config.resource_metadata.resource', message }];
}

function resourceProblem(resource: string): string | null {
  if (!isSafeUrl(resource)) return 'must be an absolute https:// URL (http:// on this machine only)';
  const url = new URL(resource);
  const isPlain = PLAIN_URL.test(resource) && url.origin + (resource === url.origin ? '' : url.pathname) === resource;
  return isPlain
    ? null
    : 'must have no query, fragment, user name, default port, escapes, "//", "/./" or upper-case host: clients compare it as text';
}

function isSafeUrl(text: string): boolean {
  if (!/^https?:\/\/[^\s\\"<>]+$/.test(text) || !URL.canParse(text)) return false;
  const { protocol, hostname, username, password } = new URL(text);
  return username === '' && password === '' && (protocol === 'https:' || LOOPBACK.test(hostname));
}
