import { constants, createHmac, createVerify, timingSafeEqual, verify } from 'node:crypto';
import { promisify } from 'node:util';
import type { Algorithm } from '../../schema/config';
import type { VerificationKey } from '../core/verification/key-source';

/** Verifies a signature of text that comes in pieces, each once. */
export interface SignatureCheck {
  /** @param text - the next piece of what was signed, in ASCII */
  update(text: string): void;
  /** Whether the signature is that of all pieces so far. Anything that is not a signature is `false`. */
  fits(signature: Uint8Array): Promise<boolean>;
}

/** RFC 7518 §3.4: R and S, each as long as the curve's order, in bytes. */
const ECDSA_BYTES: Readonly<Record<string, number>> = { ES256: 64, ES384: 96, ES512: 132 };

const verifyElsewhere = promisify(verify);

/**
 * Begins to verify a signature with Node's own functions, because jose wants the whole text at once: with a list of a million
 * entries that takes several times 130 MB, and stops all requests.
 *
 * EdDSA has no pieces. Its text is held in memory, and verified on another thread at the end.
 *
 * @param key - one that may verify `alg`, as a {@link KeySource} finds it
 * @see RFC 7518 §3.2–3.5, RFC 8037 §3.1
 */
export function openSignature(alg: Algorithm, { key, algorithms }: VerificationKey): SignatureCheck {
  if (!algorithms.includes(alg)) throw new TypeError(`the key is not for ${alg}`);
  if (alg === 'EdDSA' || alg === 'Ed25519') {
    const pieces: Buffer[] = [];
    return {
      update: (text) => void pieces.push(Buffer.from(text, 'latin1')),
      fits: (signature) => verifyElsewhere(null, Buffer.concat(pieces), key, signature),
    };
  }
  const hash = `sha${alg.slice(2)}`;
  if (alg.startsWith('HS')) {
    const hmac = createHmac(hash, key);
    return {
      update: (text) => void hmac.update(text, 'latin1'),
      fits: (signature) => {
        const made = hmac.digest();
        return Promise.resolve(made.length === signature.length && timingSafeEqual(made, signature));
      },
    };
  }
  const running = createVerify(hash);
  const fits = (signature: Uint8Array): boolean => {
    if (alg.startsWith('ES')) {
      return signature.length === ECDSA_BYTES[alg] && running.verify({ key, dsaEncoding: 'ieee-p1363' }, signature);
    }
    const padding = alg.startsWith('PS') ? constants.RSA_PKCS1_PSS_PADDING : constants.RSA_PKCS1_PADDING;
    return running.verify({ key, padding, saltLength: constants.RSA_PSS_SALTLEN_DIGEST }, signature);
  };
  return {
    update: (text) => void running.update(text, 'latin1'),
    fits: (signature) => Promise.resolve(fits(signature)),
  };
}
