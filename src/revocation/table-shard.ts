/** The largest value of 32 bits: no `issued_before`, so that every token counts as issued before. */
export const NO_LIMIT = 0xffff_ffff;

/** Numbers of one record. */
const STRIDE = 4;
/** Where its name begins in the arena. */
const OFFSET = 0;
/** Its group, and its name's length in the lowest ten bits. */
const KEY = 1;
/** Seconds since the epoch from which it no longer counts; 0: it was removed. */
const END = 2;
const ISSUED_BEFORE = 3;
const LENGTH_BITS = 10;

const MIN_RECORDS = 8;
const MIN_ARENA_BYTES = 256;
/** Slots are at most so full; open addressing gets slow beyond. */
const MAX_LOAD = 0.75;
/** How much larger arrays are made: little, because a large table is to be small. */
const GROWTH = 1.25;

/**
 * A part of a {@link RevocationTable}: a hash table with open addressing. Records and names stand in flat arrays; a slot
 * holds the number of a record, counted from 1.
 */
export class TableShard {
  #slots = new Uint32Array(2 * MIN_RECORDS);
  #records = new Uint32Array(MIN_RECORDS * STRIDE);
  #arena = new Uint8Array(MIN_ARENA_BYTES);
  /** Records in use, removed ones included, and bytes of their names. */
  #recordCount = 0;
  #arenaBytes = 0;
  #size = 0;

  /** @param hashOf - hash of a key, to place records anew */
  constructor(private readonly hashOf: (group: number, text: string) => number) {}

  /** Records that were not removed; some may have ended. */
  get size(): number {
    return this.#size;
  }

  /** @param text - of characters below 256, fewer than 1024 */
  add(hash: number, group: number, text: string, end: number, issuedBefore: number, nowSeconds: number): void {
    const slot = this.#find(hash, group, text);
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
    if (!this.#hasRoom(text.length)) {
      this.rebuild(nowSeconds, text.length);
      this.add(hash, group, text, end, issuedBefore, nowSeconds);
      return;
    }
    this.#append(slot, group, text, end, issuedBefore);
  }

  remove(hash: number, group: number, text: string): boolean {
    const found = this.#slots[this.#find(hash, group, text)] ?? 0;
    const record = (found - 1) * STRIDE;
    if (found === 0 || this.#at(record + END) === 0) return false;
    // The slot stays in use until the next rebuild: others may have been placed behind it.
    this.#records[record + END] = 0;
    this.#size -= 1;
    return true;
  }

  isListed(hash: number, group: number, text: string, iat: number, nowSeconds: number): boolean {
    const found = this.#slots[this.#find(hash, group, text)] ?? 0;
    if (found === 0) return false;
    const record = (found - 1) * STRIDE;
    if (this.#at(record + END) <= nowSeconds) return false;
    const issuedBefore = this.#at(record + ISSUED_BEFORE);
    return issuedBefore === NO_LIMIT || iat < issuedBefore;
  }

  /** Drops what was removed or has ended, and makes room for one more name of `textLength`. */
  rebuild(nowSeconds: number, textLength = 0): void {
    const [records, arena, count] = [this.#records, this.#arena, this.#recordCount];
    const live: number[] = [];
    let liveBytes = 0;
    for (let record = 0; record < count * STRIDE; record += STRIDE) {
      if ((records[record + END] ?? 0) <= nowSeconds) continue;
      live.push(record);
      liveBytes += lengthOf(records[record + KEY] ?? 0);
    }
    const capacity = Math.max(MIN_RECORDS, Math.ceil((live.length + 1) * GROWTH));
    this.#records = new Uint32Array(capacity * STRIDE);
    this.#arena = new Uint8Array(Math.max(MIN_ARENA_BYTES, Math.ceil((liveBytes + textLength) * GROWTH)));
    this.#slots = new Uint32Array(2 ** Math.ceil(Math.log2(capacity / MAX_LOAD)));
    [this.#recordCount, this.#arenaBytes, this.#size] = [0, 0, 0];
    for (const record of live) {
      const [offset, key] = [records[record + OFFSET] ?? 0, records[record + KEY] ?? 0];
      const [end, issuedBefore] = [records[record + END] ?? 0, records[record + ISSUED_BEFORE] ?? 0];
      const text = Buffer.from(arena.buffer, offset, lengthOf(key)).toString('latin1');
      const group = key >>> LENGTH_BITS;
      this.#append(this.#find(this.hashOf(group, text), group, text), group, text, end, issuedBefore);
    }
  }

  #append(slot: number, group: number, text: string, end: number, issuedBefore: number): void {
    const record = this.#recordCount * STRIDE;
    const offset = this.#arenaBytes;
    for (let index = 0; index < text.length; index += 1) this.#arena[offset + index] = text.charCodeAt(index);
    this.#records[record + OFFSET] = offset;
    this.#records[record + KEY] = (group << LENGTH_BITS) | text.length;
    this.#records[record + END] = end;
    this.#records[record + ISSUED_BEFORE] = issuedBefore;
    this.#arenaBytes += text.length;
    this.#recordCount += 1;
    this.#slots[slot] = this.#recordCount;
    this.#size += 1;
  }

  #hasRoom(textLength: number): boolean {
    return (
      (this.#recordCount + 1) * STRIDE <= this.#records.length &&
      this.#recordCount + 1 <= this.#slots.length * MAX_LOAD &&
      this.#arenaBytes + textLength <= this.#arena.length
    );
  }

  /** Returns the slot of a key, or the empty one in which it belongs. */
  #find(hash: number, group: number, text: string): number {
    const mask = this.#slots.length - 1;
    const key = ((group << LENGTH_BITS) | text.length) >>> 0;
    // The lowest bits chose the shard.
    let slot = (hash >>> 6) & mask;
    for (;;) {
      const found = this.#slots[slot] ?? 0;
      if (found === 0 || this.#isKey((found - 1) * STRIDE, key, text)) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #isKey(record: number, key: number, text: string): boolean {
    if (this.#records[record + KEY] !== key) return false;
    const offset = this.#at(record + OFFSET);
    for (let index = 0; index < text.length; index += 1) {
      if (this.#arena[offset + index] !== text.charCodeAt(index)) return false;
    }
    return true;
  }

  #at(position: number): number {
    return this.#records[position] ?? 0;
  }
}

function lengthOf(key: number): number {
  return key & ((1 << LENGTH_BITS) - 1);
}
