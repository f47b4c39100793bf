/** A text in nginx's memory. */
interface Bytes {
  readonly data: unknown;
  readonly len: number;
}

interface HeaderLine {
  readonly key: Bytes;
  readonly value: Bytes;
}

/** An array in C, which begins with 0. */
type HeaderLines = Readonly<Record<number, HeaderLine>>;

interface HeaderFfi {
  'new'(this: void, type: string, length?: number): unknown;
  string(this: void, data: unknown, length: number): string;
  readonly C: {
    ngx_http_lua_ffi_req_get_headers_count(this: void, request: unknown, maximum: number, isTruncated: unknown): number;
    ngx_http_lua_ffi_req_get_headers(this: void, request: unknown, lines: unknown, count: number, raw: 0): number;
  };
}

interface CoreBase {
  get_request(this: void): unknown;
}

/** Header lines that are looked at; a request with more is asked about. */
const MAX_LINES = 200;

// The structures are OpenResty's own: it declares them here, and `ngx.req.get_headers` reads them in the same way. Kong
// loads the handler for TCP routes, too, where they do not exist; it never runs there.
pcall(require, 'resty.core.request');
const { get_request: currentRequest } = require('resty.core.base') as CoreBase;
const ffi = require('ffi') as HeaderFfi;
const { C, string: textOf } = ffi;
const [isDeclared, declared] = pcall(ffi.new, 'ngx_http_lua_ffi_table_elt_t[?]', MAX_LINES);
const lines = declared as HeaderLines;
const isTruncated = ffi.new('int[1]') as Readonly<Record<number, number>>;

let isKnown = isDeclared;

function readLines(): number | undefined {
  const request = currentRequest();
  const count = C.ngx_http_lua_ffi_req_get_headers_count(request, MAX_LINES, isTruncated);
  if (count < 0 || isTruncated[0] !== 0) return undefined;
  return C.ngx_http_lua_ffi_req_get_headers(request, lines, count, 0) === 0 ? count : undefined;
}

/**
 * Finds the header lines of the current request for {@link lineName} and {@link lineValue}, and returns how many there
 * are. `undefined` when there are too many, or when this OpenResty declares them otherwise than is known here; every
 * request is then asked about. They are valid until a header changes or another request runs.
 *
 * `ngx.req.get_headers` makes a table of all names and values. Of most lines only the name matters, and not copying the
 * values makes less garbage.
 */
export function findLines(): number | undefined {
  if (!isKnown) return undefined;
  // LuaJIT throws when a function of another OpenResty takes other arguments: a reason to ask, not to refuse.
  const [ran, count] = pcall(readLines);
  if (ran) return count as number | undefined;
  isKnown = false;
  return undefined;
}

/** The name of a line, in lower case. Lines are counted from 0. */
export function lineName(line: number): string {
  const { data, len } = (lines[line] as HeaderLine).key;
  return textOf(data, len);
}

/** The value of a line. */
export function lineValue(line: number): string {
  const { data, len } = (lines[line] as HeaderLine).value;
  return textOf(data, len);
}
