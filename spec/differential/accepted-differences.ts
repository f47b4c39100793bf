import { readFileSync } from 'node:fs';
import { METHODS } from 'node:http';
import { join } from 'node:path';
import type { Outcome } from './request-outcome';
import { KONG_ONLY } from '../../src/kong/declarative/configuration-error';

/** A difference that is meant: its name in docs/DEVELOPMENT-GATEWAY.md, where its reason stands, and how to know it. */
export interface FileDifference {
  /** `null` for what the gateway itself says to the user: to run the file with Kong. */
  readonly name: string | null;
  /** What the development gateway says when it refuses a file that Kong takes. */
  readonly reason: RegExp;
}

/** Why the development gateway may refuse a file that Kong takes. It never takes one that Kong refuses. */
export const FILE_DIFFERENCES: readonly FileDifference[] = [
  { name: null, reason: new RegExp(KONG_ONLY) },
  { name: 'a key twice in a map', reason: /Map keys must be unique/ },
  { name: 'a key that is a number, boolean or null', reason: /Map key that is not text/ },
  { name: 'one plugin twice at one place', reason: /stands twice at the same place/ },
  { name: 'null for a plugin’s field with a default', reason: /must be left out to have its default, not null/ },
  { name: 'null for the name of what holds something', reason: /must be left out, not null, when something/ },
  { name: 'a plugin in a consumer that cannot have it', reason: /consumers\[.*\.consumer: value must be null/ },
  { name: 'line ends of YAML 1.1', reason: /Character that cannot stand in a file/ },
  { name: 'texts with a NUL', reason: /Text that Kong cannot read/ },
  {
    name: 'YAML that only libyaml reads',
    reason:
      /not readable as YAML: (Comments must be separated|Flow (map|sequence) in|Missing (closing|, or :|newline)|Block collections are not|Unexpected characters|Nested mappings|Implicit (map )?keys|All mapping items|Unexpected (flow|scalar|block|doc)|Plain value|Tabs are|Block scalar|Map keys? |A (block|collection)|Anchor|Source is empty)/,
  },
];

/** A difference in what comes of a request: its name in docs/DEVELOPMENT-GATEWAY.md, and how to know it. */
export interface RequestDifference {
  readonly name: string;
  readonly isMet: (request: string, kong: Outcome, own: Outcome) => boolean;
}

/** In what the development gateway may differ from Kong. In none of them may a request go through here alone. */
export const REQUEST_DIFFERENCES: readonly RequestDifference[] = [
  {
    name: 'Requests that only Kong takes',
    isMet: (request, _kong, own) => own.status === 400 && own.arrived.length === 0 && isStrangeToNode(request),
  },
  {
    name: 'closes the connection, or answers 400, when a chunked body is broken',
    isMet: (request, kong, own) =>
      request.endsWith('\r\n\r\nzz\r\n') && kong.arrived.length === 0 && own.arrived.length === 0,
  },
  {
    name: 'answers the first of several faults of a request that cannot be read',
    isMet: (_request, kong, own) => kong.status !== own.status && [kong, own].every(isUnreadable),
  },
  {
    name: 'runs header filters for a request that it cannot read with the headers before the fault',
    isMet: (_request, kong, own) => kong.status === own.status && [kong, own].every(isUnreadable),
  },
  {
    name: 'takes `http://a.test?x` for the path `/` of the service',
    isMet: (request, kong, own) => /^\S+ https?:\/\/[^/ ]*\?/.test(request) && kong.status === own.status,
  },
  {
    name: 'counts a request of `rate-limiting` in a timer after it',
    isMet: (_request, kong, own) =>
      own.headers.some(isOfLimit) && (own.status === 429 || withoutLimit(kong) === withoutLimit(own)),
  },
];

function isOfLimit(header: string): boolean {
  return /^(x-)?ratelimit-/.test(header);
}

/** An outcome without what a counter says. */
function withoutLimit(outcome: Outcome): string {
  return JSON.stringify({ ...outcome, headers: outcome.headers.filter((header) => !isOfLimit(header)) });
}

/** Refused before a route is looked for, whatever the file says. */
function isUnreadable({ status, arrived }: Outcome): boolean {
  return arrived.length === 0 && [400, 405, 501, 505].includes(status ?? 0);
}

/** Whether Node's parser refuses a request that nginx may take. */
function isStrangeToNode(request: string): boolean {
  const [line = '', ...lines] = request.slice(0, request.indexOf('\r\n\r\n')).split('\r\n');
  const [, method = '', target = '', version] = /^(\S*) (.*?)(?: (\S*))?$/.exec(line) ?? [];
  const isLineStrange = (version !== 'HTTP/1.1' && version !== 'HTTP/1.0') || /[\x80-\xff]/.test(target);
  const isHeaderStrange = lines.some((header) => !/^[\w!#$%&'*+.^`|~-]+:[\t\x20-\x7e\x80-\xff]*$/.test(header));
  return !METHODS.includes(method) || isLineStrange || isHeaderStrange;
}

/** The names that docs/DEVELOPMENT-GATEWAY.md gives a reason for. */
export function documentedDifferences(): string[] {
  const page = readFileSync(join(__dirname, '../../docs/DEVELOPMENT-GATEWAY.md'), 'utf8');
  return page.split('\n').flatMap((line) => /^(?:\| |### )([^|]+?)(?: +\||$)/.exec(line)?.[1] ?? []);
}
