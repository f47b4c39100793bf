import { randomInt } from 'node:crypto';
import type { Claims } from '../core/claim-selector';
import { FetchError } from '../documents/fetch-error';
import { EntryName, readName } from './entry-name';
import { ENTRY_KINDS, MAX_NAME_LENGTH, type EntryKind, type RevocationEntry } from './revocation-entry';
import { NO_LIMIT, TableShard } from './table-shard';

/**
 * Seconds for which an entry counts past its `exp`: a token is accepted until its own `exp` + `leeway` (300 at the most),
 * and the clock of the list's author may be slow.
 */
export const EXTRA_SECONDS = 600;

const [JTI, SID, SUB, CLIENT_ID, ISS] = [0, 1, 2, 3, 4] as const satisfies readonly number[];

/** Different issuers of one table. */
const MAX_ISSUERS = 10_000;
/** Of each kind; a power of two. A shard is rebuilt as a whole when it is full, so this bounds how long an addition takes. */
const SHARDS = 64;

/**
 * Revocation entries in memory: exact, without false positives, in flat arrays, so that a million costs about 65 MB and
 * nothing for the garbage collector to walk through. Names are data, never keys of an object. Entries about the same
 * subject count as one, with the later `issued_before` and the later `exp` of each.
 *
 * It is kept by the number of entries; names are bounded when they are read ({@link MAX_NAME_LENGTH}).
 */
export class RevocationTable {
  /** No two are added or looked up at once. */
  readonly #name = new EntryName(randomInt(2 ** 31));
  readonly #issuers = new Map<string, number>();
  /** Each kind has its own: a kind with few entries is in the processor's cache, whatever another one holds. */
  readonly #shards = new Array<TableShard | undefined>(ENTRY_KINDS.length * SHARDS).fill(undefined);
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
  add({ issuer, kind, name, issuedBefore, exp }: RevocationEntry, nowSeconds: number): void {
    const end = endOf(exp);
    if (end <= nowSeconds) return;
    const kindIndex = ENTRY_KINDS.indexOf(kind);
    this.#name.read(this.#issuerIndex(issuer), kindIndex, name);
    const shard = (this.#shards[this.#shardOf(kindIndex)] ??= new TableShard());
    const before = shard.size;
    shard.add(this.#name, end, limitOf(issuedBefore), nowSeconds);
    this.#size += shard.size - before;
    this.#kinds[kindIndex] = (this.#kinds[kindIndex] ?? 0) + 1;
    if (this.#size > this.maxEntries) this.#sweep(nowSeconds);
  }

  /** Takes an entry back. Returns whether there was one. */
  remove({ issuer, kind, name }: Pick<RevocationEntry, 'issuer' | 'kind' | 'name'>): boolean {
    const issuerIndex = this.#issuers.get(issuer);
    if (issuerIndex === undefined) return false;
    const kindIndex = ENTRY_KINDS.indexOf(kind);
    this.#name.read(issuerIndex, kindIndex, name);
    const removed = this.#shards[this.#shardOf(kindIndex)]?.remove(this.#name) === true;
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
    // Inherited properties count, too: what somebody added to all objects may refuse a token, but save none.
    if (this.#isListed(issuer, JTI, claims['jti'], iat, nowSeconds)) return 'jti';
    if (this.#isListed(issuer, SID, claims['sid'], iat, nowSeconds)) return 'sid';
    if (this.#isListed(issuer, SUB, claims['sub'], iat, nowSeconds)) return 'sub';
    // RFC 9068 §2.2 has client_id; OpenID Connect Core 1.0 §2, and so Keycloak, azp.
    if (this.#isListed(issuer, CLIENT_ID, claims['client_id'], iat, nowSeconds)) return 'client_id';
    if (this.#isListed(issuer, CLIENT_ID, claims['azp'], iat, nowSeconds)) return 'client_id';
    return this.#isListed(issuer, ISS, '', iat, nowSeconds) ? 'iss' : undefined;
  }

  /**
   * Returns the entries that count, of which a table makes the same answers. Other work may go on between two: what was added
   * before the first one is in it; an entry that is added or taken back meanwhile may be in it or not.
   */
  *entries(nowSeconds: number): Generator<RevocationEntry> {
    for (const shard of this.#shards) {
      let issuers: readonly string[] | undefined;
      for (const { key, arena, offset, end, issuedBefore } of shard?.records(nowSeconds) ?? []) {
        const { issuer, kind: kindIndex, text } = readName(key, arena, offset);
        issuers ??= [...this.#issuers.keys()];
        const kind = ENTRY_KINDS[kindIndex] ?? 'iss';
        const isLimited = issuedBefore !== NO_LIMIT || kind === 'iss';
        const times = { issuedBefore: isLimited ? issuedBefore : undefined, exp: end - EXTRA_SECONDS };
        yield { issuer: issuers[issuer] ?? '', kind, name: text, ...times };
      }
    }
  }

  #isListed(issuer: number, kind: number, value: unknown, iat: number, nowSeconds: number): boolean {
    if (this.#kinds[kind] === 0) return false;
    // Some issuers number their users, although RFC 7519 §4.1.2 says text.
    const name = typeof value === 'number' ? String(value) : value;
    if (typeof name !== 'string' || name.length > MAX_NAME_LENGTH) return false;
    this.#name.read(issuer, kind, name);
    return this.#shards[this.#shardOf(kind)]?.isListed(this.#name, iat, nowSeconds) === true;
  }

  /** Returns which shard holds the name that was read. */
  #shardOf(kind: number): number {
    return kind * SHARDS + (this.#name.hash & (SHARDS - 1));
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

/** When an entry stops to count, as 32 bits hold it: until 2106. */
function endOf(exp: number): number {
  return Math.min(Math.ceil(exp) + EXTRA_SECONDS, NO_LIMIT);
}

/** In 32 bits. A time after 2106 is about all tokens: kept as it is, it would be one in the past. */
function limitOf(issuedBefore = NO_LIMIT): number {
  return Math.min(Math.ceil(issuedBefore), NO_LIMIT);
}
