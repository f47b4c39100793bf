import type { IssuerConfig } from '../config';
import { holdsPublicKey } from './public-key-material';

/** Least length of an HMAC key: as many bytes as the hash has (RFC 7518 §3.2). */
const MIN_BYTES: Readonly<Record<string, number>> = { HS256: 32, HS384: 48, HS512: 64 };

/** Standard and URL-safe alphabet, padding optional (RFC 4648 §4, §5). */
const BASE64 = /^(?:[\w+/-]{4})*(?:[\w+/-]{2}(?:==)?|[\w+/-]{3}=?)?$/;

/** Returns the bytes of an issuer's shared secret. They are only meant to be used when {@link secretProblem} is `null`. */
export function secretBytes({ secret, secretIsBase64 }: SecretConfig): Buffer {
  return Buffer.from(secret ?? '', secretIsBase64 ? 'base64' : 'utf8');
}

type SecretConfig = Pick<IssuerConfig, 'secret' | 'secretIsBase64' | 'algorithms'>;

/** Returns what makes an issuer's shared secret unsafe, without quoting it, or `null`. */
export function secretProblem(issuer: SecretConfig): string | null {
  const text = issuer.secret ?? '';
  if (issuer.secretIsBase64 && !BASE64.test(text)) return 'is not base64 or base64url';
  const bytes = secretBytes(issuer);
  // CVE-2026-39999 and many before it: with a public key as HMAC secret, everyone can sign.
  if (holdsPublicKey(bytes)) {
    return 'is a public key or certificate, which everyone may know: use public_key or jwks';
  }
  const algorithms = issuer.algorithms.length > 0 ? issuer.algorithms : ['HS256'];
  const least = Math.max(...algorithms.map((algorithm) => MIN_BYTES[algorithm] ?? 0));
  return bytes.length >= least
    ? null
    : `must have at least ${least} bytes for ${algorithms.join(', ')}, it has ${bytes.length} (RFC 7518 §3.2)`;
}
