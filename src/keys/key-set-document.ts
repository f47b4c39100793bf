import type { JsonWebKey } from 'node:crypto';
import type { VerificationKey } from '../core/verification/key-source';
import { FetchError } from '../documents/fetch-error';
import { importJwk } from './jwk-import';

/** The usable keys of a JWK set, and why others are not. */
export interface KeySetDocument {
  readonly keys: readonly VerificationKey[];
  /** One reason for each key that is left out; holds nothing of the key. */
  readonly skipped: readonly string[];
}

/**
 * Reads a JWK set. Keys of no use here (another type, `use: enc`, weak, private, secret) are left out, since a provider
 * may well publish some; duplicate entries of a key count as one key. A document that is no set, that is too long, or
 * that has no usable key is a {@link FetchError}.
 *
 * What it costs is bounded by `maxKeys`, about 0.15 ms a key for the slowest kind, and by the size of the document.
 *
 * @param acceptSecrets - whether `oct` keys are taken; only from the configuration, never from the network
 * @see RFC 7517 §5: "Implementations SHOULD ignore JWKs within a JWK Set that use 'kty' values that are not understood"
 */
export function readKeySet(body: unknown, maxKeys: number, acceptSecrets = false): KeySetDocument {
  const members: unknown =
    typeof body === 'object' && body !== null && Object.hasOwn(body, 'keys')
      ? (body as { keys: unknown }).keys
      : undefined;
  if (!Array.isArray(members)) throw new FetchError(noSetReason(body));
  if (members.length > maxKeys) throw new FetchError(`the JWK set has more than ${maxKeys} keys`);
  const imported = members.map((jwk) => importJwk(jwk, acceptSecrets));
  const keys = [...byContent(imported.filter((key) => 'key' in key)).values()];
  const skipped = imported.flatMap((key, index) => ('reason' in key ? [`key ${index + 1}: ${key.reason}`] : []));
  if (keys.length === 0) {
    const why = skipped.length > 0 ? ` (${someReasons(skipped)})` : '';
    throw new FetchError(`the JWK set has no usable key${why}`, undefined, skipped);
  }
  return { keys, skipped };
}

/** Google publishes its keys twice; this is the form that people find first. */
function noSetReason(body: unknown): string {
  const values: readonly unknown[] = typeof body === 'object' && body !== null ? Object.values(body) : [];
  const isCertificate = (value: unknown): boolean =>
    typeof value === 'string' && value.startsWith('-----BEGIN CERTIFICATE-----');
  if (values.length === 0 || !values.every(isCertificate)) return 'the document is not a JWK set';
  return (
    'the document is a map of certificates, not a JWK set; Google has JWK sets at ' +
    'https://www.googleapis.com/oauth2/v3/certs and, for Firebase, ' +
    'https://www.googleapis.com/service_accounts/v1/jwk/securetoken@system.gserviceaccount.com'
  );
}

/** Providers publish two to ten keys: a line of the log holds the reason for each of them. */
const MAX_REASONS = 20;

/** The reasons for keys that are left out, for one line of a log. */
export function someReasons(skipped: readonly string[]): string {
  const more = skipped.length > MAX_REASONS ? `; and ${skipped.length - MAX_REASONS} more` : '';
  return `${skipped.slice(0, MAX_REASONS).join('; ')}${more}`;
}

/**
 * Returns `keys`, with every key that was already among `known` as the very object it was. Verified tokens stay in the
 * cache as long as their key object is in the set, so a refresh that changes nothing must not make new ones.
 */
export function keepIdentity(keys: readonly VerificationKey[], known: readonly VerificationKey[]): VerificationKey[] {
  const before = byContent(known);
  return [...byContent(keys)].map(([content, key]) => before.get(content) ?? key);
}

/** Returns the JWK set from which {@link readKeySet} makes these keys again: public members only, no certificates. */
export function writeKeySet(keys: readonly VerificationKey[]): { readonly keys: readonly JsonWebKey[] } {
  return {
    keys: keys.map(({ kid, algorithms, key, issuer }) => ({
      ...key.export({ format: 'jwk' }),
      ...(kid !== null && { kid }),
      ...(issuer !== undefined && { issuer }),
      ...(algorithms.length === 1 && { alg: algorithms[0] }),
    })),
  };
}

function byContent(keys: readonly VerificationKey[]): Map<string, VerificationKey> {
  return new Map(
    keys.map((key) => [JSON.stringify([key.kid, key.algorithms, key.key.export({ format: 'jwk' }), key.issuer]), key]),
  );
}
