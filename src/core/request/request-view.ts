/**
 * What the core sees of a request. Header names are in lower case and a repeated header is a list, as
 * `kong.request.get_headers` returns them (Kong 3.9.3). Members that the policy does not need may be absent.
 */
export interface RequestView {
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** Request method in upper case; needed when {@link Policy.needsMethod}. */
  readonly method?: string;
  /** Path that the service will receive, without the query; needed when {@link Policy.needsPath}. */
  readonly path?: string;
  /** Path as the client sent it, without the query; needed when {@link Policy.resourceMetadata} is there. */
  readonly requestPath?: string;
  /** Query string as the client sent it, without `?`; needed when {@link Policy.needsQuery}. */
  readonly rawQuery?: string;
  /** Whether Kong knows the caller by a credential that another plugin accepted; needed when {@link Policy.allowAuthenticated}. */
  readonly isAuthenticated?: boolean;
}
