import type { Claims } from '../claim-selector';
import { Refusal } from '../refusal/refusal';

/** A JWT in JWS compact serialization, decoded but **not verified**: nothing in it may be believed yet. */
export interface CompactJws {
  /** JOSE header. */
  readonly header: Readonly<Record<string, unknown>>;
  /** Claims set. Decoded from the very characters that the signature covers. */
  readonly claims: Claims;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Decodes a compact JWS. Refuses what two readers could read differently: base64url that is not canonical (one token,
 * one spelling), invalid UTF-8, a BOM, anything but two JSON objects. It checks no signature and no claim.
 *
 * @see RFC 7515 §3.1, §5.2; RFC 7519 §7.2
 */
export function decodeCompactJws(token: string): CompactJws | Refusal {
  const segments = token.split('.', 6);
  // RFC 7516 §9: five segments are a JWE. It must not reach a JWS verifier.
  if (segments.length === 5) return malformed('encrypted (JWE)');
  const [protectedHeader, payload, signature] = segments;
  if (segments.length !== 3 || protectedHeader === undefined || payload === undefined || signature === undefined) {
    return malformed('not three segments');
  }
  // RFC 7518 §3.6: an unsecured JWS, of the algorithm "none".
  if (signature === '') return malformed('it has no signature');
  if (decodeBase64url(signature) === undefined) return malformed('signature is not base64url');
  const header = decodeObject(protectedHeader);
  if (header === undefined) return malformed('header is not a JSON object');
  const claims = decodeObject(payload);
  if (claims === undefined) return malformed('claims set is not a JSON object');
  return { header, claims };
}

function malformed(reason: string): Refusal {
  return new Refusal('token_malformed', reason);
}

function decodeObject(segment: string): Record<string, unknown> | undefined {
  const bytes = decodeBase64url(segment);
  if (bytes === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(utf8.decode(bytes));
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}

/** RFC 7515 §2 base64url, canonical: no padding, no foreign characters, unused bits zero. Node's decoder takes anything. */
function decodeBase64url(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64url');
  return text !== '' && bytes.toString('base64url') === text ? bytes : undefined;
}
