import { constants, createHmac, createVerify, timingSafeEqual, verify } from 'node:crypto';
import { promisify } from 'node:util';
import type { Algorithm } from '../../schema/config';
import type { VerificationKey } from '../core/verification/key-source';
import { FetchError } from '../documents/fetch-error';

/** Verifies a signature of text that comes in pieces, each once. */
export interface SignatureCheck {
  /**
   * @param bytes - the next piece of what was signed; it is kept by some algorithms
   * @throws FetchError when there is more than can be verified with that algorithm
   */
  update(bytes: Uint8Array): void;
  /** Whether the signature is that of all pieces so far. Anything that is not a signature is `false`. */
  fits(signature: Uint8Array): Promise<boolean>;
}

/** RFC 7518 §3.4: R and S, each as long as the curve's order, in bytes. */
const ECDSA_BYTES: Readonly<Record<string, number>> = { ES256: 64, ES384: 96, ES512: 132 };

/** How much EdDSA may sign: it is in memory twice while it is verified. A list of 200,000 entries is 27 MB as a JWT. */
export const MAX_EDDSA_BYTES = 32 * 1024 * 1024;

const verifyElsewhere = promisify(verify);

/**
 * Begins to verify a signature with Node's own functions, because jose wants the whole text at once: with a list of a million
 * entries that takes several times 130 MB, and stops all requests.
 *
 * EdDSA has no pieces: its hash begins with half of the signature, which comes last. The text is held in memory, up to
 * {@link MAX_EDDSA_BYTES}, and verified on another thread at the end.
 *
 * @param key - one that may verify `alg`, as a {@link KeySource} finds it
 * @see RFC 7518 §3.2–3.5, RFC 8037 §3.1, RFC 8032 §5.1.7
 */
export function openSignature(alg: Algorithm, { key, algorithms }: VerificationKey): SignatureCheck {
  if (!algorithms.includes(alg)) throw new TypeError(`the key is not for ${alg}`);
  if (alg === 'EdDSA' || alg === 'Ed25519') {
    const pieces: Uint8Array[] = [];
    let length = 0;
    return {
      update: (bytes) => {
        length += bytes.length;
        if (length > MAX_EDDSA_BYTES) {
          throw new FetchError(
            `a document signed with ${alg} may have ${MAX_EDDSA_BYTES} bytes: sign longer ones with ES256`,
          );
        }
        pieces.push(bytes);
      },
      fits: (signature) => verifyElsewhere(null, Buffer.concat(pieces), key, signature),
    };
  }
  const hash = `sha${alg.slice(2)}`;
  if (alg.startsWith('HS')) {
    const hmac = createHmac(hash, key);
    return {
      update: (bytes) => void hmac.update(bytes),
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
    update: (bytes) => void running.update(bytes),
    fits: (signature) => Promise.resolve(fits(signature)),
  };
}
