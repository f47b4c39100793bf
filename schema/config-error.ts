/**
 * The configuration is unsafe or wrong. The message starts with the field as its author wrote it, such as
 * `config.issuers[1].jwks_uri: must be …`; it never holds the value of a secret. List positions count from 1, as in
 * Kong's own messages (Kong 3.9.3: Lua lists do).
 */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  /** @param field - the field's path in Kong's names; `reason` must not hold a secret's value */
  constructor(
    readonly field: string,
    reason: string,
  ) {
    super(`${field}: ${reason}`);
  }
}
