import { MAX_NAME_LENGTH } from './revocation-entry';

/** The lowest bits of a key hold the length of the name, in bytes. */
const LENGTH_BITS = 10;
const LENGTH_MASK = (1 << LENGTH_BITS) - 1;

/** The name that is added or looked up, in the form in which tables keep names. It is overwritten by the next one. */
export class EntryName {
  /** In one byte a character where that is enough and else in two; those that were there before are behind. */
  readonly bytes = new Uint8Array(2 * MAX_NAME_LENGTH);
  /** A number for everything else that tells entries apart: {@link lengthOf} and, above it, issuer, kind and form. */
  key = 0;
  /** 31 bits, so that it is a small integer. It only spreads names: equality is decided on the names themselves. */
  hash = 0;

  /** @param seed - secret, so that nobody can choose names that fall together */
  constructor(private readonly seed: number) {}

  /** @param text - at most {@link MAX_NAME_LENGTH} characters */
  read(issuer: number, kind: number, text: string): void {
    const { bytes } = this;
    const group = (issuer << 4) | (kind << 1);
    let hash = this.seed ^ Math.imul(group, 0x9e3779b1);
    let all = 0;
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index);
      bytes[index] = code;
      all |= code;
      hash = Math.imul(hash ^ code, 0x85ebca6b);
      hash ^= hash >>> 15;
    }
    if (all <= 0xff) this.key = (group << LENGTH_BITS) | text.length;
    else {
      for (let index = 0; index < text.length; index += 1) {
        const code = text.charCodeAt(index);
        bytes[2 * index] = code;
        bytes[2 * index + 1] = code >>> 8;
      }
      this.key = ((group | 1) << LENGTH_BITS) | (2 * text.length);
    }
    hash = Math.imul(hash ^ (hash >>> 16), 0xc2b2ae35);
    this.hash = (hash ^ (hash >>> 13)) & 0x7fff_ffff;
  }
}

/** Returns the length of a name in bytes. */
export function lengthOf(key: number): number {
  return key & LENGTH_MASK;
}

/** Returns what {@link EntryName.read} was given, from the key and the bytes that it made of it. */
export function readName(
  key: number,
  arena: Buffer,
  offset: number,
): { readonly issuer: number; readonly kind: number; readonly text: string } {
  const group = key >>> LENGTH_BITS;
  const text = arena.toString((group & 1) === 0 ? 'latin1' : 'utf16le', offset, offset + lengthOf(key));
  return { issuer: group >>> 4, kind: (group >>> 1) & 7, text };
}
