import { setImmediate } from 'node:timers/promises';
import { FetchError } from '../documents/fetch-error';

/** The member that holds the entries. */
const ENTRIES = 'revocations';
/** How long to read before requests get a turn, in milliseconds. */
const SLICE_MS = 5;
/** How many entries to read before the clock is asked. */
const SLICE_ENTRIES = 64;
/** An entry has a handful of short members. */
const MAX_ENTRY_CHARACTERS = 16_384;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Reads the JSON text of a list, `{"revocations": [{…}, …], …}`, entry by entry, and lets requests go on meanwhile: a
 * million entries are 100 MB, and `JSON.parse` would stop everything for a second. Returns the other members.
 *
 * @param onEntry - is told each entry and its position, counted from 1
 * @throws FetchError when the text is not such a list; what `onEntry` throws
 */
export async function readListText(
  text: string,
  onEntry: (entry: unknown, position: number) => void,
): Promise<Readonly<Record<string, unknown>>> {
  const start = findEntries(text);
  let [at, position, sliceEnd] = [skipBlanks(text, start), 0, performance.now() + SLICE_MS];
  if (text[at] === ']') return readRest(text, start, at);
  for (;;) {
    const end = endOfValue(text, at);
    position += 1;
    if (end - at > MAX_ENTRY_CHARACTERS) throw new FetchError(`entry ${position} is too long`);
    onEntry(parse(text.slice(at, end), `entry ${position}`), position);
    at = skipBlanks(text, end);
    if (text[at] === ']') return readRest(text, start, at);
    if (text[at] !== ',') throw new FetchError('the list is not JSON');
    at = skipBlanks(text, at + 1);
    if (position % SLICE_ENTRIES === 0 && performance.now() > sliceEnd) {
      await setImmediate();
      sliceEnd = performance.now() + SLICE_MS;
    }
  }
}

/** Returns the position behind the bracket that opens the entries. */
function findEntries(text: string): number {
  let at = skipBlanks(text, 0);
  if (text[at] !== '{') throw new FetchError('the list is not a JSON object');
  at = skipBlanks(text, at + 1);
  while (text[at] === '"') {
    const keyEnd = endOfString(text, at);
    const key = parse(text.slice(at, keyEnd), 'the list');
    at = skipBlanks(text, keyEnd);
    if (text[at] !== ':') throw new FetchError('the list is not JSON');
    at = skipBlanks(text, at + 1);
    if (key === ENTRIES) {
      if (text[at] !== '[') throw new FetchError(`${ENTRIES} is not a list`);
      return at + 1;
    }
    at = skipBlanks(text, endOfValue(text, at));
    if (text[at] === ',') at = skipBlanks(text, at + 1);
  }
  throw new FetchError(`the document has no ${ENTRIES}`);
}

/** Reads what is around the entries, which proves that it is JSON, too. */
function readRest(text: string, start: number, end: number): Readonly<Record<string, unknown>> {
  const rest = parse(text.slice(0, start) + text.slice(end), 'the list') as Readonly<Record<string, unknown>>;
  const entries = rest[ENTRIES];
  // Two readers could take either for the list.
  if (!Array.isArray(entries) || entries.length > 0) throw new FetchError(`${ENTRIES} is there twice`);
  return rest;
}

/** Returns the position behind the JSON value that begins at `at`; not whether the value is right. */
function endOfValue(text: string, at: number): number {
  const first = text[at];
  if (first === '"') return endOfString(text, at);
  if (first !== '{' && first !== '[') {
    let end = at;
    while (end < text.length && !',]} \n\r\t'.includes(text.charAt(end))) end += 1;
    return end;
  }
  let depth = 0;
  for (let end = at; end < text.length; end += 1) {
    const character = text.charCodeAt(end);
    if (character === QUOTE) end = endOfString(text, end) - 1;
    else if (character === 0x7b || character === 0x5b) depth += 1;
    else if ((character === 0x7d || character === 0x5d) && (depth -= 1) === 0) return end + 1;
  }
  throw new FetchError('the list is not JSON: it ends too early');
}

function endOfString(text: string, at: number): number {
  for (let end = at + 1; end < text.length; end += 1) {
    const character = text.charCodeAt(end);
    if (character === QUOTE) return end + 1;
    if (character === BACKSLASH) end += 1;
  }
  throw new FetchError('the list is not JSON: it ends too early');
}

function skipBlanks(text: string, at: number): number {
  let next = at;
  while (next < text.length && ' \n\r\t'.includes(text.charAt(next))) next += 1;
  return next;
}

function parse(json: string, what: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new FetchError(`${what} is not JSON`);
  }
}
