/** Members of Lua's ASCII character classes, as the inside of a RegExp set. */
const CLASSES: Readonly<Record<string, string>> = {
  a: 'A-Za-z',
  c: '\\x00-\\x1f\\x7f',
  d: '0-9',
  l: 'a-z',
  p: '!-\\/:-@\\[-`{-~',
  s: '\\t-\\r ',
  u: 'A-Z',
  w: 'A-Za-z0-9',
  x: 'A-Fa-f0-9',
};

/** One character or set of a pattern, and how often it may repeat. */
const ITEM = /(?:%(?<escaped>.)|\[(?<not>\^?)(?<set>\]?(?:%.|[^\]%])*)\]|(?<char>[^%[()]))(?<repeat>[*+?-]?)/sy;
/** Within a set: `%a` or `%]`, a range, or one character. */
const MEMBER = /%(?<escaped>.)|(?<from>.)-(?<to>.)|(?<char>.)/gs;

/**
 * Returns the RegExp that matches what a Lua pattern matches, for the patterns that a schema needs: anchors, classes in
 * lower case, sets, ranges, `* + - ?`. Throws an `Error` on the rest (captures, `%b`, `%f`, complements such as `%S`)
 * and on anything outside ASCII, because a wrong translation would accept what Kong refuses. Lua counts bytes and a
 * RegExp UTF-16 units; for a pattern without a fixed length that makes no difference.
 *
 * @see Lua 5.1 Reference Manual §5.4.1
 */
export function luaPattern(pattern: string): RegExp {
  const unsupported = (): Error => new Error(`schema: Lua pattern '${pattern}' is not supported`);
  if (/[^\x00-\x7f]/.test(pattern)) throw unsupported();
  const anchored = pattern.startsWith('^');
  let source = anchored ? '^' : '';
  let at = source.length;
  while (at < pattern.length) {
    if (pattern.slice(at) === '$') return new RegExp(`${source}$`);
    ITEM.lastIndex = at;
    const { escaped, not, set, char, repeat } = ITEM.exec(pattern)?.groups ?? {};
    if (escaped !== undefined) source += `[${escapedMembers(escaped, unsupported)}]`;
    else if (set !== undefined) source += `[${not ?? ''}${setMembers(set, unsupported)}]`;
    else if (char !== undefined) source += char === '.' ? '[^]' : `[${literal(char)}]`;
    else throw unsupported();
    source += repeat === '-' ? '*?' : (repeat ?? '');
    at = ITEM.lastIndex;
  }
  return new RegExp(source);
}

function setMembers(set: string, unsupported: () => Error): string {
  return [...set.matchAll(MEMBER)]
    .map(({ groups: { escaped, from, to, char } = {} }) => {
      if (escaped !== undefined) return escapedMembers(escaped, unsupported);
      return from !== undefined && to !== undefined ? `${literal(from)}-${literal(to)}` : literal(char ?? '');
    })
    .join('');
}

/** `%w` is a class, `%.` is a dot; a letter or digit that names no class here has a meaning that is not supported. */
function escapedMembers(char: string, unsupported: () => Error): string {
  const members = CLASSES[char];
  if (members === undefined && /[A-Za-z0-9]/.test(char)) throw unsupported();
  return members ?? literal(char);
}

function literal(char: string): string {
  return char.replace(/./gs, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
