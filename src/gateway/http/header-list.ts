import { toByteString } from './byte-string';

/** Headers by name in lower case; all values of a name in order. */
export type HeaderTable = ReadonlyMap<string, readonly string[]>;

/** One header line: name and value, as byte strings. */
export type HeaderLine = readonly [name: string, value: string];

/**
 * The headers of a message, one entry a line, in order, with the spelling of each name. Names are compared without
 * regard to case but otherwise exactly: `X_User_ID` is not `X-User-ID` (Kong 3.9.3: underscores are allowed, and
 * nothing is folded).
 */
export class HeaderList {
  readonly #lines: HeaderLine[];

  constructor(lines: Iterable<HeaderLine> = []) {
    this.#lines = [...lines];
  }

  /** Returns the list of a message that Node parsed: names and values in turn. */
  static fromRaw(raw: readonly string[]): HeaderList {
    const lines: HeaderLine[] = [];
    for (let i = 0; i + 1 < raw.length; i += 2) lines.push([raw[i] ?? '', raw[i + 1] ?? '']);
    return new HeaderList(lines);
  }

  get lines(): readonly HeaderLine[] {
    return this.#lines;
  }

  /** All values of a header, in order. */
  values(name: string): readonly string[] {
    const wanted = name.toLowerCase();
    return this.#lines.filter(([given]) => given.toLowerCase() === wanted).map(([, value]) => value);
  }

  /** The first value of a header, `null` without one. */
  first(name: string): string | null {
    const wanted = name.toLowerCase();
    return this.#lines.find(([given]) => given.toLowerCase() === wanted)?.[1] ?? null;
  }

  /**
   * Returns the headers by name. Lines after the first `max` are left out without a word (Kong 3.9.3:
   * `get_headers` is cut at its limit, 100 unless asked for up to 1000).
   */
  table(max = this.#lines.length): HeaderTable {
    const table = new Map<string, string[]>();
    for (const [name, value] of this.#lines.slice(0, max)) {
      const values = table.get(name.toLowerCase());
      if (values === undefined) table.set(name.toLowerCase(), [value]);
      else values.push(value);
    }
    return table;
  }

  /** Replaces a header by one line for each value, and removes it when there is none. The first line's place is kept. */
  set(name: string, values: readonly string[]): void {
    const at = this.#lines.findIndex(([given]) => given.toLowerCase() === name.toLowerCase());
    const spelling = this.#lines[at]?.[0] ?? name;
    this.remove(name);
    const lines = values.map((value, i): HeaderLine => [i === 0 ? spelling : name, value]);
    this.#lines.splice(at === -1 ? this.#lines.length : at, 0, ...lines);
  }

  /** Adds a line at the end. */
  add(name: string, value: string): void {
    this.#lines.push([name, value]);
  }

  /** Removes all lines of a header. */
  remove(name: string): void {
    const unwanted = name.toLowerCase();
    for (let i = this.#lines.length - 1; i >= 0; i -= 1) {
      if (this.#lines[i]?.[0].toLowerCase() === unwanted) this.#lines.splice(i, 1);
    }
  }

  /** The lines as Node and undici take them: names and values in turn. */
  toRaw(): string[] {
    return this.#lines.flat();
  }
}

/**
 * Returns a plugin's text as a header's value. Control characters are escaped, so that a value can never become a line
 * of its own. Kong 3.9.3 (lua-nginx-module): CR and LF become `%0D%0A`.
 */
export function headerValue(text: string): string {
  return toByteString(text).replace(/[\x00-\x08\x0a-\x1f\x7f]/g, escapeByte);
}

/** Returns a plugin's text as a header's name: what no name may hold is escaped, as Kong does. */
export function headerName(text: string): string {
  return toByteString(text).replace(/[^!#$%&'*+\-.0-9A-Z^_`a-z|~]/g, escapeByte);
}

function escapeByte(char: string): string {
  return `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}
