import type { Config } from '../../../schema/config';
import { authorizationServers } from '../../../schema/rules/resource-rules';
import type { HttpAnswer } from './refusal-response';

/** The part of a request that decides whether it is one for the metadata. */
export interface MetadataRequest {
  /** In upper case. */
  readonly method?: string;
  /** As the client sent it, without the query; compared character by character. */
  readonly requestPath?: string;
}

/** What a client is told about a protected resource, and where. */
export interface ResourceMetadata {
  /** Where the document is: `resource_metadata` of every challenge. From the configuration, never from a request. */
  readonly url: string;
  /** The path of that URL. */
  readonly path: string;
  /** The document, as JSON text. */
  readonly text: string;
}

/** RFC 9728 §3: goes between the host and the path of the resource. */
const WELL_KNOWN = '/.well-known/oauth-protected-resource';

/** For how many seconds a client may keep the document: a changed rule is seen within minutes. */
const MAX_AGE_SECONDS = 300;

/** For every page: there is nothing in it that a request without credentials would not get. */
const CORS = { 'Access-Control-Allow-Origin': '*' } as const;

/**
 * Returns the metadata of the resource that `resource_metadata` names, `undefined` without it. Everything in it comes from
 * what the plugin checks: the issuers whose name is a URL, the scopes of `authorize`, and the places that are searched for
 * a token. It is for everybody to read, and holds no key, audience, role or claim.
 *
 * @see RFC 9728 §2, §3
 */
export function resourceMetadata(
  config: Pick<Config, 'resourceMetadata' | 'issuers' | 'authorize' | 'headerNames' | 'uriParamNames'>,
): ResourceMetadata | undefined {
  if (config.resourceMetadata === null) return undefined;
  const { resource, resourceName, resourceDocumentation } = config.resourceMetadata;
  const { origin, pathname } = new URL(resource);
  const path = `${WELL_KNOWN}${pathname === '/' ? '' : pathname}`;
  const scopes = new Set((config.authorize ?? []).flatMap((rule) => rule.scopes ?? []));
  const methods = [
    ...(config.headerNames.some((name) => name.toLowerCase() === 'authorization') ? ['header'] : []),
    // RFC 6750 §2.3 knows one name.
    ...(config.uriParamNames.includes('access_token') ? ['query'] : []),
  ];
  const document = {
    resource,
    authorization_servers: authorizationServers(config.issuers),
    // RFC 9728 §3.2: what has no elements is left out.
    ...(scopes.size > 0 && { scopes_supported: [...scopes] }),
    ...(methods.length > 0 && { bearer_methods_supported: methods }),
    ...(resourceName !== null && { resource_name: resourceName }),
    ...(resourceDocumentation !== null && { resource_documentation: resourceDocumentation }),
  };
  return { url: origin + path, path, text: JSON.stringify(document) };
}

/**
 * Returns the answer to a request for the metadata: the document for GET and HEAD, leave for a page of any origin to ask
 * for it (a CORS preflight, Fetch §4.8). `undefined` for every other request, which is decided like any, and where there
 * is no metadata. A door asks this before it decides: a request for the metadata has no token.
 */
export function metadataAnswer(
  metadata: ResourceMetadata | undefined,
  { method, requestPath }: MetadataRequest,
): HttpAnswer | undefined {
  if (metadata === undefined || requestPath !== metadata.path) return undefined;
  if (method === 'OPTIONS') {
    const allowed = { 'Access-Control-Allow-Methods': 'GET, HEAD', 'Access-Control-Allow-Headers': '*' };
    return { status: 204, headers: { ...CORS, ...allowed, 'Access-Control-Max-Age': '86400' }, body: '' };
  }
  if (method !== 'GET' && method !== 'HEAD') return undefined;
  const caching = { 'Cache-Control': `public, max-age=${MAX_AGE_SECONDS}` };
  return { status: 200, headers: { 'Content-Type': 'application/json', ...caching, ...CORS }, body: metadata.text };
}
