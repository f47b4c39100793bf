import type { HeaderList } from './header-list';

/** Why a request is refused before it is looked at: a status and a text of Kong's own. */
export interface Refusal {
  readonly status: 400 | 405 | 414 | 494;
}

/** nginx's `large_client_header_buffers`, as Kong leaves them: no line may be longer, in bytes. */
const MAX_LINE_BYTES = 8 * 1024;
/** nginx's four such buffers: all header lines together, in bytes. */
export const MAX_HEADER_BYTES = 4 * MAX_LINE_BYTES;

/** Most header lines. Kong 3.9.3: its nginx has a patch that sets this limit (CVE-2026-49975). */
const MAX_LINES = 1_000;

/** Headers that may stand once (nginx 1.25: `ngx_http_process_unique_header_line`, and `Host`). */
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

/** Returns why nginx would refuse a request, `null` when it would not. */
export function refuseArrival(method: string, target: string, headers: HeaderList): Refusal | null {
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
  return method === 'TRACE' || method === 'CONNECT' ? { status: 405 } : null;
}

/** Whether nginx keeps a header of this name; it drops others without a word (`ignore_invalid_headers`). */
export function isKept(name: string): boolean {
  return /^[A-Za-z0-9_-]+$/.test(name);
}
