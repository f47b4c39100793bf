import {
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  type CryptoKey,
  type JWK,
  type JWSHeaderParameters,
} from 'jose';

/** The algorithm of every key: ECDSA on P-256 (RFC 7518 §3.4). */
const ALGORITHM = 'ES256';

/** One key pair of the provider's. */
export interface SigningKey {
  readonly privateKey: CryptoKey;
  /** What is published of it (RFC 7517). */
  readonly jwk: JWK;
  readonly header: JWSHeaderParameters & { readonly alg: string };
}

/** Returns a new key, named by its thumbprint (RFC 7638). */
export async function createSigningKey(): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(ALGORITHM);
  const jwk = await exportJWK(publicKey);
  const kid = await calculateJwkThumbprint(jwk);
  return {
    privateKey,
    jwk: { ...jwk, kid, use: 'sig', alg: ALGORITHM },
    header: { alg: ALGORITHM, kid, typ: 'JWT' },
  };
}

/**
 * The keys of a provider that rotates without anybody noticing: the next key is published long before it signs, and the
 * previous one stays published until the last token that it signed has expired.
 */
export class SigningKeys {
  readonly #retiring: { readonly key: SigningKey; readonly untilMs: number }[] = [];

  private constructor(
    private readonly now: () => number,
    private signing: SigningKey,
    private next: SigningKey,
  ) {}

  /** @param now - the time, in milliseconds since the epoch */
  static async create(now: () => number): Promise<SigningKeys> {
    return new SigningKeys(now, await createSigningKey(), await createSigningKey());
  }

  /** The key that signs now. */
  get current(): SigningKey {
    return this.signing;
  }

  /** The published set, without keys whose time is over. */
  get jwks(): { readonly keys: readonly JWK[] } {
    const retiring = this.#retiring.filter(({ untilMs }) => this.now() < untilMs).map(({ key }) => key);
    return { keys: [this.signing, this.next, ...retiring].map(({ jwk }) => jwk) };
  }

  /**
   * Signs with the next key from now on and publishes the one after it.
   *
   * @param keepForMs - how long what was signed until now is still good; 0 after a key was stolen
   */
  async rotate(keepForMs: number): Promise<void> {
    const after = await createSigningKey();
    if (keepForMs === 0) this.#retiring.length = 0;
    else this.#retiring.push({ key: this.signing, untilMs: this.now() + keepForMs });
    this.signing = this.next;
    this.next = after;
  }
}
