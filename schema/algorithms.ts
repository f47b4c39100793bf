/** Algorithms whose key is a shared secret (RFC 7518 §3.2). */
export const SECRET_ALGORITHMS = ['HS256', 'HS384', 'HS512'] as const;

/** Algorithms whose key is public (RFC 7518 §3.3–3.5, RFC 8037, RFC 9864). */
export const PUBLIC_KEY_ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const;

/** Every algorithm that can be accepted; `none` is not one. */
export const ALGORITHMS = [...SECRET_ALGORITHMS, ...PUBLIC_KEY_ALGORITHMS] as const;
