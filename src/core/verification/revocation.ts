import type { Observer } from '../observer';
import type { Refusal } from '../refusal/refusal';
import type { VerifiedToken } from './verified-token';

/**
 * Asks whether a verified token was taken back since it was issued. Returns the refusal when it was, or when nobody can
 * tell at the moment and the configuration wants such requests refused; `undefined` when the request goes on. Synchronous
 * whenever the answer is in memory.
 *
 * It is asked for every request, also when the verification came from the token cache. Implementations live in
 * `src/revocation/`. They never ask anybody during a request except to wait for a list that was never there.
 *
 * @param nowSeconds - the time, in seconds since the epoch
 */
export type RevocationCheck = (
  token: VerifiedToken,
  nowSeconds: number,
  observe?: Observer,
) => Refusal | undefined | Promise<Refusal | undefined>;
