import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';

/**
 * Most characters of each member, with room for padding and for a leading zero byte: RSA with 8192 bits (1366
 * characters), exponents of 5 bytes (7), coordinates of P-521 (88). What is longer is of no use, and Node and OpenSSL
 * need time for it that grows faster than its length.
 */
const MAX_MEMBER_LENGTH = { n: 1376, e: 16, x: 96, y: 96 } as const;

type NumberMember = keyof typeof MAX_MEMBER_LENGTH;

/** The members that make a public key (RFC 7518 §6.2.1, §6.3.1; RFC 8037 §2), by `kty`. */
const NUMBERS: ReadonlyMap<unknown, readonly NumberMember[]> = new Map([
  ['RSA', ['n', 'e']],
  ['EC', ['x', 'y']],
  ['OKP', ['x']],
]);

/** SEC 1 §2.3.3: both coordinates follow. */
const UNCOMPRESSED = 4;

/** A curve's coordinates in bytes and, where that is faster, the beginning of its keys in DER (RFC 5480 §2). */
interface Curve {
  readonly kty: 'EC' | 'OKP';
  readonly der?: { readonly prefix: Buffer; readonly coordinateBytes: number };
}

/**
 * From a JWK, Node multiplies the point by the group's order, about 1 ms for P-521; from DER it only looks whether the
 * point is on the curve, about 0.1 ms. On these curves that is enough, since their cofactor is 1 (NIST SP 800-186 §3.2.1).
 */
const CURVES: ReadonlyMap<unknown, Curve> = new Map<unknown, Curve>([
  ['P-256', { kty: 'EC' }],
  ['P-384', { kty: 'EC', der: derOf('3076301006072a8648ce3d020106052b81040022036200', 48) }],
  ['P-521', { kty: 'EC', der: derOf('30819b301006072a8648ce3d020106052b8104002303818600', 66) }],
  ['Ed25519', { kty: 'OKP' }],
]);

/**
 * Makes a public key of the members of a JWK, or says why that is not possible. Of the JWK it looks at `kty`, `crv` and
 * the key's numbers alone, and at their lengths before their content. Whether the key is sound, it does not say.
 *
 * @param member - returns a member of the JWK by its name
 * @see RFC 7518 §6, RFC 8037 §2
 */
export function importPublicJwk(
  kty: unknown,
  member: (name: string) => unknown,
): KeyObject | { readonly reason: string } {
  const names = NUMBERS.get(kty);
  if (names === undefined) return { reason: 'its kty is not supported' };
  // The certificate would have to be read to get at its key, and RFC 7517 §4.7 wants the numbers beside it.
  if (member('x5c') !== undefined && names.every((name) => member(name) === undefined)) {
    return { reason: `it has a certificate (x5c) and no ${names.join(' and ')} beside it` };
  }
  const numbers: Partial<Record<NumberMember, string>> = {};
  for (const name of names) {
    const number = member(name);
    if (typeof number !== 'string') return { reason: `its ${name} is not a string` };
    if (number.length > MAX_MEMBER_LENGTH[name]) return { reason: `its ${name} is too long` };
    numbers[name] = number;
  }
  const crv = kty === 'RSA' ? undefined : member('crv');
  const curve = CURVES.get(crv);
  if (kty !== 'RSA' && curve?.kty !== kty) return { reason: 'its crv is not supported' };
  try {
    const der = curve?.der && pointInDer(curve.der, numbers);
    if (der !== undefined) return createPublicKey({ format: 'der', type: 'spki', key: der });
    return createPublicKey({ format: 'jwk', key: { kty, crv, ...numbers } as JsonWebKey });
  } catch {
    return { reason: 'it cannot be read' };
  }
}

/** @throws RangeError when a coordinate has more bytes than the curve allows */
function pointInDer(
  { prefix, coordinateBytes }: NonNullable<Curve['der']>,
  { x = '', y = '' }: Partial<Record<NumberMember, string>>,
): Buffer {
  const coordinates = [x, y].map((text) => coordinate(text, coordinateBytes));
  return Buffer.concat([prefix, Buffer.from([UNCOMPRESSED]), ...coordinates]);
}

/** Some providers leave out leading zeros, or write one too many, against RFC 7518 §6.2.1.2. */
function coordinate(text: string, size: number): Buffer {
  const bytes = Buffer.from(text, 'base64url');
  const first = bytes.findIndex((byte) => byte !== 0);
  const digits = first < 0 ? Buffer.alloc(0) : bytes.subarray(first);
  return Buffer.concat([Buffer.alloc(size - digits.length), digits]);
}

function derOf(prefix: string, coordinateBytes: number): NonNullable<Curve['der']> {
  return { prefix: Buffer.from(prefix, 'hex'), coordinateBytes };
}
