import { lengthOf, type EntryName } from './entry-name';

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

const MIN_RECORDS = 8;
const MIN_ARENA_BYTES = 256;
/** Slots are at most so full; open addressing gets slow beyond. */
const MAX_LOAD = 0.75;
/** How much larger arrays are made: little, because a large table is to be small. */
const GROWTH = 1.25;

/** A name that counts, and for how long. */
export interface ShardRecord {
  readonly key: number;
  /** Where its bytes begin. */
  readonly arena: Buffer;
  readonly offset: number;
  readonly end: number;
  readonly issuedBefore: number;
}

/** No record: a slot is empty. */
const NONE = -1;

/**
 * A part of a {@link RevocationTable}: a hash table with open addressing. Records and names stand in flat arrays. A slot
 * holds the number of a record, counted from 1, and above it bits of the record's hash: nearly every name that is not
 * there is told from those that are without a look at their records, which are far away in memory.
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

  add(name: EntryName, end: number, issuedBefore: number, nowSeconds: number): void {
    const slot = this.#find(name);
    const record = this.#recordIn(slot);
    if (record !== NONE) {
      if (this.#at(record + END) === 0) this.#size += 1;
      // A record that no longer counts must not lend its issued_before to a new one.
      const isOver = this.#at(record + END) <= nowSeconds;
      this.#records[record + ISSUED_BEFORE] = isOver
        ? issuedBefore
        : Math.max(issuedBefore, this.#at(record + ISSUED_BEFORE));
      this.#records[record + END] = isOver ? end : Math.max(end, this.#at(record + END));
      return;
    }
    if (!this.#hasRoom(lengthOf(name.key))) {
      this.rebuild(nowSeconds, lengthOf(name.key));
      this.add(name, end, issuedBefore, nowSeconds);
      return;
    }
    this.#append(slot, name, end, issuedBefore);
  }

  remove(name: EntryName): boolean {
    const record = this.#recordIn(this.#find(name));
    if (record === NONE || this.#at(record + END) === 0) return false;
    // The slot stays in use until the next rebuild: others may have been placed behind it.
    this.#records[record + END] = 0;
    this.#size -= 1;
    return true;
  }

  isListed(name: EntryName, iat: number, nowSeconds: number): boolean {
    const record = this.#recordIn(this.#find(name));
    if (record === NONE || this.#at(record + END) <= nowSeconds) return false;
    const issuedBefore = this.#at(record + ISSUED_BEFORE);
    return issuedBefore === NO_LIMIT || iat < issuedBefore;
  }

  /** Returns what counts now. What is added or removed while it is read changes nothing in it. */
  *records(nowSeconds: number): Generator<ShardRecord> {
    const records = this.#records.slice(0, this.#recordCount * STRIDE);
    const arena = Buffer.from(this.#arena.subarray(0, this.#arenaBytes));
    const numberAt = (position: number): number => records[position] ?? 0;
    for (let record = 0; record < records.length; record += STRIDE) {
      const [offset, key] = [numberAt(record + OFFSET), numberAt(record + KEY)];
      const [end, issuedBefore] = [numberAt(record + END), numberAt(record + ISSUED_BEFORE)];
      if (end > nowSeconds) yield { key, end, issuedBefore, arena, offset };
    }
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
      const hash = this.#at(record * STRIDE + HASH);
      let slot = firstSlot(hash, mask);
      while (this.#slots[slot] !== 0) slot = (slot + 1) & mask;
      this.#slots[slot] = slotValue(hash, mask, record);
    }
  }

  /** Moves the records that count together. The slots are wrong afterwards. */
  #compact(nowSeconds: number): void {
    let [live, bytes] = [0, 0];
    for (let record = 0; record < this.#recordCount * STRIDE; record += STRIDE) {
      if (this.#at(record + END) <= nowSeconds) continue;
      const [offset, length] = [this.#at(record + OFFSET), lengthOf(this.#at(record + KEY))];
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

  #append(slot: number, { bytes, key, hash }: EntryName, end: number, issuedBefore: number): void {
    const record = this.#recordCount * STRIDE;
    const [offset, length] = [this.#arenaBytes, lengthOf(key)];
    for (let index = 0; index < length; index += 1) this.#arena[offset + index] = bytes[index] ?? 0;
    this.#records[record + OFFSET] = offset;
    this.#records[record + KEY] = key;
    this.#records[record + END] = end;
    this.#records[record + ISSUED_BEFORE] = issuedBefore;
    this.#records[record + HASH] = hash;
    this.#slots[slot] = slotValue(hash, this.#slots.length - 1, this.#recordCount);
    this.#arenaBytes += length;
    this.#recordCount += 1;
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
  #find(name: EntryName): number {
    const slots = this.#slots;
    const mask = slots.length - 1;
    const { hash } = name;
    let slot = firstSlot(hash, mask);
    for (;;) {
      const found = slots[slot] ?? 0;
      if (found === 0) return slot;
      // Bits of the hash first: the record is far away.
      if (((found ^ hash) & ~mask) === 0 && this.#isRecord(((found & mask) - 1) * STRIDE, name)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  /** Returns where the record of a slot begins. */
  #recordIn(slot: number): number {
    const found = this.#slots[slot] ?? 0;
    return found === 0 ? NONE : ((found & (this.#slots.length - 1)) - 1) * STRIDE;
  }

  #isRecord(record: number, { bytes, key, hash }: EntryName): boolean {
    if (this.#records[record + HASH] !== hash || this.#records[record + KEY] !== key) return false;
    const [offset, length] = [this.#at(record + OFFSET), lengthOf(key)];
    for (let index = 0; index < length; index += 1) {
      if (this.#arena[offset + index] !== bytes[index]) return false;
    }
    return true;
  }

  #at(position: number): number {
    return this.#records[position] ?? 0;
  }
}

/** Where to look first. The lowest bits chose the shard. */
function firstSlot(hash: number, mask: number): number {
  return (hash >>> 6) & mask;
}

/** What a slot holds. There are fewer records than slots, so the number of each fits into the bits of `mask`. */
function slotValue(hash: number, mask: number, record: number): number {
  return (hash & ~mask) | (record + 1);
}
