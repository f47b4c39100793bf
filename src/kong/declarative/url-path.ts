import { normalizePath } from '../paths/path';
import { patternProblem } from './path-pattern';

const EMPTY_SEGMENT = 'must not have empty segments';

/** Returns what is wrong with the path of a service. Kong 3.9.3: kong/db/schema/typedefs.lua, `path`. */
export function servicePathProblem(path: string): string | null {
  if (!path.startsWith('/')) return 'should start with: /';
  if (path.includes('//')) return EMPTY_SEGMENT;
  if (!isPlain(path)) return `invalid path: '${path}' (characters outside of the reserved list of RFC 3986 found)`;
  return escapeProblem(path);
}

/**
 * Returns what is wrong with a path of a route: a prefix, which must be written as the router sees the paths of requests,
 * or a regular expression after `~`.
 *
 * Kong 3.9.3: kong/db/schema/typedefs.lua, `router_path`
 */
export function routePathProblem(path: string): string | null {
  if (!/^~?\//.test(path)) return 'should start with: / (fixed path) or ~/ (regex path)';
  if (path.includes('//')) return EMPTY_SEGMENT;
  if (path.startsWith('~')) return patternProblem(path.slice(1));
  const problem = isPlain(path) ? escapeProblem(path) : null;
  if (problem !== null) return problem;
  const seen = normalized(path);
  return seen === path ? null : `non-normalized path, consider use '${seen}' instead`;
}

/** What a file of format 1.1 or 2.1 calls a path, as format 3.0 writes it. Kong 3.9.3: migrate_path_280_300.lua. */
export function migratedPath(path: string): string {
  if (/^[\w.\-~/%]*$/.test(path)) return normalized(path);
  return text(`~${bytes(path).replace(/%([\da-f]{2})/gi, (escape, hex: string) => unescaped(escape, hex))}`);
}

function unescaped(escape: string, hex: string): string {
  const char = String.fromCharCode(Number.parseInt(hex, 16));
  if (/[!#$%&'()*+,/:;=?@[\]]/.test(char)) return escape.toUpperCase();
  return /[.^\-{}\\|]/.test(char) ? `\\${char}` : char;
}

function isPlain(path: string): boolean {
  return /^\/[\w.\-~/%:@!$&'()*+,;=]*$/.test(path);
}

function escapeProblem(path: string): string | null {
  const [bad] = /%(?![\da-f]{2}).{0,2}/is.exec(path) ?? [];
  return bad === undefined ? null : `invalid url-encoded value: '${bad}'`;
}

/** The router works with bytes: one character for each. */
function normalized(path: string): string {
  return text(normalizePath(bytes(path)));
}

function bytes(path: string): string {
  return Buffer.from(path).toString('latin1');
}

function text(path: string): string {
  return Buffer.from(path, 'latin1').toString();
}
