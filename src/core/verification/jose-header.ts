import type { Algorithm } from '../../../schema/config';
import { Refusal } from '../refusal/refusal';

/** What the verification needs from a JOSE header that passed {@link checkJoseHeader}. */
export interface AcceptedHeader {
  readonly alg: Algorithm;
  readonly kid: string | undefined;
}

/**
 * Checks the header of an unverified token. `jwk`, `jku`, `x5u` and `x5c` are not looked at: keys come from the
 * configuration only (RFC 8725 §3.10).
 *
 * @param algorithms - what the issuer may use
 * @param tokenTypes - accepted `typ` values, normalized by {@link normalizeTokenType}; empty: any that does not name
 *   another kind of token
 */
export function checkJoseHeader(
  header: Readonly<Record<string, unknown>>,
  algorithms: ReadonlySet<string>,
  tokenTypes: ReadonlySet<string>,
): AcceptedHeader | Refusal {
  const own = (name: string): unknown => (Object.hasOwn(header, name) ? header[name] : undefined);
  const alg = own('alg');
  const kid = own('kid');
  // RFC 7515 §4.1.11: a recipient must refuse extensions that it does not understand, and this one understands none. jose would
  // accept `b64`, which RFC 7797 §7 forbids in a JWT.
  if (own('crit') !== undefined || own('b64') !== undefined) {
    return new Refusal('token_malformed', 'crit or b64 in the header');
  }
  if (kid !== undefined && typeof kid !== 'string') return new Refusal('token_malformed', 'kid is not a string');
  if (typeof alg !== 'string') return new Refusal('token_malformed', 'alg is not a string');
  if (!algorithms.has(alg)) {
    return new Refusal('token_untrusted', 'alg is not one of the accepted algorithms', { accepted: [...algorithms] });
  }
  return checkTokenType(own('typ'), tokenTypes) ?? { alg: alg as Algorithm, kid };
}

/** Returns a `typ` in its short, lower-case form: `application/at+jwt` and `AT+JWT` are both `at+jwt` (RFC 7515 §4.1.9). */
export function normalizeTokenType(typ: string): string {
  return typ.toLowerCase().replace(/^application\//, '');
}

/**
 * RFC 8725 §3.11: a `typ` ending in `+jwt` says what the token is for. Unless it is listed, only an access token's
 * (`at+jwt`, RFC 9068) is taken, so a logout token or a DPoP proof of the same issuer does not pass for one.
 */
function checkTokenType(typ: unknown, tokenTypes: ReadonlySet<string>): Refusal | undefined {
  if (typ !== undefined && typeof typ !== 'string') return new Refusal('token_malformed', 'typ is not a string');
  const type = typ === undefined ? '' : normalizeTokenType(typ);
  const accepted = tokenTypes.size > 0 ? tokenTypes.has(type) : type === 'at+jwt' || !type.endsWith('+jwt');
  if (accepted) return undefined;
  return new Refusal('token_type_not_accepted', 'typ is not one of the accepted types', { accepted: [...tokenTypes] });
}
