import type { KeyObject } from 'node:crypto';
import type { Algorithm } from '../../../schema/config';

/** A key that may verify signatures, with everything it is allowed to do decided when it was loaded. */
export interface VerificationKey {
  /** The key set's own `kid`; `null` when it has none (PEM, secret, JWK without `kid`). */
  readonly kid: string | null;
  /** What this key may verify: fixed by its type, curve and size, narrowed by its JWK's `alg`, `use` and `key_ops`. Never empty. */
  readonly algorithms: readonly Algorithm[];
  /** The only issuer for whose tokens the key counts, or a template of such (Entra ID: a member `issuer` of its JWK). */
  readonly issuer?: string;
  /** A public key or, for HMAC, a secret key. Never a private key. */
  readonly key: KeyObject;
}

/**
 * How many keys a token without a `kid` is tried with. A sender of such tokens chooses how many signatures are checked,
 * so it is a few: enough for a key, the next one, and one from before.
 *
 * @see RFC 7515 Appendix D
 */
export const MAX_TRIED_KEYS = 3;

/** What a token says about the key it wants. All of it comes from an unverified token. */
export interface KeyRequest {
  readonly alg: Algorithm;
  readonly kid: string | undefined;
  /** The token's `iss`, where keys may be for some issuers only; otherwise {@link VerificationKey.issuer} does not count. */
  readonly iss?: string;
}

/** The key that a token names, or the few that may have signed a token without a `kid`. */
export interface FoundKeys {
  readonly status: 'found';
  readonly key: VerificationKey;
  /** More keys that fit a token without a `kid`: {@link MAX_TRIED_KEYS} with the first one, at the most. */
  readonly others?: readonly VerificationKey[];
}

/** The answer of a {@link KeySource}. Only `found` can lead to "proceed". */
export type KeyLookup =
  | FoundKeys
  /** No key fits, or too many do and nothing tells which (RFC 7515 §4.1.4, Appendix D): the token is refused. */
  | {
      readonly status: 'not_found';
      readonly reason: 'no_matching_key' | 'ambiguous_key';
      /** As below: a newer key set may have the key. */
      readonly cause?: string | undefined;
    }
  /** The keys themselves are not to be had and nothing usable is cached: a 503, not the token's fault. */
  | {
      readonly status: 'unavailable';
      readonly retryAfterSeconds: number;
      /** Why the last attempt to fetch them failed, for logs; holds nothing of the document. Absent when not known. */
      readonly cause?: string | undefined;
    };

/** Where one issuer's keys come from. Implementations live in `src/keys/`; core only asks. */
export interface KeySource {
  /**
   * Finds the key for a token, or the few that may be. Answers synchronously whenever the answer is in memory. Never
   * throws or rejects for anything a token or a provider can cause.
   */
  find(request: KeyRequest): KeyLookup | Promise<KeyLookup>;
  /**
   * Whether `key`, returned by an earlier `find`, is still in the set and the set is still usable. Synchronous and
   * cheap: it is asked on every cache hit, so a key that was removed takes its verified tokens with it.
   */
  holds(key: VerificationKey): boolean;
  /**
   * Returns what there is to say about the keys, for somebody who wants to know why a token finds none: which there are,
   * why others of the document are not used, why the last fetch failed. No key is in it. Only asked for an observer.
   */
  findings?(): readonly string[];
}
