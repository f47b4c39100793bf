import type { IssuerConfig } from '../../schema/config';
import { keyUrlProblem } from '../../schema/rules/key-url';
import { createDocumentFetcher, type FetchDocument } from '../documents/document-fetcher';
import { FetchError } from '../documents/fetch-error';
import { fetchMetadata, jwksUriOf, metadataMember } from './discovery';
import { type KeySetDocument, readKeySet } from './key-set-document';
import { MEDIA_TYPES } from './key-sources';

/** What an issuer says about itself. Its texts are the issuer's, and bounded. */
export interface IssuerMetadata {
  readonly issuer: string | undefined;
  readonly jwksUri: string | undefined;
  /** What its ID tokens are signed with (`id_token_signing_alg_values_supported`); empty when it does not say. */
  readonly algorithms: readonly string[];
}

/** The keys that an issuer publishes, and where. */
export interface PublishedKeys extends KeySetDocument {
  readonly uri: string;
}

/** What an issuer publishes now, each part as it was found, or why it cannot be had. `undefined`: there is nobody to ask. */
export interface IssuerInspection {
  readonly metadata: IssuerMetadata | FetchError | undefined;
  readonly keySet: PublishedKeys | FetchError | undefined;
}

/** Most characters of a text in the metadata: longer ones are no URL that could be configured. */
const MAX_TEXT = 2048;
/** Most algorithms that are looked at; there are 13 (RFC 7518 §3.1, RFC 8037). */
const MAX_ALGORITHMS = 64;

/**
 * Fetches what an issuer publishes, with the plugin's own fetcher and limits: GET requests within `timeout_ms` and
 * `max_bytes`, past caches. Metadata is looked for although `jwks_uri` or inline keys are configured, unless a token of
 * `bearer_token_file` would get to an origin that is not configured to have it. Never rejects for anything that a provider
 * or a network can do.
 */
export async function inspectIssuer(issuer: IssuerConfig): Promise<IssuerInspection> {
  const { jwksUri, discovery, keyFetch } = issuer;
  const fetchDocument = createDocumentFetcher(keyFetch, { accept: MEDIA_TYPES, cacheControl: 'no-cache' });
  const signal = AbortSignal.timeout(keyFetch.timeoutMs);
  const body = isAskable(issuer) ? await attempt(() => fetchMetadata(issuer.issuer, fetchDocument, signal)) : undefined;
  const metadata = body === undefined || body instanceof FetchError ? body : metadataOf(body);
  const keysAt = async (uri: string, until: AbortSignal): Promise<PublishedKeys> => ({
    uri,
    ...readKeySet(await bodyOf(fetchDocument, uri, until), keyFetch.maxKeys),
  });
  // With discovery, the plugin has one timeout for both.
  if (discovery !== null) {
    if (metadata instanceof FetchError) return { metadata, keySet: undefined };
    return { metadata, keySet: await attempt(() => keysAt(jwksUriOf(body, issuer), signal)) };
  }
  const uri = jwksUri ?? (metadata === undefined || metadata instanceof FetchError ? undefined : metadata.jwksUri);
  if (uri === undefined || keyUrlProblem(uri, keyFetch.allowHttp) !== null) return { metadata, keySet: undefined };
  return { metadata, keySet: await attempt(() => keysAt(uri, AbortSignal.timeout(keyFetch.timeoutMs))) };
}

function isAskable({ issuer, jwksUri, discovery, keyFetch }: IssuerConfig): boolean {
  if (keyUrlProblem(issuer, keyFetch.allowHttp) !== null || /[{}]/.test(issuer)) return false;
  if (keyFetch.bearerTokenFile === null || discovery !== null) return true;
  // With inline keys nothing is configured to have the token, and the metadata may name any place for the key set.
  return jwksUri !== null && new URL(jwksUri).origin === new URL(issuer).origin;
}

async function bodyOf(fetchDocument: FetchDocument, uri: string, signal: AbortSignal): Promise<unknown> {
  const fetched = await fetchDocument(uri, signal);
  return fetched.status === 'ok' ? fetched.body : undefined;
}

function metadataOf(body: unknown): IssuerMetadata {
  const text = (name: string): string | undefined => {
    const value = metadataMember(body, name);
    return typeof value === 'string' && value.length <= MAX_TEXT ? value : undefined;
  };
  const listed = metadataMember(body, 'id_token_signing_alg_values_supported');
  const algorithms: readonly unknown[] = Array.isArray(listed) ? listed.slice(0, MAX_ALGORITHMS) : [];
  return {
    issuer: text('issuer'),
    jwksUri: text('jwks_uri'),
    algorithms: algorithms.filter((name): name is string => typeof name === 'string' && name.length <= MAX_ALGORITHMS),
  };
}

async function attempt<T>(run: () => Promise<T>): Promise<T | FetchError> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof FetchError) return error;
    throw error;
  }
}
