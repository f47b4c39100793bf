import { Refusal, type RefusalHints } from '../refusal/refusal';
import { checkJoseHeader, type AcceptedHeader } from './jose-header';
import type { FoundKeys, KeyLookup, KeySource } from './key-source';
import type { Observer } from '../observer';
import type { TokenOwner, TrustedIssuer } from './trusted-issuer';

/** An entry that may judge a token, with what that is decided by. */
export interface KeyOwner {
  readonly issuer: Pick<TrustedIssuer, 'algorithms' | 'tokenTypes' | 'keysNameIssuer'>;
  readonly keys: KeySource;
}

/** The entry that judges a token, and its keys that may have signed it. */
export interface OwnerKey<Owner extends KeyOwner = TokenOwner> {
  readonly owner: Owner;
  readonly alg: AcceptedHeader['alg'];
  readonly keys: FoundKeys;
}

type Header = Readonly<Record<string, unknown>>;

/**
 * Finds the one entry that judges a token among those of its issuer: the one that accepts its `alg` and, where several
 * do, the one in whose key set its key is. A token that fits two is refused, so no entry's key ever verifies a token that
 * another one judges.
 *
 * @param owners - by the token's `iss`
 */
export async function findOwnerKey<Owner extends KeyOwner>(
  owners: readonly Owner[],
  header: Header,
  iss: string,
  observe?: Observer,
): Promise<OwnerKey<Owner> | Refusal> {
  const alg = Object.hasOwn(header, 'alg') ? header['alg'] : undefined;
  const able = owners.filter(({ issuer }) => typeof alg === 'string' && issuer.algorithms.has(alg));
  // When none accepts it, the first says why not.
  const [first, second] = able.length > 0 ? able : owners.slice(0, 1);
  if (first === undefined) return new Refusal('token_untrusted', 'iss is none of the issuers');
  const accepted = accept(first, header);
  if (second === undefined) return accepted instanceof Refusal ? accepted : keyOf(first, accepted, iss, observe);
  if (accepted instanceof Refusal && accepted.code === 'token_malformed') return accepted;
  return chosenByKey(able, header, iss, observe);
}

function accept({ issuer }: KeyOwner, header: Header): AcceptedHeader | Refusal {
  return checkJoseHeader(header, issuer.algorithms, issuer.tokenTypes);
}

async function keyOf<Owner extends KeyOwner>(
  owner: Owner,
  accepted: AcceptedHeader,
  iss: string,
  observe: Observer | undefined,
): Promise<OwnerKey<Owner> | Refusal> {
  const keys = await lookUp(owner, accepted, iss);
  return keys.status === 'found' ? { owner, alg: accepted.alg, keys } : notFound([keys], [owner], observe);
}

function lookUp({ issuer, keys }: KeyOwner, { alg, kid }: AcceptedHeader, iss: string): KeyLookup | Promise<KeyLookup> {
  return keys.find(issuer.keysNameIssuer ? { alg, kid, iss } : { alg, kid });
}

/** Every set is asked: a key that is in two sets says nothing about whose token it is. */
async function chosenByKey<Owner extends KeyOwner>(
  owners: readonly Owner[],
  header: Header,
  iss: string,
  observe: Observer | undefined,
): Promise<OwnerKey<Owner> | Refusal> {
  // The algorithm is accepted by each, and what is malformed was refused.
  const { alg, kid } = header as unknown as AcceptedHeader;
  const lookups = await Promise.all(owners.map(async (owner) => lookUp(owner, { alg, kid }, iss)));
  const fitting = owners.flatMap((owner, index) => {
    const keys = lookups[index];
    return keys?.status === 'found' ? [{ owner, alg, keys }] : [];
  });
  const [chosen, another] = fitting;
  if (another !== undefined) return new Refusal('token_untrusted', 'two entries of the issuer have a key that fits');
  if (chosen === undefined) return notFound(lookups, owners, observe);
  const accepted = accept(chosen.owner, header);
  return accepted instanceof Refusal ? accepted : chosen;
}

function notFound(lookups: readonly KeyLookup[], owners: readonly KeyOwner[], observe: Observer | undefined): Refusal {
  if (observe !== undefined) {
    for (const finding of owners.flatMap(({ keys }) => keys.findings?.() ?? [])) observe('key', finding);
  }
  const hints = hintsOf(lookups);
  const unavailable = lookups.filter((lookup) => lookup.status === 'unavailable');
  if (unavailable.length > 0) {
    const retryAfterSeconds = Math.min(...unavailable.map((lookup) => lookup.retryAfterSeconds));
    return new Refusal('keys_unavailable', 'no usable keys of the issuer', { ...hints, retryAfterSeconds });
  }
  const missing = lookups.filter((lookup) => lookup.status === 'not_found');
  const isAmbiguous = missing.some(({ reason }) => reason === 'ambiguous_key');
  return new Refusal('token_untrusted', isAmbiguous ? 'ambiguous_key' : 'no_matching_key', hints);
}

/** Why the key may be missing: an operator who reads the refusal need not look for another line. */
function hintsOf(lookups: readonly KeyLookup[]): RefusalHints {
  const [cause] = lookups.flatMap((lookup) => ('cause' in lookup ? (lookup.cause ?? []) : []));
  return cause === undefined ? {} : { hint: `the last fetch failed: ${cause}` };
}
