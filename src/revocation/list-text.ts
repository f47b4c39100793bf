import { setImmediate } from 'node:timers/promises';
import { FetchError } from '../documents/fetch-error';

/** A document in pieces, in their order. A piece may be overwritten when the next one is asked for. */
export type Pieces = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/** The member that holds the entries. */
const ENTRIES = 'revocations';
/** How many bytes to read at once: less than two milliseconds of work. */
const PIECE_BYTES = 65_536;
/** How long to read before requests get a turn, in milliseconds. */
const SLICE_MS = 4;
/** An entry has a handful of short members. */
const MAX_ENTRY_CHARACTERS = 16_384;
/** What is around the entries: a few numbers. */
const MAX_OTHER_CHARACTERS = 1_048_576;

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d] as const;
const TOO_SHORT = 'the list is not JSON: it ends too early';

/** Returns a document in pieces of which none takes long to read, whatever chunks it is in or comes in. */
export async function* piecesOf(chunks: Pieces): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += PIECE_BYTES) yield chunk.subarray(at, at + PIECE_BYTES);
  }
}

/**
 * Reads the JSON text of a list, `{"revocations": [{…}, …], …}`, piece by piece and entry by entry, and lets requests go on
 * meanwhile: a million entries are 100 MB, and `JSON.parse` would stop everything for seconds. No more than a piece of it
 * is in memory as text. Returns the other members.
 *
 * @param onEntry - is told each entry and its position, counted from 1
 * @throws FetchError when the text is not such a list; what `onEntry` throws
 */
export async function readListText(
  pieces: Pieces,
  onEntry: (entry: unknown, position: number) => void,
): Promise<Readonly<Record<string, unknown>>> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  const decode = (piece?: Uint8Array): string => {
    try {
      return decoder.decode(piece, { stream: piece !== undefined });
    } catch {
      throw new FetchError('the document is not UTF-8');
    }
  };
  const reader = new ListReader(onEntry);
  let sliceEnd = performance.now() + SLICE_MS;
  for await (const piece of pieces) {
    reader.push(decode(piece));
    if (performance.now() < sliceEnd) continue;
    await setImmediate();
    sliceEnd = performance.now() + SLICE_MS;
  }
  reader.push(decode());
  return reader.end();
}

/** Reads a list whose text comes in pieces. */
class ListReader {
  /** The text before the entries, with the bracket that opens them; `undefined` while it is not there as a whole. */
  #head: string | undefined;
  /** What is expected next. */
  #state: 'first entry or end' | 'entry' | 'comma or end' | 'the rest' = 'first entry or end';
  /** Text that was not read yet. */
  #text = '';
  #position = 0;

  constructor(private readonly onEntry: (entry: unknown, position: number) => void) {}

  push(piece: string): void {
    this.#text += piece;
    let at = 0;
    if (this.#head === undefined) {
      const start = findEntries(this.#text);
      if (start === undefined) {
        this.#bound(MAX_OTHER_CHARACTERS, `the document has no ${ENTRIES}`);
        return;
      }
      this.#head = this.#text.slice(0, start);
      at = start;
    }
    if (this.#state !== 'the rest') this.#text = this.#text.slice(this.#readEntries(at));
    if (this.#state === 'the rest') this.#bound(MAX_OTHER_CHARACTERS, `there is too much behind the ${ENTRIES}`);
    else this.#bound(MAX_ENTRY_CHARACTERS, `entry ${this.#position + 1} is too long`);
  }

  /** Returns the members that are not entries. To read them proves that what is around the entries is JSON, too. */
  end(): Readonly<Record<string, unknown>> {
    if (this.#head === undefined && skipBlanks(this.#text, 0) === this.#text.length) {
      throw new FetchError('the list is not a JSON object');
    }
    if (this.#head === undefined || this.#state !== 'the rest') throw new FetchError(TOO_SHORT);
    const rest = parse(this.#head + this.#text, 'the list') as Readonly<Record<string, unknown>>;
    const entries = rest[ENTRIES];
    // Two readers could take either for the list.
    if (!Array.isArray(entries) || entries.length > 0) throw new FetchError(`${ENTRIES} is there twice`);
    return rest;
  }

  /** Reads the entries that are there as a whole. Returns the position of what is left. */
  #readEntries(from: number): number {
    const text = this.#text;
    for (let at = skipBlanks(text, from); at < text.length; at = skipBlanks(text, at)) {
      const next = text.charCodeAt(at);
      if (next === CLOSE_LIST && this.#state !== 'entry') {
        this.#state = 'the rest';
        return at;
      }
      if (this.#state === 'comma or end') {
        if (next !== COMMA) throw new FetchError('the list is not JSON');
        this.#state = 'entry';
        at += 1;
        continue;
      }
      const end = endOfValue(text, at);
      if (end === undefined) return at;
      this.#position += 1;
      if (end - at > MAX_ENTRY_CHARACTERS) throw new FetchError(`entry ${this.#position} is too long`);
      this.onEntry(parse(text.slice(at, end), `entry ${this.#position}`), this.#position);
      this.#state = 'comma or end';
      at = end;
    }
    return text.length;
  }

  #bound(characters: number, problem: string): void {
    if (this.#text.length > characters) throw new FetchError(problem);
  }
}

/** Returns the position behind the bracket that opens the entries; `undefined` when the text ends before. */
function findEntries(text: string): number | undefined {
  let at = skipBlanks(text, 0);
  if (at < text.length && text[at] !== '{') throw new FetchError('the list is not a JSON object');
  at = skipBlanks(text, at + 1);
  while (text[at] === '"') {
    const keyEnd = endOfString(text, at);
    if (keyEnd === undefined) return undefined;
    const key = parse(text.slice(at, keyEnd), 'the list');
    at = skipBlanks(text, keyEnd);
    if (at >= text.length) return undefined;
    if (text[at] !== ':') throw new FetchError('the list is not JSON');
    at = skipBlanks(text, at + 1);
    if (at >= text.length) return undefined;
    if (key === ENTRIES) {
      if (text[at] !== '[') throw new FetchError(`${ENTRIES} is not a list`);
      return at + 1;
    }
    const end = endOfValue(text, at);
    if (end === undefined) return undefined;
    at = skipBlanks(text, end);
    if (text[at] === ',') at = skipBlanks(text, at + 1);
  }
  if (at >= text.length) return undefined;
  throw new FetchError(`the document has no ${ENTRIES}`);
}

/**
 * Returns the position behind the JSON value that begins at `at`, not whether the value is right; `undefined` when the text
 * may end within it.
 */
function endOfValue(text: string, at: number): number | undefined {
  const first = text.charCodeAt(at);
  if (first === QUOTE) return endOfString(text, at);
  if (first !== OPEN_OBJECT && first !== OPEN_LIST) {
    for (let end = at; end < text.length; end += 1) if (',]} \n\r\t'.includes(text.charAt(end))) return end;
    return undefined;
  }
  let depth = 0;
  for (let end = at; end < text.length; end += 1) {
    const character = text.charCodeAt(end);
    if (character === QUOTE) {
      const stringEnd = endOfString(text, end);
      if (stringEnd === undefined) return undefined;
      end = stringEnd - 1;
    } else if (character === OPEN_OBJECT || character === OPEN_LIST) depth += 1;
    else if ((character === CLOSE_OBJECT || character === CLOSE_LIST) && (depth -= 1) === 0) return end + 1;
  }
  return undefined;
}

function endOfString(text: string, at: number): number | undefined {
  for (let end = at + 1; end < text.length; end += 1) {
    const character = text.charCodeAt(end);
    if (character === QUOTE) return end + 1;
    if (character === BACKSLASH) end += 1;
  }
  return undefined;
}

function skipBlanks(text: string, at: number): number {
  let next = at;
  for (; next < text.length; next += 1) {
    const character = text.charCodeAt(next);
    if (character !== 0x20 && character !== 0x0a && character !== 0x0d && character !== 0x09) break;
  }
  return next;
}

function parse(json: string, what: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new FetchError(`${what} is not JSON`);
  }
}
