/** The largest value of 32 bits: no `issued_before`, so that every token counts as issued before. */
export const NO_LIMIT = 0xffff_ffff;

/** Numbers of one record. */
const STRIDE = 5;
/** Where its name begins in the arena. */
const OFFSET = 0;
const KEY = 1;
/** Seconds since the epoch from which it no longer counts; 0: it was removed. */
const END = 2;
const ISSUED_BEFORE = 3;
/** Kept, so that slots can be filled anew without a look at the name. */
const HASH = 4;

/** The lowest bits of a key hold the length of the name, in bytes. */
export const LENGTH_BITS = 10;
const LENGTH_MASK = (1 << LENGTH_BITS) - 1;

const MIN_RECORDS = 8;
const MIN_ARENA_BYTES = 256;
/** Slots are at most so full; open addressing gets slow beyond. */
const MAX_LOAD = 0.75;
/** How much larger arrays are made: little, because a large table is to be small. */
const GROWTH = 1.25;

/**
 * A part of a {@link RevocationTable}: a hash table with open addressing. Records and names stand in flat arrays; a slot
 * holds the number of a record, counted from 1. A record is found by its `key`, a number that holds the length of its
 * name, and by the bytes of its name.
 */
export class TableShard {
  #slots = new Uint32Array(2 * MIN_RECORDS);
  #records = new Uint32Array(MIN_RECORDS * STRIDE);
  #arena = new Uint8Array(MIN_ARENA_BYTES);
  /** Records in use, removed ones included, and bytes of their names. */
  #recordCount = 0;
  #arenaBytes = 0;
  #size = 0;

  /** Records that were not removed; some may have ended. */
  get size(): number {
    return this.#size;
  }

  /** @param name - its first bytes, as many as `key` says */
  add(hash: number, key: number, name: Uint8Array, end: number, issuedBefore: number, nowSeconds: number): void {
    const slot = this.#find(hash, key, name);
    const found = this.#slots[slot] ?? 0;
    if (found > 0) {
      const record = (found - 1) * STRIDE;
      if (this.#at(record + END) === 0) this.#size += 1;
      // A record that no longer counts must not lend its issued_before to a new one.
      const isOver = this.#at(record + END) <= nowSeconds;
      this.#records[record + ISSUED_BEFORE] = isOver
        ? issuedBefore
        : Math.max(issuedBefore, this.#at(record + ISSUED_BEFORE));
      this.#records[record + END] = isOver ? end : Math.max(end, this.#at(record + END));
      return;
    }
    if (!this.#hasRoom(key & LENGTH_MASK)) {
      this.rebuild(nowSeconds, key & LENGTH_MASK);
      this.add(hash, key, name, end, issuedBefore, nowSeconds);
      return;
    }
    this.#append(slot, hash, key, name, end, issuedBefore);
  }

  remove(hash: number, key: number, name: Uint8Array): boolean {
    const found = this.#slots[this.#find(hash, key, name)] ?? 0;
    const record = (found - 1) * STRIDE;
    if (found === 0 || this.#at(record + END) === 0) return false;
    // The slot stays in use until the next rebuild: others may have been placed behind it.
    this.#records[record + END] = 0;
    this.#size -= 1;
    return true;
  }

  isListed(hash: number, key: number, name: Uint8Array, iat: number, nowSeconds: number): boolean {
    const found = this.#slots[this.#find(hash, key, name)] ?? 0;
    if (found === 0) return false;
    const record = (found - 1) * STRIDE;
    if (this.#at(record + END) <= nowSeconds) return false;
    const issuedBefore = this.#at(record + ISSUED_BEFORE);
    return issuedBefore === NO_LIMIT || iat < issuedBefore;
  }

  /** Drops what was removed or has ended, and makes room for one more name of so many bytes. */
  rebuild(nowSeconds: number, nameBytes = 0): void {
    this.#compact(nowSeconds);
    const [records, arena] = [this.#records, this.#arena];
    const capacity = Math.max(MIN_RECORDS, Math.ceil((this.#size + 1) * GROWTH));
    this.#records = new Uint32Array(capacity * STRIDE);
    this.#records.set(records.subarray(0, this.#size * STRIDE));
    this.#arena = new Uint8Array(Math.max(MIN_ARENA_BYTES, Math.ceil((this.#arenaBytes + nameBytes) * GROWTH)));
    this.#arena.set(arena.subarray(0, this.#arenaBytes));
    this.#slots = new Uint32Array(2 ** Math.ceil(Math.log2(capacity / MAX_LOAD)));
    const mask = this.#slots.length - 1;
    for (let record = 0; record < this.#size; record += 1) {
      let slot = slotOf(this.#at(record * STRIDE + HASH), mask);
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = record + 1;
    }
  }

  /** Moves the records that count together. The slots are wrong afterwards. */
  #compact(nowSeconds: number): void {
    let [live, bytes] = [0, 0];
    for (let record = 0; record < this.#recordCount * STRIDE; record += STRIDE) {
      if (this.#at(record + END) <= nowSeconds) continue;
      const [offset, length] = [this.#at(record + OFFSET), this.#at(record + KEY) & LENGTH_MASK];
      const to = live * STRIDE;
      if (to !== record) {
        this.#records.copyWithin(to, record, record + STRIDE);
        this.#arena.copyWithin(bytes, offset, offset + length);
        this.#records[to + OFFSET] = bytes;
      }
      live += 1;
      bytes += length;
    }
    [this.#recordCount, this.#size, this.#arenaBytes] = [live, live, bytes];
  }

  #append(slot: number, hash: number, key: number, name: Uint8Array, end: number, issuedBefore: number): void {
    const record = this.#recordCount * STRIDE;
    const [offset, length] = [this.#arenaBytes, key & LENGTH_MASK];
    for (let index = 0; index < length; index += 1) this.#arena[offset + index] = name[index] ?? 0;
    this.#records[record + OFFSET] = offset;
    this.#records[record + KEY] = key;
    this.#records[record + END] = end;
    this.#records[record + ISSUED_BEFORE] = issuedBefore;
    this.#records[record + HASH] = hash;
    this.#arenaBytes += length;
    this.#recordCount += 1;
    this.#slots[slot] = this.#recordCount;
    this.#size += 1;
  }

  #hasRoom(nameBytes: number): boolean {
    return (
      (this.#recordCount + 1) * STRIDE <= this.#records.length &&
      this.#recordCount + 1 <= this.#slots.length * MAX_LOAD &&
      this.#arenaBytes + nameBytes <= this.#arena.length
    );
  }

  /** Returns the slot of a name, or the empty one in which it belongs. */
  #find(hash: number, key: number, name: Uint8Array): number {
    const mask = this.#slots.length - 1;
    let slot = slotOf(hash, mask);
    for (;;) {
      const found = this.#slots[slot] ?? 0;
      if (found === 0 || this.#isRecord((found - 1) * STRIDE, hash, key, name)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #isRecord(record: number, hash: number, key: number, name: Uint8Array): boolean {
    if (this.#records[record + HASH] !== hash || this.#records[record + KEY] !== key) return false;
    const [offset, length] = [this.#at(record + OFFSET), key & LENGTH_MASK];
    for (let index = 0; index < length; index += 1) {
      if (this.#arena[offset + index] !== name[index]) return false;
    }
    return true;
  }

  #at(position: number): number {
    return this.#records[position] ?? 0;
  }
}

/** Where to look first. The lowest bits chose the shard. */
function slotOf(hash: number, mask: number): number {
  return (hash >>> 6) & mask;
}

/** A mixing hash with a secret seed. It only spreads names: equality is decided on the names themselves. */
export function hashOf(seed: number, key: number, bytes: Uint8Array): number {
  let hash = seed ^ Math.imul(key, 0x9e3779b1);
  for (let index = 0; index < (key & LENGTH_MASK); index += 1) {
    hash = Math.imul(hash ^ (bytes[index] ?? 0), 0x85ebca6b);
    hash ^= hash >>> 15;
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0xc2b2ae35);
  return (hash ^ (hash >>> 13)) >>> 0;
}
