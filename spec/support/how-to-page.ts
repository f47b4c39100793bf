import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { kongYmlOf, type Manifest } from './kubernetes';

const FOLDER = join(__dirname, '../../docs/how-to');

/** A message as a page shows it: its first line, and the header lines and the JSON body that it promises. */
export interface ShownMessage {
  readonly firstLine: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** `undefined` when the page shows no body. */
  readonly body: unknown;
}

/** What happens on a page, in its order. */
export type HowToStep =
  /** A request with curl, its answer, and what the service receives; `undefined` when the page does not show it. */
  | {
      readonly kind: 'request';
      readonly command: string;
      readonly answer: ShownMessage;
      readonly received: ShownMessage | undefined;
    }
  /** A command of the operator, and what it prints when the page shows it. */
  | { readonly kind: 'command'; readonly command: string; readonly output: string | undefined }
  /** The keys that the provider publishes from now on. */
  | { readonly kind: 'keys'; readonly kids: readonly string[] }
  /** A token for the shell variable `name`. */
  | {
      readonly kind: 'token';
      readonly name: string;
      readonly claims: Readonly<Record<string, unknown>>;
      /** The key that signs it, when the page names one. */
      readonly kid: string | undefined;
      /** Whether it is issued at this point of the page rather than a minute ago. */
      readonly isNew: boolean;
    };

/** A page of docs/how-to: one whole configuration, and steps. */
export interface HowToPage {
  readonly name: string;
  /** The text of a kong.yml: the block that begins with `_format_version`, or what the manifests mean. */
  readonly kongYml: string;
  /** The manifests for Kubernetes that the page shows. */
  readonly manifests: readonly Manifest[];
  readonly steps: readonly HowToStep[];
}

/** Commands that a page's reader runs once; others are shown for information, or do not end. */
const OPERATION = /^(?:sudo systemctl reload|printf|kong-jwt-identity revoke) /m;

/**
 * Reads every page of docs/how-to:
 *
 * - a `yaml` block that begins with `_format_version` is the whole kong.yml; one with `apiVersion` holds manifests;
 * - a `json` block after the words "`$NAME` holds a token with these claims" gives the claims of that token. "a new
 *   token" is issued just then; ", signed with the key `KID`" says with which key;
 * - the words "the provider publishes the keys `A` and `B`" change its key set;
 * - a `sh` block with curl and Kong's address is a request; the `http` block after it is its answer, and one more that begins with a
 *   method is what the service receives. `…` stands for any text;
 * - a `sh` block with one of some commands is run, and a `text` block after it is what it prints.
 */
export function howToPages(): readonly HowToPage[] {
  const names = readdirSync(FOLDER).filter((name) => name.endsWith('.md'));
  return names.sort().map((name) => readPage(name, readFileSync(join(FOLDER, name), 'utf8')));
}

/** A step that is not complete before the blocks after it are read. */
interface Draft {
  readonly kind: 'request' | 'command';
  readonly command: string;
  answer?: ShownMessage;
  received?: ShownMessage;
  output?: string;
}

function readPage(name: string, text: string): HowToPage {
  let kongYml = '';
  const manifests: Manifest[] = [];
  const steps: (HowToStep | Draft)[] = [];
  let last: Draft | undefined;
  let end = 0;
  for (const { 0: whole, 1: language, 2: written = '', index } of text.matchAll(/^ *```(\w+)\n([^]*?)^ *```$/gm)) {
    const content = withoutIndent(written);
    const before = text.slice(end, index);
    end = index + whole.length;
    steps.push(...publishedKeys(before));
    if (language === 'yaml' && content.includes('_format_version')) kongYml = content;
    if (language === 'yaml' && /^apiVersion:/m.test(content)) {
      manifests.push(...parseAllDocuments(content).map((document) => document.toJS() as Manifest));
    }
    if (language === 'json') steps.push(...describedToken(before, content));
    if (language === 'sh') {
      last = /^curl [^]*127\.0\.0\.1:8000/m.test(content)
        ? { kind: 'request', command: content }
        : OPERATION.test(content)
          ? { kind: 'command', command: content }
          : undefined;
      if (last !== undefined) steps.push(last);
    }
    if (language === 'text' && last?.kind === 'command') last.output = content;
    if (language === 'http' && last !== undefined) {
      if (content.startsWith('HTTP/')) last.answer = readMessage(content);
      else last.received = readMessage(content);
    }
  }
  return {
    name,
    kongYml: manifests.length > 0 ? kongYmlOf(manifests) : kongYml,
    manifests,
    steps: steps.map((step) => {
      if (step.kind === 'request' && (step as Draft).answer === undefined) {
        throw new Error(`${name}: a command without its answer: ${(step as Draft).command}`);
      }
      return step as HowToStep;
    }),
  };
}

function publishedKeys(prose: string): HowToStep[] {
  const sentences = prose.matchAll(/provider\s+(?:now\s+)?publishes\s+the\s+keys?\s+((?:`[^`]+`(?:\s+and\s+)?)+)/gi);
  return [...sentences].map(([, keys = '']) => ({
    kind: 'keys',
    kids: [...keys.matchAll(/`([^`]+)`/g)].map(([, kid]) => kid!),
  }));
}

function describedToken(prose: string, json: string): HowToStep[] {
  const described =
    /`\$(\w+)`\s+holds\s+a\s+(new\s+)?token\s+with\s+these\s+claims(?:,\s+signed\s+with\s+the\s+key\s+`([^`]+)`)?/;
  const [, name, isNew, kid] = described.exec(prose) ?? [];
  if (name === undefined) return [];
  const claims = JSON.parse(json) as Record<string, unknown>;
  return [{ kind: 'token', name, claims, kid, isNew: isNew !== undefined }];
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

/** Where things are on this machine that a page's kong.yml has elsewhere. */
export interface Here {
  /** The service behind every route. */
  readonly serviceUrl: string;
  /** What every issuer whose keys are elsewhere has in place of them: `jwks`, or `jwks_uri`. */
  readonly keys: Readonly<Entry>;
  /** The folder for the files of {@link ETC}. */
  readonly folder: string;
}

/** The folder that pages name. */
export const ETC = '/etc/kong/jwt-identity';

/** Prepares a page's kong.yml for this machine. Everything that is not in {@link Here} stays as it is written. */
export function prepared(kongYml: string, { serviceUrl, keys, folder }: Here): PreparedFile {
  const issuers = new Map<string, Readonly<Entry>>();
  const localized = (value: unknown): unknown => {
    if (typeof value === 'string') return value.replace(ETC, folder);
    if (Array.isArray(value)) return value.map(localized);
    if (typeof value !== 'object' || value === null) return value;
    const entry = value as Entry;
    if (typeof entry['issuer'] === 'string' && KEY_SOURCES.some((source) => source in entry)) {
      issuers.set(entry['issuer'], entry);
      if ('secret' in entry) return entry;
      const others = Object.entries(entry).filter(([name]) => !['jwks_uri', 'discovery', 'key_fetch'].includes(name));
      return { ...Object.fromEntries(others), ...keys };
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
