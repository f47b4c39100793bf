import type { IssuerConfig } from '../../schema/config';
import { keyUrlFault } from '../../schema/key-url';
import { FetchError, type FetchDocument } from './document-fetcher';

/**
 * Returns the `jwks_uri` of an issuer from its metadata: OpenID Connect Discovery first and, where that is not found,
 * RFC 8414. The document must name the very issuer that is configured, and its `jwks_uri` must satisfy the same rules as
 * a configured one; rejects with a {@link FetchError} otherwise.
 *
 * @see OpenID Connect Discovery 1.0 §4, RFC 8414 §3
 */
export async function discoverJwksUri(
  { issuer, keyFetch }: Pick<IssuerConfig, 'issuer' | 'keyFetch'>,
  fetchDocument: FetchDocument,
): Promise<string> {
  const metadata = await fetchMetadata(issuer, fetchDocument);
  const member = (name: string): unknown =>
    typeof metadata === 'object' && metadata !== null && Object.hasOwn(metadata, name)
      ? (metadata as Record<string, unknown>)[name]
      : undefined;
  // RFC 8414 §3.3: otherwise one issuer could speak for another.
  if (member('issuer') !== issuer) throw new FetchError('the metadata names another issuer');
  const jwksUri = member('jwks_uri');
  if (typeof jwksUri !== 'string') throw new FetchError('the metadata has no jwks_uri');
  const fault = keyUrlFault(jwksUri, keyFetch.allowHttp);
  if (fault !== null) throw new FetchError(`the jwks_uri of the metadata ${fault}`);
  return jwksUri;
}

async function fetchMetadata(issuer: string, fetchDocument: FetchDocument): Promise<unknown> {
  const url = new URL(issuer);
  const path = url.pathname.replace(/\/$/, '');
  const wellKnown = [`${path}/.well-known/openid-configuration`, `/.well-known/oauth-authorization-server${path}`];
  for (const [attempt, pathname] of wellKnown.entries()) {
    try {
      const document = await fetchDocument(new URL(pathname, url.origin).href);
      if (document.status === 'ok') return document.body;
    } catch (error) {
      const isLast = attempt === wellKnown.length - 1;
      if (isLast || !(error instanceof FetchError) || error.status !== 404) throw error;
    }
  }
  throw new FetchError('the provider has no metadata');
}
