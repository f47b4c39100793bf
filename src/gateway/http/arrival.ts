import type { HeaderList } from './header-list';
import { isHost } from './request-target';

/** Why a request is refused before it is looked at: a status and a text of Kong's own. */
export interface Refusal {
  readonly status: 400 | 405 | 414 | 494 | 501 | 505;
}

/** nginx's `large_client_header_buffers`, as Kong leaves them: no line may be longer, in bytes. */
const MAX_LINE_BYTES = 8 * 1024;
/** nginx's four such buffers: all header lines together, in bytes. */
export const MAX_HEADER_BYTES = 4 * MAX_LINE_BYTES;

/** Most header lines. Kong 3.9.3: its nginx has a patch that sets this limit (CVE-2026-49975). */
const MAX_LINES = 1_000;

/** Headers that may occur once (nginx 1.25: `ngx_http_process_unique_header_line`, and `Host`). */
const UNIQUE = new Set([
  'host',
  'authorization',
  'content-length',
  'content-range',
  'expect',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'transfer-encoding',
]);

/** The first line of a request and its headers. */
export interface RequestHead {
  readonly method: string;
  /** As it came, with a host if it names one. */
  readonly target: string;
  /** Such as `1.1`. */
  readonly httpVersion: string;
  readonly headers: HeaderList;
}

/** Returns why nginx would refuse a request, `null` when it would not. The target itself is left to `parseTarget`. */
export function refuseArrival(head: RequestHead): Refusal | null {
  const problem = refuseVersion(head) ?? refuseLines(head) ?? refuseHost(head) ?? refuseFraming(head);
  if (problem !== null) return problem;
  return head.method === 'TRACE' || head.method === 'CONNECT' ? { status: 405 } : null;
}

/** nginx 1.25: `ngx_http_parse_request_line`. HTTP/0.9 has no headers, so nothing could be verified: refused here. */
function refuseVersion({ httpVersion }: RequestHead): Refusal | null {
  if (httpVersion === '1.0' || httpVersion === '1.1') return null;
  return { status: Number(httpVersion) >= 2 ? 505 : 400 };
}

function refuseLines({ method, target, headers }: RequestHead): Refusal | null {
  if (method.length + target.length + ' HTTP/1.1'.length + 1 > MAX_LINE_BYTES) return { status: 414 };
  if (headers.lines.length > MAX_LINES) return { status: 494 };
  const seen = new Set<string>();
  for (const [name, value] of headers.lines) {
    if (name.length + value.length + ': '.length > MAX_LINE_BYTES) return { status: 494 };
    const key = name.toLowerCase();
    // Two Authorization headers: which one counts is a question nobody should have to ask.
    if (UNIQUE.has(key) && seen.has(key)) return { status: 400 };
    seen.add(key);
  }
  return null;
}

/** RFC 9112 §3.2: HTTP/1.1 needs a Host, and only one that could be a host. */
function refuseHost({ httpVersion, headers }: RequestHead): Refusal | null {
  const host = headers.first('host');
  const isMissing = host === null && httpVersion === '1.1';
  return isMissing || (host !== null && !isHost(host)) ? { status: 400 } : null;
}

/** nginx 1.25: `ngx_http_process_request_header`. It knows chunks and nothing else, and none in HTTP/1.0. */
function refuseFraming({ httpVersion, headers }: RequestHead): Refusal | null {
  const coding = headers.first('transfer-encoding');
  if (coding === null) return null;
  if (httpVersion === '1.0') return { status: 400 };
  return coding.toLowerCase() === 'chunked' ? null : { status: 501 };
}

/** Whether nginx keeps a header of this name; it drops others without a word (`ignore_invalid_headers`). */
export function isKept(name: string): boolean {
  return /^[A-Za-z0-9_-]+$/.test(name);
}
