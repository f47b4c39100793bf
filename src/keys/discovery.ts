import type { IssuerConfig } from '../../schema/config';
import { keyUrlProblem } from '../../schema/rules/key-url';
import type { FetchDocument } from '../documents/document-fetcher';
import { FetchError } from '../documents/fetch-error';

/** As long as a configured `jwks_uri` may be. */
const MAX_URL_LENGTH = 2048;

/** An issuer whose metadata is looked up. */
type DiscoveredIssuer = Pick<IssuerConfig, 'issuer' | 'keyFetch'>;

/**
 * Returns the `jwks_uri` of an issuer from its metadata: OpenID Connect Discovery first and, where that is not found,
 * RFC 8414. The document must name the very issuer that is configured, and its `jwks_uri` must satisfy the same rules as
 * a configured one; rejects with a {@link FetchError} otherwise.
 *
 * @see OpenID Connect Discovery 1.0 §4, RFC 8414 §3
 */
export async function discoverJwksUri(
  issuer: DiscoveredIssuer,
  fetchDocument: FetchDocument,
  signal: AbortSignal,
): Promise<string> {
  return jwksUriOf(await fetchMetadata(issuer.issuer, fetchDocument, signal), issuer);
}

/** Returns the `jwks_uri` in an issuer's metadata. @throws FetchError as {@link discoverJwksUri} */
export function jwksUriOf(metadata: unknown, { issuer, keyFetch }: DiscoveredIssuer): string {
  // RFC 8414 §3.3: otherwise one issuer could speak for another.
  if (metadataMember(metadata, 'issuer') !== issuer) {
    throw new FetchError('discovery: the document names another issuer');
  }
  const jwksUri = metadataMember(metadata, 'jwks_uri');
  if (typeof jwksUri !== 'string') throw new FetchError('discovery: the document has no jwks_uri');
  const problem = jwksUriProblem(jwksUri, issuer, keyFetch.allowHttp);
  if (problem !== null) throw new FetchError(`discovery: the jwks_uri ${problem}`);
  // The document may not choose who gets the token.
  if (keyFetch.bearerTokenFile !== null && new URL(jwksUri).origin !== new URL(issuer).origin) {
    const reason = 'is at another origin than the issuer, which must not get the token of bearer_token_file';
    throw new FetchError(`discovery: the jwks_uri ${reason}: configure jwks_uri instead`);
  }
  return jwksUri;
}

/** Returns a member of an issuer's metadata, whatever that is. */
export function metadataMember(metadata: unknown, name: string): unknown {
  return typeof metadata === 'object' && metadata !== null && Object.hasOwn(metadata, name)
    ? (metadata as Record<string, unknown>)[name]
    : undefined;
}

function jwksUriProblem(jwksUri: string, issuer: string, allowHttp: boolean): string | null {
  if (jwksUri.length > MAX_URL_LENGTH) return `must not have more than ${MAX_URL_LENGTH} characters`;
  const problem = keyUrlProblem(jwksUri, allowHttp);
  if (problem !== null || allowHttp) return problem;
  // What is left of plain http: is this machine. Only a provider on it may point there: others would make the gateway
  // call what listens here, such as Kong's own Admin API.
  const isDowngrade = jwksUri.startsWith('http:') && !issuer.startsWith('http:');
  return isDowngrade ? 'must be https: as the issuer is' : null;
}

/** Fetches an issuer's metadata, of which nothing is known yet. Rejects with a {@link FetchError}. */
export async function fetchMetadata(
  issuer: string,
  fetchDocument: FetchDocument,
  signal: AbortSignal,
): Promise<unknown> {
  const { origin, pathname } = new URL(issuer);
  const path = pathname.replace(/\/$/, '');
  try {
    const document = await fetchDocument(`${origin}${path}/.well-known/openid-configuration`, signal).catch(
      (error: unknown) => {
        if (!isAbsent(error)) throw error;
        return fetchDocument(`${origin}/.well-known/oauth-authorization-server${path}`, signal);
      },
    );
    return document.status === 'ok' ? document.body : undefined;
  } catch (error) {
    throw error instanceof FetchError ? new FetchError(`discovery: ${error.message}`, error.status) : error;
  }
}

/** Servers without OpenID Connect say so with one 4xx status or another. */
function isAbsent(error: unknown): boolean {
  const { status = 0 } = error as Partial<FetchError>;
  return status >= 400 && status < 500;
}
