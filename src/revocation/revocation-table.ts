import { randomInt } from 'node:crypto';
import type { Claims } from '../core/claim-selector';
import { FetchError } from '../documents/fetch-error';
import { ENTRY_KINDS, MAX_NAME_LENGTH, type EntryKind, type RevocationEntry } from './revocation-entry';
import { hashOf, LENGTH_BITS, NO_LIMIT, TableShard } from './table-shard';

/**
 * Seconds for which an entry counts past its `exp`: a token is accepted until its own `exp` + `leeway` (300 at the most),
 * and the clock of the list's author may be slow.
 */
export const EXTRA_SECONDS = 600;

const [JTI, SID, SUB, CLIENT_ID, ISS] = [0, 1, 2, 3, 4] as const satisfies readonly number[];

/** Different issuers of one table. */
const MAX_ISSUERS = 10_000;
/** The bytes of the name that is added or looked up: no two are under way at once. */
const name = new Uint8Array(2 * MAX_NAME_LENGTH);
/** A power of two. A shard is rebuilt as a whole when it is full, so this bounds how long one addition can take. */
const SHARDS = 64;

/**
 * Revocation entries in memory: exact, without false positives, in flat arrays, so that a million costs about 65 MB and
 * nothing for the garbage collector to walk through. Names are data, never keys of an object. Entries about the same
 * subject count as one, with the later `issued_before` and the later `exp` of each.
 *
 * It is kept by the number of entries; names are bounded when they are read ({@link MAX_NAME_LENGTH}).
 */
export class RevocationTable {
  /** Different in each process, so that nobody can choose names that fall together. */
  readonly #seed = randomInt(2 ** 32);
  readonly #issuers = new Map<string, number>();
  readonly #shards: (TableShard | undefined)[] = new Array<TableShard | undefined>(SHARDS).fill(undefined);
  /** Entries that were ever added, by kind: a kind without any costs nothing to ask. */
  readonly #kinds = ENTRY_KINDS.map(() => 0);
  #size = 0;

  /** @param maxEntries - the most entries; one more is a {@link FetchError} */
  constructor(private readonly maxEntries: number) {}

  /** Entries that are held; some may have ended since. */
  get size(): number {
    return this.#size;
  }

  /**
   * Adds an entry, or merges it with the one about the same subject. One that has ended is left out.
   *
   * @throws FetchError when there are too many entries or issuers
   */
  add({ issuer, kind, name: itsName, issuedBefore, exp }: RevocationEntry, nowSeconds: number): void {
    const end = endOf(exp);
    if (end <= nowSeconds) return;
    const kindIndex = ENTRY_KINDS.indexOf(kind);
    const key = readName(this.#issuerIndex(issuer), kindIndex, itsName);
    const hash = hashOf(this.#seed, key, name);
    const shard = (this.#shards[hash & (SHARDS - 1)] ??= new TableShard());
    const before = shard.size;
    shard.add(hash, key, name, end, issuedBefore === undefined ? NO_LIMIT : Math.ceil(issuedBefore), nowSeconds);
    this.#size += shard.size - before;
    this.#kinds[kindIndex] = (this.#kinds[kindIndex] ?? 0) + 1;
    if (this.#size > this.maxEntries) this.#sweep(nowSeconds);
  }

  /** Takes an entry back. Returns whether there was one. */
  remove({ issuer, kind, name: itsName }: Pick<RevocationEntry, 'issuer' | 'kind' | 'name'>): boolean {
    const issuerIndex = this.#issuers.get(issuer);
    if (issuerIndex === undefined) return false;
    const key = readName(issuerIndex, ENTRY_KINDS.indexOf(kind), itsName);
    const hash = hashOf(this.#seed, key, name);
    const removed = this.#shards[hash & (SHARDS - 1)]?.remove(hash, key, name) === true;
    if (removed) this.#size -= 1;
    return removed;
  }

  /**
   * Returns by which of its names a token is revoked; `undefined` when it is not. Reads `iss`, `jti`, `sid`, `sub`,
   * `client_id`, `azp` and `iat` of verified claims.
   */
  findRevocation(claims: Claims, nowSeconds: number): EntryKind | undefined {
    const iss = claims['iss'];
    if (this.#size === 0 || typeof iss !== 'string') return undefined;
    const issuer = this.#issuers.get(iss);
    if (issuer === undefined) return undefined;
    const iat = typeof claims['iat'] === 'number' ? claims['iat'] : -Infinity;
    if (this.#isListed(issuer, JTI, ownOf(claims, 'jti'), iat, nowSeconds)) return 'jti';
    if (this.#isListed(issuer, SID, ownOf(claims, 'sid'), iat, nowSeconds)) return 'sid';
    if (this.#isListed(issuer, SUB, ownOf(claims, 'sub'), iat, nowSeconds)) return 'sub';
    // RFC 9068 §2.2 has client_id; OpenID Connect Core 1.0 §2, and so Keycloak, azp.
    if (this.#isListed(issuer, CLIENT_ID, ownOf(claims, 'client_id'), iat, nowSeconds)) return 'client_id';
    if (this.#isListed(issuer, CLIENT_ID, ownOf(claims, 'azp'), iat, nowSeconds)) return 'client_id';
    return this.#isListed(issuer, ISS, '', iat, nowSeconds) ? 'iss' : undefined;
  }

  #isListed(issuer: number, kind: number, value: unknown, iat: number, nowSeconds: number): boolean {
    if (this.#kinds[kind] === 0) return false;
    // Some issuers number their users, although RFC 7519 §4.1.2 says text.
    const itsName = typeof value === 'number' ? String(value) : value;
    if (typeof itsName !== 'string' || itsName.length > MAX_NAME_LENGTH) return false;
    const key = readName(issuer, kind, itsName);
    const hash = hashOf(this.#seed, key, name);
    return this.#shards[hash & (SHARDS - 1)]?.isListed(hash, key, name, iat, nowSeconds) === true;
  }

  #issuerIndex(issuer: string): number {
    const known = this.#issuers.get(issuer);
    if (known !== undefined) return known;
    if (this.#issuers.size >= MAX_ISSUERS) throw new FetchError(`more than ${MAX_ISSUERS} issuers`);
    this.#issuers.set(issuer, this.#issuers.size);
    return this.#issuers.size - 1;
  }

  #sweep(nowSeconds: number): void {
    this.#size = 0;
    for (const shard of this.#shards) {
      shard?.rebuild(nowSeconds);
      this.#size += shard?.size ?? 0;
    }
    if (this.#size > this.maxEntries) throw new FetchError(`more than ${this.maxEntries} entries (max_entries)`);
  }
}

function ownOf(claims: Claims, name: string): unknown {
  return Object.hasOwn(claims, name) ? claims[name] : undefined;
}

/** When an entry stops to count, as 32 bits hold it: until 2106. */
function endOf(exp: number): number {
  return Math.min(Math.ceil(exp) + EXTRA_SECONDS, NO_LIMIT);
}

/**
 * Writes a name into {@link name}, in one byte a character where that is enough and else in two. Returns its key: a number
 * for everything else that tells entries apart, with the length of the name in the lowest bits.
 */
function readName(issuer: number, kind: number, text: string): number {
  let all = 0;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    name[index] = code;
    all |= code;
  }
  const group = (issuer << 4) | (kind << 1);
  if (all <= 0xff) return (group << LENGTH_BITS) | text.length;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    name[2 * index] = code;
    name[2 * index + 1] = code >>> 8;
  }
  return ((group | 1) << LENGTH_BITS) | (2 * text.length);
}
