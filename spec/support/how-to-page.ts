import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';

const FOLDER = join(__dirname, '../../docs/how-to');

/** A message as a page shows it: its first line, and the header lines and the JSON body that it promises. */
export interface ShownMessage {
  readonly firstLine: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** `undefined` when the page shows no body. */
  readonly body: unknown;
}

/** A command of a page and what follows from it. */
export interface HowToStep {
  readonly command: string;
  readonly answer: ShownMessage;
  /** What the service receives; `undefined` when the page does not show it. */
  readonly received: ShownMessage | undefined;
}

/** A page of docs/how-to: one whole kong.yml, tokens, and commands with their answers. */
export interface HowToPage {
  readonly name: string;
  /** The text of the block that begins with `_format_version`. */
  readonly kongYml: string;
  /** Claims of each token, by the name of the shell variable that holds it. */
  readonly tokens: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  readonly steps: readonly HowToStep[];
}

/**
 * Reads every page of docs/how-to:
 *
 * - a `yaml` block that begins with `_format_version` is the whole kong.yml;
 * - a `json` block after the words "`$NAME` holds a token with these claims" gives the claims of that token;
 * - a `sh` block with curl is a command; the `http` block after it is its answer, and one more that begins with a
 *   method is what the service receives. `…` stands for any text.
 */
export function howToPages(): readonly HowToPage[] {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.md'));
  return names.sort().map((name) => readPage(name, readFileSync(join(FOLDER, name), 'utf8')));
}

function readPage(name: string, text: string): HowToPage {
  let kongYml = '';
  const tokens = new Map<string, Readonly<Record<string, unknown>>>();
  const steps: { command: string; answer?: ShownMessage; received?: ShownMessage }[] = [];
  let end = 0;
  for (const { 0: whole, 1: language, 2: written = '', index } of text.matchAll(/^ *```(\w+)\n([^]*?)^ *```$/gm)) {
    const content = withoutIndent(written);
    const before = text.slice(end, index);
    end = index + whole.length;
    const last = steps.at(-1);
    if (language === 'yaml' && content.includes('_format_version')) kongYml = content;
    if (language === 'json') {
      const [, variable] = /`\$(\w+)` holds a token with these claims/.exec(before) ?? [];
      if (variable !== undefined) tokens.set(variable, JSON.parse(content) as Record<string, unknown>);
    }
    if (language === 'sh' && /^curl /m.test(content)) steps.push({ command: content });
    if (language === 'http' && last !== undefined) {
      if (content.startsWith('HTTP/')) last.answer = readMessage(content);
      else last.received = readMessage(content);
    }
  }
  return {
    name,
    kongYml,
    tokens,
    steps: steps.map(({ command, answer, received }) => {
      if (answer === undefined) throw new Error(`${name}: a command without its answer: ${command}`);
      return { command, answer, received };
    }),
  };
}

function readMessage(text: string): ShownMessage {
  const [head = '', body = ''] = text.split(/\n\n/, 2);
  const [firstLine = '', ...lines] = head.trimEnd().split('\n');
  const headers = lines.map((line) => {
    const colon = line.indexOf(':');
    return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
  });
  return { firstLine, headers, body: body.trim() === '' ? undefined : (JSON.parse(body) as unknown) };
}

/** A block in a list is indented like the list. */
function withoutIndent(text: string): string {
  const [indent = ''] = /^ */.exec(text) ?? [];
  return text.replaceAll(new RegExp(`^ {0,${indent.length}}`, 'gm'), '');
}

type Entry = Record<string, unknown>;

/** Members of an issuer that say where its keys are. */
const KEY_SOURCES = ['jwks_uri', 'discovery', 'secret', 'provider'];

/** What a page's file becomes on this machine. */
export interface PreparedFile {
  readonly text: string;
  /** The issuers that it names, by `iss`, as it writes them. */
  readonly issuers: ReadonlyMap<string, Readonly<Entry>>;
}

/**
 * Prepares a page's kong.yml for this machine: every service is the one at `serviceUrl`, and every issuer whose keys are
 * elsewhere has the keys `jwks`. Everything else stays as it is written.
 */
export function prepared(kongYml: string, serviceUrl: string, jwks: string): PreparedFile {
  const issuers = new Map<string, Readonly<Entry>>();
  const localized = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(localized);
    if (typeof value !== 'object' || value === null) return value;
    const entry = value as Entry;
    if (typeof entry['issuer'] === 'string' && KEY_SOURCES.some((source) => source in entry)) {
      issuers.set(entry['issuer'], entry);
      if ('secret' in entry) return entry;
      const others = Object.entries(entry).filter(([name]) => !['jwks_uri', 'discovery', 'key_fetch'].includes(name));
      return { ...Object.fromEntries(others), jwks };
    }
    return Object.fromEntries(
      Object.entries(entry).map(([name, member]) => [
        name,
        name === 'url' && 'routes' in entry ? serviceUrl : localized(member),
      ]),
    );
  };
  const text = JSON.stringify(localized(parse(kongYml, { merge: true })));
  return { text, issuers };
}
