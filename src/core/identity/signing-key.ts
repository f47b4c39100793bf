import type { KeyObject } from 'node:crypto';

/** What a gateway may sign its own tokens with. */
export type SigningAlgorithm = 'EdDSA' | 'ES256';

/** A private key of the gateway. It is never logged, and only its public half is ever published. */
export interface SigningKey {
  readonly kid: string;
  readonly alg: SigningAlgorithm;
  readonly key: KeyObject;
}

/** Returns the key to sign with now; another one after a rotation. */
export type SigningKeySource = () => SigningKey;
