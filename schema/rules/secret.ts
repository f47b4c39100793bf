import { createPublicKey, X509Certificate } from 'node:crypto';
import type { IssuerConfig } from '../config';

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
  if (isPublicKey(bytes) || isPublicKey(Buffer.from(bytes.toString('latin1'), 'base64'))) {
    return 'is a public key or certificate, which everyone may know: use public_key or jwks';
  }
  const algorithms = issuer.algorithms.length > 0 ? issuer.algorithms : ['HS256'];
  const least = Math.max(...algorithms.map((algorithm) => MIN_BYTES[algorithm] ?? 0));
  return bytes.length >= least
    ? null
    : `must have at least ${least} bytes for ${algorithms.join(', ')}, it has ${bytes.length} (RFC 7518 §3.2)`;
}

/** PEM, SSH, JWK or JWK set, DER. */
function isPublicKey(bytes: Buffer): boolean {
  const text = bytes
    .toString('latin1')
    .replace(/^\xef\xbb\xbf/, '')
    .trim();
  return (
    /^(-----BEGIN|ssh-|ecdsa-sha2-)/.test(text) ||
    isJsonObject(text) ||
    DER_READERS.some((read) => succeeds(read, bytes))
  );
}

const DER_READERS: readonly ((bytes: Buffer) => unknown)[] = [
  (key) => createPublicKey({ key, format: 'der', type: 'spki' }),
  (key) => createPublicKey({ key, format: 'der', type: 'pkcs1' }),
  (certificate) => new X509Certificate(certificate),
];

function isJsonObject(text: string): boolean {
  return text.startsWith('{') && succeeds(JSON.parse, text);
}

function succeeds<Input>(read: (input: Input) => unknown, input: Input): boolean {
  try {
    read(input);
    return true;
  } catch {
    return false;
  }
}
