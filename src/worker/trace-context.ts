/** Lua's patterns cannot count. */
const DIGIT = '[0-9a-f]';
const PARENT = string.rep(DIGIT, 16);
const MEMBERS = `(${string.rep(DIGIT, 32)})%-${PARENT}%-${DIGIT}${DIGIT}`;
const FIRST_VERSION = `^00%-${MEMBERS}$`;
const ANY_VERSION = `^${DIGIT}${DIGIT}%-${MEMBERS}`;
const NO_PARENT = `^...${string.rep('.', 33)}${string.rep('0', 16)}`;

/**
 * Returns the id of the trace that the client named for the current request: 32 hexadecimal digits. `undefined` without
 * a `traceparent` and with one that is not valid. Reads the same as the plugin server does (core/request/trace-context).
 *
 * @see W3C Trace Context §3.2.2
 */
export function traceId(): string | undefined {
  // nginx joins several lines with a comma, and that is not valid.
  const value = ngx.var['http_traceparent'];
  if (value === undefined || string.match(value, NO_PARENT) !== undefined) return undefined;
  const id = string.match(value, FIRST_VERSION) ?? laterVersion(value);
  return id === undefined || string.match(id, '[^0]') === undefined ? undefined : id;
}

/** Of a version that is not known, the members of the first one are read, and more may follow. */
function laterVersion(value: string): string | undefined {
  const version = string.sub(value, 1, 2);
  const next = string.sub(value, 56, 56);
  if (version === '00' || version === 'ff' || (next !== '' && next !== '-')) return undefined;
  return string.match(value, ANY_VERSION);
}
