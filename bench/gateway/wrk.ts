import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';

/** What came out of a load. */
export interface Load {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers that were not 2xx or 3xx. */
  readonly refused: number;
}

/** Whether there is a `wrk` on PATH (Debian: the package of this name). */
export function hasWrk(): boolean {
  return spawnSync('wrk', ['--version']).error === undefined;
}

/** Asks for a URL over 32 connections, again and again. @throws when there were connection errors or timeouts */
export async function runWrk(
  url: string,
  headers: readonly string[],
  seconds: number,
  tokens: readonly string[] = [],
): Promise<Load> {
  const script = tokens.length === 0 ? undefined : scriptFor(tokens);
  const flags = ['--threads', '1', '--connections', '32', '--duration', `${seconds}s`, '--latency'];
  if (script !== undefined) flags.push('--script', script);
  const { stdout } = await promisify(execFile)('wrk', [
    ...flags,
    ...headers.flatMap((line) => ['--header', line]),
    url,
  ]);
  if (script !== undefined) rmSync(dirname(script), { recursive: true });
  const number = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1] ?? 0);
  if (stdout.includes('Socket errors')) throw new Error(`${url}: ${stdout}`);
  return {
    requests: number(/(\d+) requests in/),
    perSecond: number(/Requests\/sec:\s+([\d.]+)/),
    p50Ms: milliseconds(/^\s+50%\s+(\S+)/m.exec(stdout)?.[1]),
    p99Ms: milliseconds(/^\s+99%\s+(\S+)/m.exec(stdout)?.[1]),
    refused: number(/Non-2xx or 3xx responses: (\d+)/),
  };
}

/** Writes a script with which wrk sends one of these header lines after the other. */
function scriptFor(lines: readonly string[]): string {
  const file = join(mkdtempSync(join(tmpdir(), 'wrk-')), 'tokens.lua');
  const values = lines.map((line) => `"${line.replace('Authorization: ', '')}",`).join('\n');
  writeFileSync(
    file,
    `local tokens, next = {\n${values}\n}, 0
function request()
  next = next % #tokens + 1
  wrk.headers["Authorization"] = tokens[next]
  return wrk.format()
end
`,
  );
  return file;
}

function milliseconds(text = ''): number {
  const [, value = 'NaN', unit = ''] = /^([\d.]+)(us|ms|s)$/.exec(text) ?? [];
  return Number(value) * ({ us: 1e-3, ms: 1, s: 1e3 }[unit] ?? Number.NaN);
}
