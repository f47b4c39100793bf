/**
 * What two routes have in common, one kind of condition at a time. A list that is `null` or empty is no condition. All
 * texts are as they stand in a kong.yml.
 */
import { splitHost } from './conditions';
import { headerRegExp, pathRegExp } from '../paths/rust-regexp';

type Values = readonly string[] | null;
type Headers = Readonly<Record<string, readonly string[]>> | null;

/** Values that meet two conditions: examples, and whether there can be others or none at all. */
export interface Shared<T> {
  readonly examples: readonly T[];
  /** False only if it is certain that no value meets both conditions. */
  readonly isPossible: boolean;
}

/** Returns methods that two lists share. */
export function sharedMethods(a: Values, b: Values): Shared<string> {
  if (!isSet(a)) return exactly(isSet(b) ? b : ['GET']);
  return exactly(isSet(b) ? a.filter((method) => b.includes(method)) : a);
}

/** Returns hosts that fit a host of each list, with the port that they must name; `null` stands for any host. */
export function sharedHosts(a: Values, b: Values): Shared<string | null> {
  if (!isSet(a) && !isSet(b)) return exactly<string | null>([null]);
  const [left, right] = [isSet(a) ? a : ['*'], isSet(b) ? b : ['*']];
  return exactly(pairs(left, right).flatMap(([one, other]) => sharedHost(one, other) ?? []));
}

/** Returns paths that fit a path of each list. Regular expressions are tried with a few texts, not solved. */
export function sharedPaths(a: Values, b: Values): Shared<string> {
  const all = pairs(isSet(a) ? a : ['/'], isSet(b) ? b : ['/']).map(([one, other]) => sharedPath(one, other));
  return { examples: all.flatMap(({ examples }) => examples), isPossible: all.some(({ isPossible }) => isPossible) };
}

/** Returns headers that meet the conditions of both: one line for each, so they never exclude one another. */
export function sharedHeaders(a: Headers, b: Headers): Shared<readonly (readonly [name: string, value: string])[]> {
  const wanted = [...Object.entries(a ?? {}), ...Object.entries(b ?? {})];
  const lines = wanted.map(([name, values]) => [name.toLowerCase(), headerExample(values)] as const);
  const isKnown = (line: readonly [string, string | null]): line is readonly [string, string] => line[1] !== null;
  return { examples: lines.every(isKnown) ? [lines.filter(isKnown)] : [], isPossible: true };
}

/** Whether a method that fits `a` always fits `b`. */
export function methodsWithin(a: Values, b: Values): boolean {
  return !isSet(b) || (isSet(a) && a.every((method) => b.includes(method)));
}

/** Whether a host that fits `a` always fits `b`. */
export function hostsWithin(a: Values, b: Values): boolean {
  return !isSet(b) || (isSet(a) && a.every((one) => b.some((other) => hostWithin(one, other))));
}

/** Whether a path that fits `a` always fits `b`. False if that would need to solve regular expressions. */
export function pathsWithin(a: Values, b: Values): boolean {
  return !isSet(b) || (isSet(a) ? a : ['/']).every((one) => b.some((other) => pathWithin(one, other)));
}

/** Whether headers that meet `a` always meet `b`. */
export function headersWithin(a: Headers, b: Headers): boolean {
  const inA = new Map(Object.entries(a ?? {}).map(([name, values]) => [name.toLowerCase(), lowered(values)]));
  return Object.entries(b ?? {}).every(([name, values]) => {
    const allowed = lowered(values);
    return inA.get(name.toLowerCase())?.every((value) => allowed.includes(value)) ?? false;
  });
}

function isSet(list: Values): list is readonly string[] {
  return list !== null && list.length > 0;
}

function exactly<T>(examples: readonly T[]): Shared<T> {
  return { examples, isPossible: examples.length > 0 };
}

function pairs(a: readonly string[], b: readonly string[]): (readonly [string, string])[] {
  return a.flatMap((one) => b.map((other) => [one, other] as const));
}

function lowered(values: readonly string[]): string[] {
  return values.map((value) => value.toLowerCase());
}

/** A host as what it begins and ends with. A plain one is all beginning. */
interface HostPattern {
  readonly start: string;
  readonly end: string;
  readonly isPlain: boolean;
  readonly port: number | null;
}

function hostPattern(host: string): HostPattern {
  const { name, port } = splitHost(host);
  const at = name.indexOf('*');
  if (at === -1) return { start: name, end: name, isPlain: true, port };
  return { start: name.slice(0, at), end: name.slice(at + 1), isPlain: false, port };
}

function sharedHost(a: string, b: string): string | null {
  const [one, other] = [hostPattern(a), hostPattern(b)];
  const port = one.port ?? other.port;
  if (one.port !== null && other.port !== null && one.port !== other.port) return null;
  const start = longerIf(one.start, other.start, (long, short) => long.startsWith(short));
  const end = longerIf(one.end, other.end, (long, short) => long.endsWith(short));
  const plain = [one, other].find(({ isPlain }) => isPlain)?.start;
  const name = plain ?? `${start ?? ''}x${end ?? ''}`;
  const fits = [one, other].every((pattern) =>
    pattern.isPlain ? name === pattern.start : name.startsWith(pattern.start) && name.endsWith(pattern.end),
  );
  if (!fits) return null;
  return port === null ? name : `${name}:${port}`;
}

function hostWithin(a: string, b: string): boolean {
  const [one, other] = [hostPattern(a), hostPattern(b)];
  if (other.port !== null && other.port !== one.port) return false;
  if (other.isPlain) return one.isPlain && one.start === other.start;
  return one.start.startsWith(other.start) && one.end.endsWith(other.end);
}

function sharedPath(a: string, b: string): Shared<string> {
  const isCertain = !isRegex(a) && !isRegex(b);
  const [one, other] = [literalStart(a), literalStart(b)];
  const start = longerIf(one, other, (long, short) => long.startsWith(short));
  if (start === null) return { examples: [], isPossible: false };
  const tails = ['', '/', '/x', 'x', '/1', '1', ...[a, b].flatMap((path) => tailsOf(literalEnd(path)))];
  const examples = [...new Set(tails.map((tail) => start + tail))].filter(
    (path) => !path.includes('//') && fitsPath(path, a) && fitsPath(path, b),
  );
  return { examples, isPossible: isCertain ? examples.length > 0 : true };
}

function pathWithin(a: string, b: string): boolean {
  if (a === b) return true;
  // Every path begins with a slash.
  if (/^~?\/(\.\*)?$/.test(b)) return true;
  return !isRegex(b) && literalStart(a).startsWith(b);
}

function fitsPath(path: string, condition: string): boolean {
  if (!isRegex(condition)) return path.startsWith(condition);
  const pattern = pathRegExp(condition);
  return pattern instanceof RegExp && pattern.test(path);
}

function isRegex(path: string): boolean {
  return path.startsWith('~');
}

/** What every text that fits a path begins with: for a regular expression, its characters up to the first with a meaning. */
function literalStart(path: string): string {
  if (!isRegex(path)) return path;
  // Only the first of several alternatives is anchored, so the others can begin anywhere.
  if (path.includes('|')) return '';
  const [, literal = '', next = ''] = /^~([\w/\-~%:@!&',;=]*)(.?)/s.exec(path) ?? [];
  return '*?{'.includes(next) && next !== '' ? literal.slice(0, -1) : literal;
}

function literalEnd(path: string): string {
  if (!isRegex(path)) return '';
  const [, literal = ''] = /((?:\\\.|[\w/-])+)\$?$/.exec(path) ?? [];
  return literal.replaceAll('\\.', '.');
}

function tailsOf(end: string): string[] {
  return end === '' ? [] : [end, `/x${end}`, `x${end}`];
}

function headerExample(values: readonly string[]): string | null {
  const plain = values.find((value) => !value.startsWith('~*'));
  if (plain !== undefined) return plain;
  const patterns = values.map(headerRegExp);
  return ['', '1', 'x', 'v1', 'true'].find((text) => patterns.some((p) => p instanceof RegExp && p.test(text))) ?? null;
}

function longerIf(a: string, b: string, fits: (long: string, short: string) => boolean): string | null {
  const [long, short] = a.length < b.length ? [b, a] : [a, b];
  return fits(long, short) ? long : null;
}
